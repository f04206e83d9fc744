"""Legs of a report of Mango Office -> calls: a leg is a line, a call is the legs of one entry_id."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from integrations.phones import normalise
from supportctl.core.call import INTERNAL, Call, Direction, Rejected
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

SYSTEM = "Mango Office"
FIELDS = (
    "records", "start", "finish", "answer", "from_extension", "from_number", "to_extension", "to_number",
    "disconnect_reason", "line_number", "location", "entry_id",
)  # fmt: skip
TRANSFERRED = "transferred"
_LATEST = 4_102_444_800  # the year 2100
_LONGEST_S = 30 * 86400
_LONGEST_NAME = 200  # of a recording


class Leg(NamedTuple):
    """One leg; times are unix seconds, `answer` is 0 where nobody answered."""

    entry_id: str
    records: tuple[str, ...]
    start: int
    finish: int
    answer: int
    from_extension: str
    from_number: str
    to_extension: str
    to_number: str
    line: str

    @property
    def talk_s(self) -> int:
        """The seconds of talk."""
        return max(self.finish - self.answer, 0) if self.answer else 0

    @property
    def direction(self) -> Direction:
        """An employee calls out; anybody else calls in."""
        return "out" if self.from_extension else "in"


class Setting(NamedTuple):
    """What a call is made with."""

    source: str
    zone: tzinfo | None
    region: str | None
    recording: Callable[[str], str]


def read_leg(text: str, number: int) -> Leg | Rejected:
    """Return the leg that a line is. Values are not quoted: there is no `;` in them."""
    values = text.split(";")
    if len(values) != len(FIELDS):
        return Rejected(number, "record.not-a-record", {"system": SYSTEM, "found": clean(text)})
    row = {name: value.strip() for name, value in zip(FIELDS, values, strict=True)}
    times: dict[str, int] = {}
    for name in ("start", "finish", "answer"):
        value = row[name] or ("0" if name == "answer" else "")
        if not (value.isascii() and value.isdecimal() and len(value) < 12 and int(value) < _LATEST):
            return _rejected(number, name, row[name])
        times[name] = int(value)
    if times["finish"] > times["start"] + _LONGEST_S or 0 < times["answer"] < times["start"] - _LONGEST_S:
        return _rejected(number, "finish", row["finish"])
    if not row["entry_id"]:
        return _rejected(number, "entry_id", "")
    return Leg(
        clean(row["entry_id"]),
        tuple(filter(None, (part.strip() for part in row["records"].strip("[]").split(",")))),
        times["start"],
        times["finish"],
        times["answer"],
        clean(row["from_extension"]),
        row["from_number"],
        clean(row["to_extension"]),
        row["to_number"],
        row["line_number"],
    )


def call_of(legs: Sequence[Leg], setting: Setting) -> Call:
    """Return the call of these legs, the first one first."""
    first, answered = legs[0], [leg for leg in legs if leg.answer]
    internal = bool(first.from_extension and first.to_extension)
    incoming = first.direction == "in"
    contact = first.from_number if incoming else first.to_number
    records = [record for leg in legs for record in leg.records if len(record) <= _LONGEST_NAME]
    people = [leg.to_extension if incoming else leg.from_extension for leg in (*answered[::-1], *legs)]
    tags = (INTERNAL,) if internal else ()
    talked = list(dict.fromkeys(name for name in people[: len(answered)] if name))
    if len(talked) > 1:
        tags = (*tags, TRANSFERRED)
    end = answered[0].answer if answered else max(leg.finish for leg in legs)
    return Call(
        first.entry_id,
        setting.source,
        first.direction,
        datetime.fromtimestamp(first.start, setting.zone or UTC),
        sum(leg.talk_s for leg in answered),
        normalise(first.to_extension if internal else contact, setting.region),
        answered=bool(answered),
        wait_s=max(end - first.start, 0),
        line=normalise(next((leg.line for leg in legs if leg.line), ""), setting.region),
        employee=next((name for name in people if name), ""),
        recording_url=setting.recording(records[0]) if records else None,
        tags=tags,
    )


def _rejected(number: int, field: str, value: str) -> Rejected:
    args = {"system": SYSTEM, "field": field, "found": clean(f"{field}: {value!r}")}
    return Rejected(number, "record.bad-field", args)
