"""Logs: structlog to stderr, plain for people, JSON under systemd; secrets are struck out last."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor, WrappedLogger

from agentvoice.config import LogSettings

JOURNAL_VARIABLE = "JOURNAL_STREAM"  # set by systemd when stderr goes to the journal
STRUCK_OUT = "[secret]"

# sd-daemon(3): the number of a syslog level in angle brackets before the line.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}

_SECRETS = re.compile(
    r"nsec1[02-9ac-hj-np-z]{6,}|ncryptsec1[02-9ac-hj-np-z]{6,}"
    r"|\b(?:sk|ek)[-_][A-Za-z0-9_-]{8,}"
    r"|\bav_[0-9a-f]{12}_[A-Za-z0-9_-]+"
    r"|(?<=[?&]secret=)[^\s&\"']+"
    r"|(?<=Bearer )[^\s\"',}]+"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)",
    re.IGNORECASE,
)

# C0 (but tab and line feed, which tracebacks have), DEL, C1: a relay's or caller's text may hold them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def set_up_logging(
    settings: LogSettings, environ: Mapping[str, str] | None = None, stream: TextIO | None = None
) -> None:
    """Send the logs of structlog and of the libraries' `logging` to stderr (or `stream`).

    May be called again, when the settings were read again.
    """
    environ = os.environ if environ is None else environ
    stream = sys.stderr if stream is None else stream
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    is_json = settings.format == "json" or (settings.format == "auto" and JOURNAL_VARIABLE in environ)
    has_priority = JOURNAL_VARIABLE in environ
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _rendering(is_json=is_json, has_priority=has_priority)
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,  # or a reload would not reach loggers already in use
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell every frame they move at debug: that is nobody's business, and may hold speech.
    root.setLevel(max(level, logging.INFO))
    for chatty in ("alembic", "apscheduler"):  # a line for each plugin, and for each job each time
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _rendering(*, is_json: bool, has_priority: bool) -> list[Processor]:
    # Plain tracebacks everywhere: the prettier ones print local variables, secrets among them.
    plain = structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=30, exception_formatter=structlog.dev.plain_traceback
    )
    steps: list[Processor]
    if is_json:
        steps = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    else:
        steps = [plain]
    if not has_priority:
        return [*steps, strike_out_secrets]
    return [*steps, strike_out_secrets, _add_priority]


def strike_out_secrets(_logger: WrappedLogger, _method: str, line: Any) -> Any:
    """Replace keys and tokens in a rendered line, and what a terminal would obey.

    It is the last step, so that nothing gets past it.
    """
    return _SECRETS.sub(STRUCK_OUT, _CONTROLS.sub("\ufffd", line)) if isinstance(line, str) else line


def _add_priority(_logger: WrappedLogger, method: str, line: Any) -> Any:
    priority = _PRIORITIES.get({"exception": "error", "warn": "warning"}.get(method, method), 6)
    # journald takes one record per line: a traceback's lines would lose their priority.
    return f"<{priority}>" + str(line).replace("\n", "\\n")
