"""Events and findings as the lines of a journal, and back. What is written holds no secrets."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from playbooks.actions.model import Plan
from playbooks.engine.state import (
    Acted,
    Answered,
    Begun,
    Checked,
    Consented,
    GaveUp,
    HandOverNow,
    Resumed,
    Said,
    Shown,
    Ticked,
    Told,
    Undone,
    Waited,
)
from supportctl.core.finding import Evidence, Finding, Meaning, Status
from supportctl.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playbooks.engine.state import Event

SCHEMA = "supportctl.run/1"
_KINDS: Mapping[str, type[Event]] = {
    "begun": Begun, "checked": Checked, "answered": Answered, "told": Told, "consented": Consented,
    "acted": Acted, "undone": Undone, "waited": Waited, "shown": Shown, "hand-over-now": HandOverNow,
    "gave-up": GaveUp, "ticked": Ticked, "resumed": Resumed,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}
_MEANING = "meaning"


class Header(NamedTuple):
    """The first line of a journal. `digest` is that of the playbook's file and of those that it includes."""

    run: str
    playbook: str
    version: int
    digest: str
    tool_version: str
    language: str
    started_at: datetime
    ticket: str = ""
    site: str = ""
    operator: str = ""
    dry_run: bool = False
    roles: Mapping[str, tuple[str, ...]] = {}
    params: Mapping[str, str] = {}
    source: str = ""  # the playbook's file


class Intent(NamedTuple):
    """An action that is about to be done at a step, written before it is.

    `whole` is False if something in the plan had to be left out as a secret: it cannot be undone from here.
    """

    at: float
    step: str
    plan: Plan
    whole: bool = True


class Ended(NamedTuple):
    """How a run ended, for lists: replay says the same. `outcome` is `paused` for one that was put aside."""

    at: float
    outcome: str
    why: str = ""
    to: str = ""
    step: str = ""


Line = Header | Intent | Ended


class RecordError(Exception):
    """A line that is no record."""


# --- writing ----------------------------------------------------------------------------------------------


def line_of(record: Event | Line) -> str:
    """Return a record as one line of JSON, without secrets and without the line's end."""
    return json.dumps(_document(record), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _document(record: Event | Line) -> dict[str, Any]:  # Any: JSON
    if isinstance(record, Header):
        told = {**record._asdict(), "started_at": record.started_at.isoformat()}
        return {"schema": SCHEMA, **_plain(told)}
    if isinstance(record, Intent):
        plan = record.plan._asdict()
        whole = record.whole and all(_plain(plan[part]) == dict(plan[part]) for part in ("undo", "params"))
        return {"intent": record.step, "at": record.at, "plan": _plain(plan), "whole": whole}
    if isinstance(record, Ended):
        return {"ended": record.outcome, **_plain({**record._asdict(), "outcome": None})}
    told = {
        name: value
        for name, value in record._asdict().items()
        if name == "at" or value != type(record)._field_defaults.get(name, ...)
    }
    return {"event": _NAMES[type(record)], **_plain(told)}


def _plain(value: Any) -> Any:  # noqa: ANN401, PLR0911  anything that a record holds; one line a kind
    match value:
        case Meaning():
            return {_MEANING: redact(value)}
        case str():
            return redact(value)
        case float() if not math.isfinite(value):
            return str(value)
        case Finding() | Evidence():
            return {
                name: _plain(part) for name, part in value._asdict().items() if part not in (None, (), {})
            }
        case datetime():
            return value.isoformat()
        case tuple() | list():
            return [_plain(part) for part in value]
        case None | bool() | int() | float():
            return value
    return {redact(str(name)): _plain(part) for name, part in value.items()}


# --- reading ----------------------------------------------------------------------------------------------


def record_of(line: str) -> Event | Line:
    """Return the record of a line.

    Raises:
        RecordError: it is none.
    """
    try:
        document = _mapping(json.loads(line))
        if "schema" in document:
            return _header(document)
        if "intent" in document:
            return _intent(document)
        if "ended" in document:
            texts = {name: _text(document.get(name, "")) for name in ("why", "to", "step")}
            return Ended(_number(document["at"]), _text(document["ended"]), **texts)
        kind = _KINDS[_text(document.pop("event"))]
        return kind(**{name: _FIELDS[name](value) for name, value in document.items()})
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise RecordError(f"{type(error).__name__}: {error}") from None


def _header(document: dict[str, Any]) -> Header:
    if document["schema"] != SCHEMA:
        raise ValueError(document["schema"])
    read = {name: _HEADER[name](document[name]) for name in Header._fields}
    return Header(**read)


def _intent(document: dict[str, Any]) -> Intent:
    plan = _mapping(document["plan"])
    parts = {name: _texts(plan[name]) for name in ("params", "words", "undo")}
    planned = Plan(_text(plan["action"]), **parts, needless=_flag(plan["needless"]))
    return Intent(_number(document["at"]), _text(document["intent"]), planned, _flag(document["whole"]))


def _mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def _text(value: Any) -> str:  # noqa: ANN401  JSON
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: Any) -> float:  # noqa: ANN401  JSON
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no number")
    return value


