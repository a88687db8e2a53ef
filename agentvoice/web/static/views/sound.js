/** Microphone, speaker, and what the browser does to the sound. */

import { keepChoice, listDevices, openMicrophone, readChoice } from "../audio/devices.js";
import { reopenDevices } from "../live_call.js";
import { html, useEffect, useSignal } from "../ui.js";
import { Problem, Title } from "./parts.js";

/** @type {["echo" | "noise" | "gain", string][]} */
const SWITCHES = [["echo", "Take out echo of the speaker"], ["noise", "Take out background noise"], ["gain", "Even out loudness"]];

export function Sound() {
  const choice = useSignal(readChoice());
  const devices = useSignal({ audioinput: /** @type {MediaDeviceInfo[]} */ ([]), audiooutput: /** @type {MediaDeviceInfo[]} */ ([]) });
  const level = useSignal(0);
  const problem = useSignal("");
  const check = useSignal(0);
  useEffect(() => (check.value ? measure(level, problem, devices) : undefined), [check.value]);
  const change = (/** @type {object} */ part) => {
    choice.value = { ...choice.value, ...part };
    keepChoice(choice.value);
    void reopenDevices();
    if (check.value) check.value += 1;
  };
  const select = (/** @type {string} */ label, /** @type {"microphone" | "speaker"} */ name, /** @type {MediaDeviceInfo[]} */ list) => html`<label>${label}
    <select value=${choice.value[name]} onChange=${(/** @type {any} */ event) => change({ [name]: event.target.value })}>
      <option value="">The system's choice</option>${list.map((one) => html`<option value=${one.deviceId}>${one.label}</option>`)}
    </select></label>`;
  return html`<div class="narrow"><${Title} title="Sound" /><${Problem} text=${problem.value} />
    <div class="card stack">
      <button class="main" onClick=${() => (check.value += 1)}>Check the microphone</button>
      <label>Level<meter class="meter" min="0" max="1" value=${level.value}></meter></label>
      ${select("Microphone", "microphone", devices.value.audioinput)}
      ${"setSinkId" in AudioContext.prototype && select("Speaker", "speaker", devices.value.audiooutput)}
      <fieldset><legend>Before it is sent</legend>${SWITCHES.map(([name, label]) => html`<label class="check">
        <input type="checkbox" checked=${choice.value[name]} onChange=${(/** @type {any} */ event) => change({ [name]: event.target.checked })} />${label}</label>`)}</fieldset>
    </div></div>`;
}

/** Show the microphone's level until the view is left. @param {{value: number}} level @param {{value: string}} problem @param {{value: any}} devices */
function measure(level, problem, devices) {
  const context = new AudioContext();
  let isOver = false;
  /** @type {MediaStream | null} */
  let stream = null;
  const run = async () => {
    stream = await openMicrophone(readChoice());
    devices.value = { audioinput: await listDevices("audioinput"), audiooutput: await listDevices("audiooutput") };
    const analyser = new AnalyserNode(context);
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const draw = () => {
      if (isOver) return stop();
      analyser.getFloatTimeDomainData(samples);
      level.value = samples.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
      requestAnimationFrame(draw);
    };
    draw();
  };
  const stop = () => stream?.getTracks().forEach((track) => track.stop());
  run().catch((error) => (problem.value = error.message));
  return () => {
    isOver = true;
    stop();
    void context.close();
  };
}
