"""A recording that came after its call: into the call's note, else as a note of its own on the same card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.crm.amocrm.writing import (
    CALLED,
    CARD,
    INBOX,
    LEAD,
    note_type,
    recording_text,
)
from integrations.crm.delivering import RECORDING, aside, id_of, refused, whole
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from integrations.crm.amocrm.api import AmoApi
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Outcome, Parcel

NO_PLACE = "recording-has-no-place"
_COMMON = "common"


class _Note(NamedTuple):
    id: str
    params: dict[str, Any]


class _Card(NamedTuple):
    kind: str  # its name in paths: "contacts"
    number: str


def attach(api: AmoApi, parcel: Parcel, deadline: Deadline) -> Outcome:
    """Return the outcome for a call that amoCRM has without its recording, or with an older one.

    Each part may be repeated: a change writes the same again, a note is made only where none has its text.

    Raises:
        ServiceError: amoCRM refuses or cannot be reached, or it cannot be told.
    """
    step = parcel.step
    card = parcel.facts.get(CARD, "") if step == CALLED else ""
    if not card and step == INBOX and LEAD in parcel.facts:
        card = f"leads:{parcel.facts[LEAD]}"
    if not card:  # it came in by another way, or amoCRM has not said where it lies
        return refused(parcel, NO_PLACE, parcel.call.recording_url or "")
    kind, _, number = card.partition(":")
    on = _Card(kind, number)
    link = parcel.call.recording_url or ""
    remote = parcel.facts.get("id", "")
    note = _call_note(api, parcel, on, deadline) if step == CALLED else None
    if note is not None and _has(note, link):
        return whole(parcel, step, {RECORDING: link}, remote)
    if note is not None and _changed(api, parcel, on, note, deadline):
        return whole(parcel, step, {RECORDING: link}, remote)
    _extra_note(api, parcel, on, deadline)
    return whole(parcel, step, {RECORDING: link}, remote)


def _changed(api: AmoApi, parcel: Parcel, on: _Card, note: _Note, deadline: Deadline) -> bool:
    """Change the call's note; return whether it has the recording now. UNVERIFIED that such notes change."""
    link = parcel.call.recording_url or ""
    body = {"note_type": note_type(parcel.call), "params": {**note.params, "link": link}}
    try:
        api.write("PATCH", f"{on.kind}/{on.number}/notes/{note.id}", body, deadline)
    except ServiceError as error:
        if error.failure is not Failure.DATA:
            raise
        return False
    after = _call_note(api, parcel, on, deadline)
    return after is not None and _has(after, link)


def _extra_note(api: AmoApi, parcel: Parcel, on: _Card, deadline: Deadline) -> None:
    text = recording_text(parcel.call)
    there = _notes(api, on, (_COMMON,), deadline)
    if any(note.params.get("text") == text for note in there):
        return
    item = {"note_type": _COMMON, "params": {"text": text}}
    api.write("POST", f"{on.kind}/{on.number}/notes", [item], deadline)


def _call_note(api: AmoApi, parcel: Parcel, on: _Card, deadline: Deadline) -> _Note | None:
    notes = _notes(api, on, ("call_in", "call_out"), deadline)
    return next((note for note in notes if str(note.params.get("uniq")) == parcel.call.call_id), None)


def _notes(api: AmoApi, on: _Card, types: tuple[str, ...], deadline: Deadline) -> list[_Note]:
    chosen = tuple((f"filter[note_type][{at}]", name) for at, name in enumerate(types))
    path = f"{on.kind}/{on.number}/notes"
    try:
        rows = [row for page in api.pages(path, "notes", deadline, chosen) for row in page]
    except ServiceError as error:
        raise aside(error) from None
    return [
        _Note(id_of(row), row["params"])
        for row in rows
        if isinstance(row, dict) and id_of(row) and isinstance(row.get("params"), dict)
    ]


def _has(note: _Note, link: str) -> bool:
    return note.params.get("link") == link
