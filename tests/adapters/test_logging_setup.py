"""Logs on stderr."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from agentvoice.adapters.logging_setup import set_up_logging
from agentvoice.adapters.signer import KeySigner
from agentvoice.config import LogSettings
from agentvoice.core.token import RANDOM_BYTES, build_token

JOURNAL = {"JOURNAL_STREAM": "8:1"}


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(
    settings: LogSettings, environ: dict[str, str]
) -> tuple[io.StringIO, structlog.typing.FilteringBoundLogger]:
    stream = io.StringIO()
    set_up_logging(settings, environ, stream)
    return stream, structlog.get_logger("test")


def test_json_with_priority_under_systemd():
    """The journal gets one JSON line with its syslog priority in front."""
    stream, log = logged(LogSettings(), JOURNAL)
    log.warning("relay_lost", relay="wss://a.b")
    priority, line = stream.getvalue()[:3], json.loads(stream.getvalue()[3:])
    assert priority == "<4>"
    assert (line["event"], line["relay"], line["level"]) == ("relay_lost", "wss://a.b", "warning")


def test_plain_lines_for_people():
    """Without systemd a line is plain text without colour codes."""
    stream, log = logged(LogSettings(), {})
    log.info("call_started", call="c1")
    assert "call_started" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_what_is_logged_cannot_steer_the_terminal():
    """Words of a peer reach the operator's terminal without the commands in them."""
    stream, log = logged(LogSettings(), {})
    log.info("relay_lost", reason="\x1b[2Jgone\x9b1m")
    assert "\ufffd[2Jgone\ufffd1m" in stream.getvalue()


def test_the_level_is_kept():
    """What is less serious than the level is not written."""
    stream, log = logged(LogSettings(level="error"), {})
    log.warning("no")
    logging.getLogger("library").warning("no")
    log.error("yes")
    assert "no" not in stream.getvalue()
    assert "yes" in stream.getvalue()


def test_a_reload_changes_the_level_of_loggers_in_use():
    """A logger that wrote before follows the settings that were read again."""
    _, log = logged(LogSettings(level="error"), {})
    log.error("first")
    stream, _ = logged(LogSettings(level="debug"), {})
    log.debug("second")
    assert "second" in stream.getvalue()


def test_logs_of_libraries_go_the_same_way():
    """The standard library's loggers give the same JSON, named."""
    stream, _ = logged(LogSettings(format="json"), {})
    logging.getLogger("library").info("hello %s", "you")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["logger"], line["level"]) == ("hello you", "library", "info")


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_struck_out(form: str):
    """Keys and tokens never stand in a log, in whatever field, message or traceback they were."""
    nsec = KeySigner.generate().reveal()
    api_key = "sk-" + "proj-" + "Ab3_" * 6
    password = "hidden" * 2
    token = build_token(bytes(range(RANDOM_BYTES)))
    stream, log = logged(LogSettings(format=form), {})
    log.info(nsec, header=f"Authorization: Bearer {'x' * 20}", nested={"key": api_key})
    log.info("cookie", value=f"agentvoice={token}; Path=/")
    log.info("bunker", address=f"bunker://ab?relay=wss://r.example&secret={'once' * 3}&x=1")
    try:
        raise ValueError(f"postgresql://me:{password}@host/db {nsec}")
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("also")
    text = stream.getvalue()
    for secret in (nsec, api_key, "x" * 20, password, "once" * 3, token[3:15], token[16:]):
        assert secret not in text
    assert "Bearer" in text
    assert "@host/db" in text


def test_a_traceback_is_one_line_for_the_journal():
    """Every line of the journal has its priority, so a traceback is kept in one."""
    stream, log = logged(LogSettings(format="console"), JOURNAL)
    try:
        raise ValueError("x")
    except ValueError:
        log.exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("<3>")
