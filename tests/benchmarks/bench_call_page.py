"""From a click on "Call" to hearing the greeting: the page in Chromium, the daemon, the local engine, models warm."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from statistics import median

from playwright.async_api import async_playwright

from tests.benchmarks.figures import Row
from tests.benchmarks.house import data_folder
from tests.fakes.agentvoice_process import Program
from tests.page.house import LOUD, PATIENCE_MS, PageHouse, Visit

CALLS = 7
GOAL_MS = 1_500

STATIONS = ("microphone and speaker open", "call answered", "greeting sent", "greeting heard")
WATCH = f"""async () => {{
  const live = await import("/static/live_call.js");
  const passed = [0, 0, 0, 0];
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ports) {{
    if (message.type === "open") passed[0] = performance.now() - clicked; // the socket is opened behind the devices
    post.call(this, message, ports);
  }};
  const clicked = performance.now();
  document.querySelector("button.big").click();
  const watch = setInterval(() => {{
    const now = performance.now() - clicked;
    const is = [false, live.callId.value, live.state.value === "speaking", live.outputLevel() > {LOUD}];
    is.forEach((isSo, at) => {{ if (isSo) passed[at] ||= now; }});
    if (passed[3]) clearInterval(watch);
  }}, 4);
  window.passed = passed;
}}"""


def run() -> list[Row]:
    """Measure several calls, each on a page that was just loaded."""
    with data_folder(with_models=True) as settings:
        calls = asyncio.run(measure(Path(settings.home)))
    whole = [call[-1] for call in calls]
    steps = list(
        zip(
            *([end - begin for begin, end in itertools.pairwise((0.0, *call))] for call in calls), strict=True
        )
    )
    parts = [f"{name}: {median(step):.0f} ms" for name, step in zip(STATIONS, steps, strict=True)]
    parts.append(f"each call: {', '.join(f'{ms:.0f}' for ms in whole)}")
    return [Row("click to greeting heard, p50", median(whole), "ms", GOAL_MS, parts="\n".join(parts))]


async def measure(home: Path) -> list[list[float]]:
    """Return when each call passed its stations, in ms after the click."""
    program = Program(home)
    async with program.daemon() as daemon, async_playwright() as playwright:
        address = (await daemon.logged("ready"))["http"]
        await daemon.logged("speech worker ready")
        house = PageHouse(program, daemon, address, playwright)
        calls = []
        for _ in range(CALLS):
            async with house.visit() as visit:
                calls.append(await one_call(visit))
        return calls


async def one_call(visit: Visit) -> list[float]:
    """Call, hear the greeting, hang up; return when the stations were passed."""
    await visit.go("start")
    await visit.page.locator("button.big").wait_for()
    await visit.page.evaluate(WATCH)
    await visit.page.wait_for_function("() => window.passed[3]", timeout=PATIENCE_MS)
    passed: list[float] = await visit.page.evaluate("window.passed")
    await visit.press("Hang up")
    await visit.page.get_by_role("heading", name="Call ended").wait_for()
    # Stations are seen every 4 ms and told one behind the other: none can lie before the one before it.
    return list(itertools.accumulate(passed, max))
