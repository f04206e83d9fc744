"""A session of the Data API -> a call."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.phones import normalise
from supportctl.core.call import INTERNAL, Call, Rejected
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

TIME = "%Y-%m-%d %H:%M:%S"
SYSTEM = "UIS"
TRANSFERRED, VOICE_MAIL = "transferred", "voice-mail"
FIELDS = (
    "id", "start_time", "direction", "is_lost", "contact_phone_number", "virtual_phone_number",
    "communication_id", "wait_duration", "total_wait_duration", "talk_duration", "clean_talk_duration",
    "call_records", "voice_mail_records", "full_record_file_link", "employees", "is_transfer", "tags",
    "ext_id",
)  # fmt: skip
_LONGEST_S = 7 * 86400
_LONGEST_URL = 2000
_LONGEST_NAME = 200  # of a recording
Row = dict[str, Any]  # `Any`: JSON of others


class BadFieldError(Exception):
    """A field that is not as documented."""


class Setting(NamedTuple):
    """What a session's values mean in this account. `extensions`: id of an employee -> extension."""

    source: str
    zone: tzinfo
    region: str | None
    media: str
    rewrites: bool  # recordings are at `media`, whatever the links say
    extensions: Mapping[int, str]


def parse(row: object, position: int, legs: Sequence[Row], setting: Setting) -> Call | Rejected:
    """Return the call that a session is; `legs` are its own, asked for where several people talked."""
    if not isinstance(row, dict):
        return Rejected(position, "record.not-a-record", {"system": SYSTEM, "found": clean(row)})
    try:
        return _call(row, legs, setting)
    except BadFieldError as error:
        field = str(error)
        args = {"system": SYSTEM, "field": field, "found": clean(f"{field}: {row.get(field)!r}")}
        return Rejected(position, "record.bad-field", args)


def session_id(row: object) -> int | None:
    """Return the id of a session, None if it has none."""
    value = row.get("id") if isinstance(row, dict) else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def start_of(row: object) -> datetime | None:
    """Return when a session began, in the account's own time (without a zone); None if it does not tell."""
    value = row.get("start_time") if isinstance(row, dict) else None
    if not isinstance(value, str) or len(value) != 19:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def talkers(row: object) -> list[int]:
    """Return the employees who talked, in the order of the system, each once."""
    found = row.get("employees") if isinstance(row, dict) else None
    ids = [
        person.get("employee_id")
        for person in (found if isinstance(found, list) else ())
        if isinstance(person, dict) and person.get("is_talked") is True
    ]
    return list(dict.fromkeys(each for each in ids if isinstance(each, int)))


def _call(row: Row, legs: Sequence[Row], setting: Setting) -> Call:
    call_id, start = session_id(row), start_of(row)
    if call_id is None:
        raise BadFieldError("id")
    if start is None:
        raise BadFieldError("start_time")
    direction = row.get("direction")
    if direction not in ("in", "out"):  # a list is not hashable
        raise BadFieldError("direction")
    people = row.get("employees")
    if not isinstance(people, list | None):
        raise BadFieldError("employees")
    contact = normalise(_text(row, "contact_phone_number"), setting.region)
    talk = _seconds(row, "talk_duration") or _seconds(row, "clean_talk_duration") or 0
    tags = _tags(row)
    internal = contact != "" and contact in setting.extensions.values()
    if internal:
        tags.append(INTERNAL)
    if row.get("is_transfer") is True:
        tags.append(TRANSFERRED)
    if row.get("voice_mail_records"):
        tags.append(VOICE_MAIL)
    wait = _seconds(row, "wait_duration")
    return Call(
        str(call_id),
        setting.source,
        direction,
        start.replace(tzinfo=setting.zone),
        talk,
        contact,
        answered=row.get("is_lost") is not True and (talk > 0 or _answered(people)),
        wait_s=_seconds(row, "total_wait_duration") if wait is None else wait,
        line=normalise(_text(row, "virtual_phone_number"), setting.region),
        employee=_employee(row, legs, setting, contact if internal else ""),
        recording_url=_recording(row, setting),
        tags=tuple(dict.fromkeys(tags)),
        raw={"ext_id": clean(row["ext_id"])} if row.get("ext_id") else None,
    )


def _employee(row: Row, legs: Sequence[Row], setting: Setting, other: str) -> str:
    """Return who is responsible: who talked last and is no coach; an unanswered call's first one.

    `other` is the extension at the other end of an internal call, who is not the one.
    """
    by_legs = [
        leg["employee_id"]
        for leg in sorted(legs, key=lambda leg: str(leg.get("start_time")))
        if leg.get("is_operator") is True and leg.get("is_talked") is True and leg.get("is_coach") is not True
        if isinstance(leg.get("employee_id"), int)
    ]
    people = row.get("employees") or []
    present = [p.get("employee_id") for p in people if isinstance(p, dict)]
    ids = by_legs[::-1] or talkers(row)[::-1] or [each for each in present if isinstance(each, int)]
    names = [setting.extensions.get(each, str(each)) for each in ids]
    return next((name for name in names if name != other), "")


def _answered(people: Sequence[object] | None) -> bool:
    return any(
        isinstance(person, dict) and (person.get("is_answered") is True or person.get("is_talked") is True)
        for person in people or ()
    )


def _recording(row: Row, setting: Setting) -> str | None:
    communication = row.get("communication_id")
    number = clean(communication) if isinstance(communication, int) else ""
    link = row.get("full_record_file_link")
    sound = isinstance(link, str) and link.startswith("https://") and link.isprintable()
    if not setting.rewrites and sound and len(str(link)) <= _LONGEST_URL:
        return str(link)
    for field, kind in (("call_records", "talk"), ("voice_mail_records", "voice_mail")):
        records = row.get(field) or []
        if not isinstance(records, list):
            raise BadFieldError(field)
        name = str(records[0]) if records else ""
        plain = name.isascii() and name.replace("-", "").isalnum() and len(name) <= _LONGEST_NAME
        if plain and number:
            return f"{setting.media}/system/media/{kind}/{number}/{name}/"
    return None


def _tags(row: Row) -> list[str]:
    tags = row.get("tags") or []
    if not isinstance(tags, list):
        raise BadFieldError("tags")
    names = [tag.get("tag_name") for tag in tags if isinstance(tag, dict)]
    return [clean(name) for name in names if isinstance(name, str) and name]


def _text(row: Row, field: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BadFieldError(field)


def _seconds(row: Row, field: str) -> int | None:
    value = row.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_S:
        raise BadFieldError(field)
    return int(value)
