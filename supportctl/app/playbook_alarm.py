"""The alarm of a mass failure: a small file beside the journals, and who was affected, out of the journals.

While it is on, a run whose playbook meets its tags begins with its banner, and a customer who is hit gets the
playbook `mass-failure` instead. What that run was told stands in its journal, which is the record.
"""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from playbooks.engine.journal import read, replay
from playbooks.engine.situation import told
from supportctl.app.config_file import load_config
from supportctl.app.playbook import open_playbook, read_run
from supportctl.app.playbook_library import folders, runs_folder, shelf
from supportctl.app.playbook_packet import write_private
from supportctl.app.playbook_runs import journals
from supportctl.app.sync_window import moment
from supportctl.app.who import who_acts
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.fields import Duration, Name
from supportctl.core.nearest import nearest
from supportctl.core.redaction import redact
from supportctl.core.text import clean
from supportctl.reading.text_file import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playbooks.engine.records import Header
    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig

PLAYBOOK = "mass-failure"
SCHEMA = "supportctl.alarm/1"
FILE = "alarm.json"
MAX_TEXT = 1000
_MAX_BYTES = 64 * 1024
_LONGEST = timedelta(days=31)
_FIRST_LINE = 256 * 1024


class Alarm(BaseModel):
    """What the lead has switched on."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text_en: str = Field(min_length=1, max_length=MAX_TEXT)
    text_ru: str = Field(min_length=1, max_length=MAX_TEXT)
    tags: tuple[Name, ...] = ()
    since: datetime
    until: datetime | None = None
    by: str = ""

    def text(self, lang: str) -> str:
        """Return what customers are told in this language."""
        return self.text_ru if lang == "ru" else self.text_en

    def meets(self, tags: tuple[str, ...]) -> bool:
        """Return whether a playbook with these tags is about the same; an alarm without tags is about all."""
        return not self.tags or bool(set(self.tags) & set(tags))


class Affected(NamedTuple):
    """One run of the playbook: who, when, what was answered. `asked` and `hit` are of a list of sites."""

    header: Header
    outcome: str | None
    answers: Mapping[str, str]
    asked: int = 0
    hit: int = 0
    hit_names: str = ""


def alarm_path(config: SiteConfig | None) -> Path:
    """Return where the alarm is kept: the desk shares it if it shares the folder of runs."""
    return runs_folder(config) / FILE


def turn_on(
    config: SiteConfig | None,
    text_en: str,
    text_ru: str,
    *,
    tags: tuple[str, ...] = (),
    until: str | None = None,
    clock: Clock | None = None,
) -> Alarm:
    """Switch the alarm on; one that was on is replaced.

    Raises:
        SupportctlError: `alarm.*`: a text or a time that is none, a folder that cannot be written.
    """
    now = (clock or SystemClock()).now()
    end = _end(until, now) if until else None
    _check_tags(config, tags)
    try:
        alarm = Alarm(
            text_en=redact(clean(text_en, MAX_TEXT + 1).strip()),
            text_ru=redact(clean(text_ru, MAX_TEXT + 1).strip()),
            tags=tags,
            since=now,
            until=end,
            by=who_acts(),
        )
    except ValidationError as error:
        what = str(error.errors()[0]["loc"][0]).replace("_", "-")
        raise UsageError("alarm.bad-value", option=what, limit=MAX_TEXT) from None
    path = alarm_path(config)
    data = {"schema": SCHEMA, **alarm.model_dump(mode="json")}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode())
        path.chmod(path.parent.stat().st_mode & 0o666)  # whoever shares the folder has to read it
    except (OSError, SupportctlError) as error:
        raise SupportctlError("alarm.unwritable", found=path, reason=error) from None
    return alarm


def turn_off(config: SiteConfig | None) -> bool:
    """Switch the alarm off; return whether it was on.

    Raises:
        SupportctlError: `alarm.unwritable`.
    """
    path = alarm_path(config)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SupportctlError("alarm.unwritable", found=path, reason=error.strerror or error) from None
    return True


def current(config: SiteConfig | None, clock: Clock | None = None) -> Alarm | None:
    """Return the alarm that is on now, None if there is none or its time is over.

    Raises:
        UsageError: `alarm.unreadable`.
    """
    path = alarm_path(config)
    if not path.exists():
        return None
    try:
        alarm = Alarm.model_validate_json(read_text(path, _MAX_BYTES))
        over = alarm.until is not None and alarm.until <= (clock or SystemClock()).now()
    except (UsageError, ValidationError, TypeError) as error:
        reason = clean(str(error).split("\n", maxsplit=1)[0], 120)
        raise UsageError("alarm.unreadable", found=path, reason=reason) from None
    return None if over else alarm


def concerns(alarm: Alarm, name: str, config: SiteConfig | None) -> bool:
    """Return whether a run of this playbook begins with the banner.

    Raises:
        UsageError: as `open_playbook`.
    """
    playbook = open_playbook(name, config).loaded.playbook
    return playbook.name != PLAYBOOK and alarm.meets(playbook.tags)


def affected(config_path: Path | None, since: str | None, clock: Clock | None = None) -> Iterator[Affected]:
    """Yield the runs of the playbook, the oldest first; without `since` those of the last 24 hours.

    Raises:
        UsageError: `sync.bad-time`.
    """
    now = (clock or SystemClock()).now()
    config = load_config(config_path)
    zone = now.astimezone().tzinfo
    first = moment("--since", since or "24h", now, zone)
    for path in reversed(journals(runs_folder(config))):
        if path.stat().st_mtime >= first.timestamp() and _is_ours(path):
            found = _affected(path, config_path)
            if found is not None and found.header.started_at >= first and not found.header.dry_run:
                yield found


def _affected(path: Path, config_path: Path | None) -> Affected | None:
    """Return one run; its playbook may be gone, its journal damaged: then what is known, or nothing."""
    try:
        opened, record = read_run(path.stem, config_path)
        state = replay(opened.graph, record)
    except UsageError:
        try:
            record = read(path)
        except UsageError:
            return None
        return Affected(record.header, record.ended.outcome if record.ended else None, {})
    answers = {step: told(value) for step, value in state.answers.items() if value is not None}
    counts: Mapping[str, Any] = state.facts
    outcome = record.ended.outcome if record.ended else None
    return Affected(
        record.header,
        outcome,
        answers,
        int(counts.get("asked", 0)),
        int(counts.get("hit", 0)),
        str(counts.get("hit-names", "")),
    )


def _is_ours(path: Path) -> bool:
    """Return whether a journal is of the playbook, from its first line."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(_FIRST_LINE))
    except (OSError, ValueError):
        return False
    return isinstance(header, dict) and header.get("playbook") == PLAYBOOK


