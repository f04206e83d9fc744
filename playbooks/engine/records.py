"""Events and findings as the lines of a journal, and back. What is written holds no secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from playbooks.actions.model import Plan
from playbooks.engine.events import (
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
from supportctl.core.finding_json import finding_of
from supportctl.core.json_values import flag, items, mapping, moment, number, plain, text
from supportctl.core.secret_patterns import HIDDEN, is_secret_name
from supportctl.core.secrets import is_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from playbooks.engine.events import Event

SCHEMA = "supportctl.run/1"
_KINDS: Mapping[str, type[Event]] = {
    "begun": Begun, "checked": Checked, "answered": Answered, "told": Told, "consented": Consented,
    "acted": Acted, "undone": Undone, "waited": Waited, "shown": Shown, "hand-over-now": HandOverNow,
    "gave-up": GaveUp, "ticked": Ticked, "resumed": Resumed,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


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
        return {"schema": SCHEMA, **_with_params(told)}
    if isinstance(record, Intent):
        plan = record.plan._asdict()
        shown = plain(plan, prose=True)
        whole = record.whole and all(shown[part] == dict(plan[part]) for part in ("undo", "params"))
        return {"intent": record.step, "at": record.at, "plan": shown, "whole": whole}
    if isinstance(record, Ended):
        return {"ended": record.outcome, **plain({**record._asdict(), "outcome": None}, prose=True)}
    told = {
        name: value
        for name, value in record._asdict().items()
        if name == "at" or value != type(record)._field_defaults.get(name, ...)
    }
    shown = _with_params(told) if isinstance(record, Begun) else plain(told, prose=True)
    return {"event": _NAMES[type(record)], **shown}


def _with_params(told: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return what a run began with; a parameter that is called a secret is hidden, whatever it is."""
    params = {
        name: HIDDEN if value and is_secret_name(name) and not is_reference(value) else value
        for name, value in told.get("params", {}).items()
    }
    shown: dict[str, Any] = plain({**told, "params": params} if params else told, prose=True)
    return shown


# --- reading ----------------------------------------------------------------------------------------------


def record_of(line: str) -> Event | Line:
    """Return the record of a line.

    Raises:
        RecordError: it is none.
    """
    try:
        document = mapping(json.loads(line))
        if "schema" in document:
            return _header(document)
        if "intent" in document:
            return _intent(document)
        if "ended" in document:
            texts = {name: text(document.get(name, "")) for name in ("why", "to", "step")}
            return Ended(number(document["at"]), text(document["ended"]), **texts)
        kind = _KINDS[text(document.pop("event"))]
        return kind(**{name: _FIELDS[name](value) for name, value in document.items()})
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise RecordError(f"{type(error).__name__}: {error}") from None


def _header(document: dict[str, Any]) -> Header:
    if document["schema"] != SCHEMA:
        raise ValueError(document["schema"])
    read = {name: _HEADER[name](document[name]) for name in Header._fields}
    return Header(**read)


def _intent(document: dict[str, Any]) -> Intent:
    plan = mapping(document["plan"])
    parts = {name: _texts(plan[name]) for name in ("params", "words", "undo")}
    planned = Plan(text(plan["action"]), **parts, needless=flag(plan["needless"]))
    return Intent(number(document["at"]), text(document["intent"]), planned, flag(document["whole"]))


def _answer(value: Any) -> str | float:  # noqa: ANN401  JSON
    return text(value) if isinstance(value, str) else number(value)


def _strings(value: Any) -> tuple[str, ...]:  # noqa: ANN401  JSON
    return tuple(text(part) for part in items(value))


def _texts(value: Any) -> dict[str, str]:  # noqa: ANN401  JSON
    return {name: text(part) for name, part in mapping(value).items()}


_FIELDS: Mapping[str, Callable[[Any], Any]] = {  # of events: a name means the same in all of them
    "at": number, "extra_s": number, "said": Said, "yes": flag, "ok": flag, "needless": flag,
    "code": text, "words": _texts, "params": _texts, "targets": _strings, "areas": _strings,
    "roles": lambda value: {name: _strings(part) for name, part in mapping(value).items()},
    "findings": lambda value: tuple(finding_of(part) for part in items(value)),
    "facts": lambda value: {name: _answer(part) for name, part in mapping(value).items()},
    "value": lambda value: None if value is None else _answer(value),
}  # fmt: skip
_HEADER: Mapping[str, Callable[[Any], Any]] = {
    "run": text, "playbook": text, "version": number, "digest": text, "tool_version": text,
    "language": text, "started_at": moment, "ticket": text, "site": text, "operator": text,
    "dry_run": flag, "roles": _FIELDS["roles"], "params": _texts, "source": text,
}  # fmt: skip