def _flag(value: Any) -> bool:  # noqa: ANN401  JSON
    if not isinstance(value, bool):
        raise TypeError("no yes or no")
    return value


def _answer(value: Any) -> str | float:  # noqa: ANN401  JSON
    return _text(value) if isinstance(value, str) else _number(value)


def _arg(value: Any) -> str | float:  # noqa: ANN401  JSON
    return Meaning(_text(value[_MEANING])) if isinstance(value, dict) else _answer(value)


def _list(value: Any) -> list[Any]:  # noqa: ANN401  JSON
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _strings(value: Any) -> tuple[str, ...]:  # noqa: ANN401  JSON
    return tuple(_text(part) for part in _list(value))


def _texts(value: Any) -> dict[str, str]:  # noqa: ANN401  JSON
    return {name: _text(part) for name, part in _mapping(value).items()}


def _moment(value: Any) -> datetime:  # noqa: ANN401  JSON
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


def _finding(value: Any) -> Finding:  # noqa: ANN401  JSON
    told = _mapping(value)
    read = {name: _FINDING[name](part) for name, part in told.items()}
    return Finding(**read)


def _evidence(value: Any) -> Evidence:  # noqa: ANN401  JSON
    return Evidence(**{name: _EVIDENCE[name](part) for name, part in _mapping(value).items()})


def _args(value: Any) -> dict[str, str | float]:  # noqa: ANN401  JSON
    return {name: _arg(part) for name, part in _mapping(value).items()}


_EVIDENCE: Mapping[str, Callable[[Any], Any]] = {
    "asked": _text, "at": _moment, "ms": _number, "sent": _text, "got": _text, "meaning": _text,
    "args": _args,
}  # fmt: skip
_FINDING: Mapping[str, Callable[[Any], Any]] = {
    "code": _text, "status": Status, "target": _text, "name": _text, "args": _args,
    "evidence": lambda value: tuple(_evidence(part) for part in _list(value)),
    "because": _text, "stops_sales": _flag, "ours": _flag,
}  # fmt: skip
_FIELDS: Mapping[str, Callable[[Any], Any]] = {  # of events: a name means the same in all of them
    "at": _number, "extra_s": _number, "said": Said, "yes": _flag, "ok": _flag, "needless": _flag,
    "code": _text, "words": _texts, "params": _texts, "targets": _strings, "areas": _strings,
    "roles": lambda value: {name: _strings(part) for name, part in _mapping(value).items()},
    "findings": lambda value: tuple(_finding(part) for part in _list(value)),
    "facts": lambda value: {name: _answer(part) for name, part in _mapping(value).items()},
    "value": lambda value: None if value is None else _answer(value),
}  # fmt: skip
_HEADER: Mapping[str, Callable[[Any], Any]] = {
    "run": _text, "playbook": _text, "version": _number, "digest": _text, "tool_version": _text,
    "language": _text, "started_at": _moment, "ticket": _text, "site": _text, "operator": _text,
    "dry_run": _flag, "roles": _FIELDS["roles"], "params": _texts, "source": _text,
}  # fmt: skip