def _check_tags(config: SiteConfig | None, tags: tuple[str, ...]) -> None:
    """A tag that no playbook has would keep the alarm silent."""
    known = {tag for _, playbook in shelf(folders(config)).playbooks.values() for tag in playbook.tags}
    for tag in tags:
        if tag not in known:
            raise UsageError("alarm.unknown-tag", found=clean(tag), nearest=nearest(tag, sorted(known)))


def _end(text: str, now: datetime) -> datetime:
    """Return what `--until` means: in so long (2h), a time of day (18:30), or a moment.

    Raises:
        UsageError: `alarm.bad-time`.
    """
    here = now.astimezone()
    try:
        end = here + timedelta(seconds=float(TypeAdapter(Duration).validate_python(text)))
    except ValidationError:
        try:
            end = _clock_time(text, here)
        except ValueError:
            raise UsageError("alarm.bad-time", found=clean(text)) from None
    if not now < end <= now + _LONGEST:
        raise UsageError("alarm.bad-time", found=end.isoformat(timespec="minutes"))
    return end


def _clock_time(text: str, here: datetime) -> datetime:
    if len(text) <= len("18:30"):
        end = datetime.combine(here.date(), time.fromisoformat(text), here.tzinfo)
        return end if end > here else end + timedelta(days=1)
    end = datetime.fromisoformat(text)
    return end if end.tzinfo else end.replace(tzinfo=here.tzinfo)
