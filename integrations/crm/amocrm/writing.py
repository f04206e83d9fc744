"""What is written to amoCRM for one call, and what an answer says of each item. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.crm.amocrm.api import embedded
from integrations.crm.delivering import id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from integrations.crm.amocrm.api import Wrong
    from supportctl.core.call import Call
    from supportctl.core.delivery import Parcel

# steps: the number is not known there; its contact is; the call is on a card; it lies in the unsorted
UNKNOWN, CONTACTED, CALLED, INBOX = "unknown", "contacted", "called", "inbox"
# facts
CONTACT, CARD, NOTE_ID, UNSORTED, LEAD = "contact", "card", "note_id", "unsorted", "lead"
ALONE, REFUSED, FALLBACK = "alone", "refused", "fallback"
_CONVERSATION, _NO_ANSWER = 4, 6
_KINDS = {"contact": "contacts", "company": "companies", "lead": "leads"}
_ENTITY_NOT_FOUND = 263
_DUPLICATE = ("duplicate", "identical", "already", "идентичн", "уже ")  # UNVERIFIED wording


class Answered(NamedTuple):
    """What an answer has of the items of a request: those that were stored, those that were not."""

    stored: Mapping[str, Mapping[str, Any]]
    errors: Mapping[str, Mapping[str, Any]]


def call_item(parcel: Parcel, user: str) -> dict[str, Any]:
    """Return an item of `POST /api/v4/calls`."""
    call = parcel.call
    return {
        "direction": "inbound" if call.direction == "in" else "outbound",
        "uniq": call.call_id,
        "duration": call.duration_s,
        "source": call.source,
        "phone": call.contact_phone,
        **({"link": call.recording_url} if call.recording_url else {}),
        "call_status": _CONVERSATION if call.answered else _NO_ANSWER,
        **_responsible(user),
        "created_at": _second(call),
        "request_id": str(parcel.delivery_id),
    }


def note_item(parcel: Parcel, user: str) -> dict[str, Any]:
    """Return an item of `POST /api/v4/contacts/notes`: the call on the card that is known to be its own."""
    call = parcel.call
    return {
        "entity_id": int(parcel.facts[CONTACT]),
        "note_type": note_type(call),
        "params": {
            "uniq": call.call_id,
            "duration": call.duration_s,
            "source": call.source,
            "link": call.recording_url or "",
            "phone": call.contact_phone,
            "call_status": _CONVERSATION if call.answered else _NO_ANSWER,
            **({"call_responsible": int(user)} if user.isdecimal() else {}),
        },
        **_responsible(user),
        "created_at": _second(call),
        "request_id": str(parcel.delivery_id),
    }


def unsorted_item(parcel: Parcel) -> dict[str, Any]:
    """Return an item of `POST /api/v4/leads/unsorted/sip`. UNVERIFIED that it may be an outgoing call."""
    call = parcel.call
    return {
        "source_uid": call.source,
        "source_name": call.source,
        "created_at": _second(call),
        "request_id": str(parcel.delivery_id),
        "metadata": {
            "uniq": call.call_id,
            "from": call.contact_phone,
            "phone": call.line or call.source,
            "called_at": _second(call),
            "duration": call.duration_s,
            "link": call.recording_url or "",
            "service_code": call.source,
            # the event would be that of an incoming call
            "is_call_event_needed": call.direction == "in",
        },
    }


def contact_item(phone: str, user: str) -> dict[str, Any]:
    """Return an item of `POST /api/v4/contacts`: nothing but the phone is known."""
    phones = {"field_code": "PHONE", "values": [{"value": phone, "enum_code": "WORK"}]}
    return {
        "name": phone, "custom_fields_values": [phones], **_responsible(user), "request_id": phone
    }  # fmt: skip


def note_type(call: Call) -> str:
    """Return the type of a call's note."""
    return "call_in" if call.direction == "in" else "call_out"


def recording_text(call: Call) -> str:
    """Return the text of a note of its own for a recording that came later; the same at every try."""
    return f"{call.contact_phone} {call.started_at:%d.%m.%Y %H:%M %z} {call.recording_url}"


def answered(answer: Mapping[str, Any], key: str) -> Answered:
    """Return what an answer says, by `request_id`.

    Raises:
        ServiceError: it is no answer of this kind.
    """
    return Answered(_by_request(embedded(answer, key)), _by_request(answer.get("errors")))


def is_not_found(error: Mapping[str, Any]) -> bool:
    """Return whether a call was refused since nobody there has its phone."""
    return (
        error.get("status") == _ENTITY_NOT_FOUND or "entity not found" in str(error.get("title")).casefold()
    )


def is_duplicate(wrong: Iterable[Wrong]) -> bool:
    """Return whether an item was refused since an identical one is there."""
    return any(word in f"{each.code} {each.detail}".casefold() for each in wrong for word in _DUPLICATE)


def is_of_employee(wrong: Iterable[Wrong]) -> bool:
    """Return whether an item was refused for the employee it names."""
    return any("responsible" in each.path for each in wrong)


def card_of(stored: Mapping[str, Any]) -> str:
    """Return the card that a call was put on, "contacts:4021"; empty if the answer does not tell."""
    kind, number = _KINDS.get(str(stored.get("entity_type"))), id_of(stored, "entity_id")
    return f"{kind}:{number}" if kind and number else ""


def lead_of(stored: Mapping[str, Any]) -> str:
    """Return the lead that was made for a call in the unsorted, empty if the answer does not tell."""
    inner = stored.get("_embedded")
    leads = inner.get("leads") if isinstance(inner, dict) else None
    first = leads[0] if isinstance(leads, list) and leads else None
    return id_of(first) if isinstance(first, dict) else ""


def _by_request(rows: Any) -> dict[str, Mapping[str, Any]]:
    listed = rows if isinstance(rows, list) else []
    return {str(row.get("request_id")): row for row in listed if isinstance(row, dict)}


def _responsible(user: str) -> dict[str, int]:
    return {"responsible_user_id": int(user)} if user.isdecimal() else {}


def _second(call: Call) -> int:
    return int(call.started_at.timestamp())
