"""One record of a file -> one call, strictly (docs/contract.md, "Calls").

The same rules hold for JSON, where a value has a type, and for CSV, where everything is text.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from integrations.phones import is_hidden, normalise
from supportctl.core.call import HIDDEN, Call, Rejected
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from supportctl.core.call import Direction

    Refuse = Callable[[Call], tuple[str, Mapping[str, str]] | None]

REQUIRED = ("call_id", "direction", "started_at", "duration_s", "contact_phone", "answered")
OPTIONAL = ("source", "wait_s", "line", "employee", "recording_url", "tags", "raw")
COLUMNS = frozenset(REQUIRED + OPTIONAL)
_DIRECTIONS: Mapping[str, Direction] = {"in": "in", "out": "out"}
_YES = frozenset({"true", "1", "yes", "да", "истина"})
_NO = frozenset({"false", "0", "no", "нет", "ложь"})
_LONGEST_ID = 255
_LONGEST_TEXT = 2000
_LONGEST_S = 7 * 86_400  # a line that was left open
_SHOWN = 60
_SECONDS = re.compile(r"(\d{1,7})(?:[.,]\d{1,6})?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]\d)(?:[.,]\d{1,6})?", re.ASCII)
_TIME_OF_DAY = re.compile(r"[T ]\d", re.ASCII)
_ROUNDED = re.compile(r"[\"'=]*\d[.,]?\d*[eEеЕ]\+?\d{1,3}[\"']*")  # as spreadsheets show a long number
_ACTS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Rules(NamedTuple):
    """What a file itself does not say.

    `source` is the name of calls without one; `timezone` is meant by times without an offset (None: they
    are rejected); `region` is the country of numbers without `+`. `phone_needed`: a call without a phone is
    rejected, rather than taken for one of a hidden caller; a word for a hidden one still is.
    """

    source: str
    timezone: tzinfo | None = None
    region: str | None = None
    phone_needed: bool = False


class BadFieldError(Exception):
    """A value that makes a record useless. `reason` is a key of the errors' texts."""

    def __init__(self, reason: str, **args: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.args_by_name = {name: clean(value, _SHOWN) for name, value in args.items()}


class CallReader:
    """Turns records into calls, and knows the calls that it has had: a file tells each of them once.

    `refuse` may name a reason, with its arguments, why a sound call is of no use to whoever reads.
    """

    def __init__(self, rules: Rules, refuse: Refuse | None = None) -> None:
        self._rules = rules
        self._refuse = refuse
        self._had: set[int] = set()

    def read(self, line: int, record: Mapping[str, Any]) -> Call | Rejected:
        """Return the call of a record; `line` is where it stands. `Any`: JSON, or text of a CSV."""
        try:
            call = self._call(record)
        except BadFieldError as error:
            return Rejected(line, error.reason, error.args_by_name)
        refused = self._refuse(call) if self._refuse else None
        if refused is not None:
            return Rejected(line, *refused)
        # a million of these fit where a million pairs of texts would not
        key = hash((call.source, call.call_id))
        if key in self._had:
            return Rejected(line, "calls.duplicate", {"found": clean(call.call_id, _SHOWN)})
        self._had.add(key)
        return call

    def take_hidden(self) -> None:
        """Take calls without a phone for those of hidden callers: they were read from a telephony."""
        self._rules = self._rules._replace(phone_needed=False)

    def _call(self, record: Mapping[str, Any]) -> Call:
        for name in REQUIRED:
            if name not in record:
                raise BadFieldError("calls.missing-field", field=name)
        answered = _boolean("answered", record["answered"])
        get = record.get
        return Call(
            _identifier("call_id", record["call_id"]),
            _text("source", get("source"), _LONGEST_ID) or self._rules.source,
            _direction(record["direction"]),
            self._moment(record["started_at"]),
            _duration(record["duration_s"], answered=answered),
            self._contact(record["contact_phone"]),
            answered,
            _seconds("wait_s", get("wait_s")),
            self._line(get("line")),
            _text("employee", get("employee")),
            _text("recording_url", get("recording_url")) or None,
            _tags(get("tags")),
            _raw(get("raw")),
        )

    def _moment(self, value: object) -> datetime:
        text = value.strip() if isinstance(value, str) else ""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise BadFieldError("calls.bad-time", found=value) from None
        if not _TIME_OF_DAY.search(text):
            raise BadFieldError("calls.bad-time", found=value)
        if moment.tzinfo is None:
            if self._rules.timezone is None:
                raise BadFieldError("calls.no-zone", found=value)
            moment = moment.replace(tzinfo=self._rules.timezone)
        if not 2000 <= moment.year < 2100:
            raise BadFieldError("calls.bad-time", found=value)
        return moment

    def _contact(self, value: object) -> str:
        text = _number_text("contact_phone", value)
        if self._rules.phone_needed and not text.strip():
            raise BadFieldError("calls.empty-field", field="contact_phone")
        phone = normalise(text, self._rules.region)
        if phone == HIDDEN and not is_hidden(text):
            raise BadFieldError("calls.bad-phone", found=value)
        return phone

    def _line(self, value: object) -> str:
        text = _number_text("line", value)
        return normalise(text, self._rules.region) or ("" if is_hidden(text) else text)


def _text(field: str, value: object, longest: int = _LONGEST_TEXT) -> str:
    """Return a text; whole numbers count as one, since exports do not keep the difference."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else "x" * (longest + 1)
    if not isinstance(value, str) or len(value) > longest:
        raise BadFieldError("calls.bad-text", field=field, found=value)
    text = value.strip()
    if text.startswith('="') and text.endswith('"'):  # how a spreadsheet is kept from rounding a number
        text = text[2:-1]
    if not text.isprintable() and _ACTS.search(text):
        raise BadFieldError("calls.bad-text", field=field, found=value)
    return text


def _number_text(field: str, value: object) -> str:
    text = _text(field, value)
    if "+" in text[1:] and _ROUNDED.fullmatch(text):
        raise BadFieldError("calls.rounded", field=field, found=value)
    return text


def _identifier(field: str, value: object) -> str:
    text = _text(field, value, _LONGEST_ID)
    if not text:
        raise BadFieldError("calls.empty-field", field=field)
    if not text.isprintable():
        raise BadFieldError("calls.bad-text", field=field, found=value)
    if "+" in text and _ROUNDED.fullmatch(text):
        raise BadFieldError("calls.rounded", field=field, found=value)
    return text


def _direction(value: object) -> Direction:
    direction = _DIRECTIONS.get(value.strip().lower()) if isinstance(value, str) else None
    if direction is None:
        raise BadFieldError("calls.bad-direction", found=value)
    return direction


def _boolean(field: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text not in _YES and text not in _NO:
        raise BadFieldError("calls.bad-answered", field=field, found=value)
    return text in _YES


def _duration(value: object, *, answered: bool) -> int:
    seconds = _seconds("duration_s", value)
    if seconds is None:
        if answered:
            raise BadFieldError("calls.empty-field", field="duration_s")
        return 0
    return seconds


def _seconds(field: str, value: object) -> int | None:
    """Return whole seconds: 61, 61.4, "61", "1:01", "00:01:01"; None for nothing."""
    if isinstance(value, bool):
        raise BadFieldError("calls.bad-duration", field=field, found=value)
    if isinstance(value, int):
        seconds = value
    elif isinstance(value, float):
        seconds = int(value) if 0 <= value <= _LONGEST_S else -1
    elif value is None or (isinstance(value, str) and not value.strip()):
        return None
    else:
        seconds = _written_seconds(value.strip()) if isinstance(value, str) else -1
    if not 0 <= seconds <= _LONGEST_S:
        raise BadFieldError("calls.bad-duration", field=field, found=value)
    return seconds


def _written_seconds(text: str) -> int:
    if match := _SECONDS.fullmatch(text):
        return int(match[1])
    if match := _CLOCK.fullmatch(text):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + int(match[3])
    return -1


def _tags(value: object) -> tuple[str, ...]:
    """Return tags: a list, a list written as JSON, or words between `|`."""
    if value is None or value in ("", [], ()):
        return ()
    if isinstance(value, str):
        value = _json("tags", value) if value.lstrip().startswith("[") else value.split("|")
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise BadFieldError("calls.bad-text", field="tags", found=value)
    return tuple(text for tag in value if (text := _text("tags", tag, _LONGEST_ID)))


def _raw(value: object) -> Mapping[str, Any] | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = _json("raw", value)
    try:
        json.dumps(value, ensure_ascii=False).encode()  # half of a character could not be stored later
    except UnicodeEncodeError:
        value = None
    if not isinstance(value, dict):
        raise BadFieldError("calls.bad-text", field="raw", found="...")
    return value


def _json(field: str, text: str) -> object:
    try:
        return decode(text)
    except (ValueError, RecursionError):
        raise BadFieldError("calls.bad-text", field=field, found=text) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def decode(text: str) -> object:
    """Return a JSON value; NaN and Infinity are none.

    Raises:
        ValueError: this is no JSON. json.JSONDecodeError says where.
        RecursionError: it is nested too deeply.
    """
    found: object = _DECODER.decode(text)
    return found
