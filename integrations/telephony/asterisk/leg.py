"""One call detail record, read strictly: a leg of a call."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.telephony.asterisk.columns import epoch_of, known_as
from integrations.telephony.asterisk.local_time import NEWEST, OLDEST
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from integrations.telephony.asterisk.local_time import LocalTime

_LONGEST_TEXT = 1024  # of one column
_LONGEST_ID = 200
_LONGEST_CALL_S = 30 * 86400
_DATE_AND_TIME = len("2026-09-01 10:02:03")
_MICROSECONDS = 7
_ANSWERED = frozenset({"ANSWERED", "ANSWER", "8"})  # a table with a numeric column has AST_CDR_ANSWERED
_TEXTS = (
    "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "userfield", "recording", "did", "cnum",
    "outbound_cnum",
)  # fmt: skip
# what tells one record from another where no column is its id; every table and every file has these
_IDENTITY = (
    "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "duration", "billsec", "disposition",
)  # fmt: skip


class RecordError(ValueError):
    """A record that is no leg; `reason` is a key of the errors' texts."""

    def __init__(self, reason: str, **args: object) -> None:
        self.reason = reason
        self.args_by_name: Mapping[str, str] = {
            name: clean(_text_of(value), 80) for name, value in args.items()
        }
        super().__init__(reason)


class Leg(NamedTuple):
    """One record. `key` is what all legs of one call share."""

    key: str
    start: datetime
    answer: datetime | None
    end: datetime
    answered: bool
    talk_s: int
    uniqueid: str
    sequence: int
    src: str
    dst: str
    dcontext: str
    channel: str
    dstchannel: str
    lastapp: str
    userfield: str
    recording: str
    did: str
    cnum: str
    outbound_cnum: str
    two_sided: bool  # the records tell whom the caller was connected to


class LegReader:
    """Makes legs of records that have certain columns."""

    def __init__(self, columns: Sequence[str], time: LocalTime) -> None:
        self._place = {known_as(name): place for place, name in reversed([*enumerate(columns)])}
        self._count = len(columns)
        self._time = time
        self._texts = tuple(self._place.get(name) for name in _TEXTS)
        self._two_sided = "dstchannel" in self._place

    def read(self, record: Sequence[Any]) -> Leg:
        """Return the leg. `Any`: a database gives numbers and moments, a file texts.

        Raises:
            RecordError: it is none.
        """
        if len(record) != self._count:
            raise RecordError("cdr.columns", found=len(record), expected=self._count)
        uniqueid = self._text(record, "uniqueid", _LONGEST_ID).strip()
        linkedid = self._text(record, "linkedid", _LONGEST_ID).strip()
        near = epoch_of(uniqueid)
        start = self._moment(record, "start", near)
        if start is None:
            raise RecordError("cdr.bad-time", column="start", found="")
        duration = self._seconds(record, "duration")
        talk = self._seconds(record, "billsec")
        near = int(start.timestamp()) if near is not None else None
        end = self._moment(record, "end", None if near is None else near + duration)
        end = end if end is not None and end >= start else start + timedelta(seconds=duration)
        answered = self._text(record, "disposition").strip().upper() in _ANSWERED
        answer = self._moment(record, "answer", near) if answered else None
        if answered and (answer is None or not start <= answer <= end):
            answer = max(start, end - timedelta(seconds=talk))
        values = [
            "" if place is None or not (value := record[place]) else _text_of(value) for place in self._texts
        ]
        key = linkedid or uniqueid or self._hash(record, start)
        sequence = self._sequence(record)
        return Leg._make(
            (key, start, answer, end, answered, talk, uniqueid, sequence, *values, self._two_sided)
        )

    def start(self, record: Sequence[Any]) -> Any:
        """Return what stands in the column of the start. `Any`: as above."""
        place = self._place["start"]
        return record[place] if place < len(record) else None

    def _text(self, record: Sequence[Any], name: str, limit: int = _LONGEST_TEXT) -> str:
        place = self._place.get(name)
        if place is None or not (value := record[place]):
            return ""
        text = _text_of(value)
        return text if len(text) <= limit and text.isascii() and text.isprintable() else clean(text, limit)

    def _hash(self, record: Sequence[Any], start: datetime) -> str:
        """Return an id for a record without one: the same at every reading, from a file or from a table."""
        places = ((name, self._place.get(name)) for name in _IDENTITY)
        texts = {
            name: _text_of(record[place])
            for name, place in places
            if place is not None and record[place] is not None
        }
        parts = [f"{name}={text}" for name, text in texts.items() if text]
        whole = "\x1f".join([start.isoformat(), *parts])
        return f"row-{hashlib.sha256(whole.encode('utf-8', 'replace')).hexdigest()[:24]}"

    def _sequence(self, record: Sequence[Any]) -> int:
        text = self._text(record, "sequence", 20)
        return int(text) if text.isascii() and text.isdigit() else 0

    def _seconds(self, record: Sequence[Any], name: str) -> int:
        place = self._place.get(name)
        value = None if place is None else record[place]
        if value is None or value == "":
            return 0
        if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdigit():
            seconds = int(value)
        else:
            seconds = _whole(value, name)
        if seconds > _LONGEST_CALL_S:
            raise RecordError("cdr.bad-number", column=name, found=value)
        return max(seconds, 0)  # the clock was set back during the call

    def _moment(self, record: Sequence[Any], name: str, near: int | None) -> datetime | None:
        place = self._place.get(name)
        value = None if place is None else record[place]
        if value is None or value == "":
            return None
        try:
            return self._utc(value, near)
        except (ValueError, OverflowError, OSError, ArithmeticError):
            if name != "start":
                return None  # 0000-00-00 and 1970 stand for "never"
            raise RecordError("cdr.bad-time", column=name, found=value) from None

    def _utc(self, value: Any, near: int | None) -> datetime:
        if isinstance(value, bytes):
            value = value.decode("ascii")
        if isinstance(value, str):
            if value[4:5] != "-" or value[10:11] not in {" ", "T"} or len(value) < _DATE_AND_TIME:
                raise ValueError(value)
            if len(value) > _DATE_AND_TIME + _MICROSECONDS + 6:
                raise ValueError(value)
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            if value.tzinfo is None:
                return self._time.moment(value, near)
            moment = value.astimezone(UTC)
        elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(float(value), UTC)
        else:
            raise ValueError("no time")  # noqa: TRY004  one error for every wrong time
        if not OLDEST <= moment.year <= NEWEST:
            raise ValueError("out of range")
        return self._time.shown(moment)


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, bytes):
        return _decoded(value)
    try:
        return str(value)[:_LONGEST_TEXT]
    except ValueError:  # a number of thousands of digits
        return ""


def _decoded(value: bytes) -> str:
    return value[:_LONGEST_TEXT].decode("utf-8", "replace")


def _whole(value: Any, name: str) -> int:
    """Return a number of seconds that is written in another way: 12.0, Decimal, -1."""
    try:
        if isinstance(value, str | bytes) and len(value) > 20:
            raise ValueError
        return int(float(value))
    except (ValueError, TypeError, OverflowError, ArithmeticError):
        raise RecordError("cdr.bad-number", column=name, found=value) from None
