"""Structured logs on standard error; structlog is imported when the first event is written.

Most runs on a till write none, and must not pay for it. On a terminal the log would stand between the words
for a person: there it is written only if it was asked for, and what was held back is counted.
"""

from __future__ import annotations

import sys
from typing import Any

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_state = {"level": LEVELS["warning"], "format": 0, "wanted": 0, "withheld": 0}


def configure(level: str, log_format: str) -> None:
    """Set the lowest level that is written, and whether lines are JSON. Whoever sets it wants the log."""
    _state.update(level=LEVELS[level], format=int(log_format == "json"), wanted=1)
    _state.pop("ready", None)


def wanted(*, on_terminal: bool) -> None:
    """Set whether the log is written to a terminal as well: by commands that have no other words."""
    _state.update(wanted=int(on_terminal), withheld=0)


def withheld() -> int:
    """Return how many events were not written since the last question, because a person reads there."""
    count, _state["withheld"] = _state["withheld"], 0
    return count


def debugging() -> bool:
    """Return whether tracebacks may be shown."""
    return _state["level"] <= LEVELS["debug"]


def event(level: str, name: str, **fields: object) -> None:
    """Write one event; every field passes the redaction first, and what is called a secret is none."""
    if LEVELS[level] < _state["level"]:
        return
    if not _state["wanted"] and _at_terminal():
        _state["withheld"] += 1
        return
    from supportctl.core.redaction import redact
    from supportctl.core.secret_patterns import HIDDEN, is_secret_name

    shown = {
        key: HIDDEN if is_secret_name(key) else redact(str(value), prose=True)
        for key, value in fields.items()
    }
    getattr(_logger(), level)(name, **shown)


def _at_terminal() -> bool:
    return sys.stderr.isatty()


def _logger() -> Any:  # noqa: ANN401  structlog's loggers are typed by configuration
    import structlog

    if "ready" not in _state:
        renderer = (
            structlog.processors.JSONRenderer()
            if _state["format"]
            else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
        )
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
                renderer,
            ],
            # the stream of now: it may be redirected
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
            cache_logger_on_first_use=False,
        )
        _state["ready"] = 1
    return structlog.get_logger()
