"""A house for the page: the daemon as a process, a scripted provider, and Debian's Chromium without a screen.

`visit` opens the page as a person does, with a recording as microphone. What the page must never do
is checked when it is closed: ask another host, log an error, break a rule of its own Content-Security-Policy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, Playwright, Request

from tests.fakes.agentvoice_process import Daemon, Program

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
LISTEN = """async () => {
  const live = await import("/static/live_call.js");
  window.heard = [];
  setInterval(() => window.heard.push([performance.now(), live.outputLevel()]), 20);
}"""
HEARD = "() => window.heard.splice(0)"
LOUD = 0.02
"""Loudness (RMS) from which something is heard; the worklet gives out zeros when nothing is."""
PATIENCE_MS = 20_000


@dataclass
class Visit:
    """A person at the page."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def note_request(self, request: Request) -> None:
        """Another host would learn that somebody calls."""
        if urlsplit(request.url).netloc != urlsplit(self.address).netloc:
            self.faults.append(f"asked {request.url}")

    async def go(self, route: str) -> None:
        """Open a view by its address."""
        await self.page.goto(f"{self.address}/#/{route}")

    async def call(self, agent: str = "Ada") -> None:
        """Choose an agent and call it, as by mouse."""
        await self.go("start")
        await self.page.get_by_role("radio", name=agent).check()
        await self.page.get_by_role("button", name=f"Call {agent}").click()
        await self.page.evaluate(LISTEN)

    async def see(self, text: str) -> None:
        """Wait until a text is shown."""
        await self.page.get_by_text(text).first.wait_for(timeout=PATIENCE_MS)

    async def press(self, name: str) -> None:
        """Press a button."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def hear(self, ms: int = 0) -> float:
        """Wait until something is heard, and for so long; return when it began (ms of the page's clock)."""
        loud = f"window.heard.filter(([, level]) => level > {LOUD})"
        await self.page.wait_for_function(
            f"() => {loud}.length && {loud}.at(-1)[0] - {loud}[0][0] >= {ms}", timeout=PATIENCE_MS
        )
        heard = await self.page.evaluate(HEARD)
        return float(next(at for at, level in heard if level > LOUD))

    async def hear_silence(self, ms: int) -> None:
        """Wait until nothing was heard for so long."""
        quiet = f"""() => {{
          const last = window.heard.filter(([at]) => at > performance.now() - {ms});
          return last.length > {ms} / 50 && last.every(([, level]) => level < {LOUD / 10});
        }}"""
        await self.page.wait_for_function(quiet, timeout=PATIENCE_MS)

    def forget_refusals(self) -> None:
        """Take out the browser's own notes that the daemon refused something."""
        self.faults = [
            fault for fault in self.faults if "the server responded with a status of 40" not in fault
        ]

    async def live(self, name: str) -> Any:
        """Return what the page knows of its call."""
        return await self.page.evaluate(
            "async (name) => (await import('/static/live_call.js'))[name].value", name
        )


@dataclass
class PageHouse:
    """The daemon's page and what opens it."""

    program: Program
    daemon: Daemon
    address: str
    playwright: Playwright

    @asynccontextmanager
    async def browser(self, microphone: Path | None = None) -> AsyncIterator[Browser]:
        """Run Chromium; without a recording its microphone beeps."""
        flags = [*FLAGS]
        if microphone is not None:
            flags.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
        browser = await self.playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            await browser.close()

    @asynccontextmanager
    async def visit(
        self, microphone: Path | None = None, address: str = "", script: str = ""
    ) -> AsyncIterator[Visit]:
        """Open the page in a browser of its own, in which `script` ran first."""
        async with self.browser(microphone) as browser:
            context = await browser.new_context()
            await context.add_init_script(script)
            async with look_in(context, address or self.address) as visit:
                yield visit


@asynccontextmanager
async def look_in(context: BrowserContext, address: str) -> AsyncIterator[Visit]:
    """Open the page in a browser that runs; fail if it did what it must never do."""
    page = await context.new_page()
    visit = Visit(page, address)
    page.on("request", visit.note_request)
    page.on("pageerror", lambda error: visit.faults.append(str(error)))
    page.on("console", lambda line: visit.faults.append(line.text) if line.type == "error" else None)
    yield visit
    await page.close()
    assert visit.faults == []
