/** Microphones and speakers, and the choices a person made among them. */

/** @typedef {{microphone: string, speaker: string, echo: boolean, noise: boolean, gain: boolean}} SoundChoice */

const KEY = "agentvoice.sound";
/** @type {SoundChoice} */
const FIRST_CHOICE = { microphone: "", speaker: "", echo: true, noise: true, gain: true };

/** @returns {SoundChoice} */
export function readChoice() {
  try {
    return { ...FIRST_CHOICE, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return FIRST_CHOICE;
  }
}

/** @param {SoundChoice} choice */
export function keepChoice(choice) {
  localStorage.setItem(KEY, JSON.stringify(choice));
}

/** @param {"audioinput" | "audiooutput"} kind */
export async function listDevices(kind) {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter((device) => device.kind === kind && device.deviceId && device.deviceId !== "default");
}

/** Open the chosen microphone, or the usual one where it is gone. @param {SoundChoice} choice */
export async function openMicrophone(choice) {
  if (!navigator.mediaDevices) throw new Error("The browser gives a microphone only to https and localhost pages.");
  /** @type {MediaTrackConstraints} */
  const audio = {
    channelCount: 1,
    echoCancellation: choice.echo,
    noiseSuppression: choice.noise,
    autoGainControl: choice.gain,
    ...(choice.microphone ? { deviceId: { ideal: choice.microphone } } : {}),
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new Error(explain(/** @type {DOMException} */ (error)));
  }
}

/** @param {DOMException} error */
function explain(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The microphone is blocked. Allow it in the address bar, then try again.";
    case "NotFoundError":
      return "There is no microphone. Plug one in, or type instead.";
    case "NotReadableError":
      return "Another program holds the microphone. Close it, then try again.";
    default:
      return `The microphone cannot be opened: ${error.message}`;
  }
}
