"""Bodies of what is written to HubSpot, and what the answers to batches say of each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.crm.delivering import RECORDING
from integrations.crm.hubspot.api import results
from integrations.crm.hubspot.parse import is_id, milliseconds
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from supportctl.core.call import Call
    from supportctl.core.delivery import Parcel

CALLED, LINKED = "called", "linked"  # steps: HubSpot has the call; it lies on its contact's card
ID, CARD, ALONE = "id", "card", "alone"  # facts
NO_CARD = "-"
_SETTINGS = frozenset({"PROPERTY_DOESNT_EXIST", "PROPERTY_NOT_FOUND"})
_NOT_UNIQUE = "is not a unique property"


class Answers(NamedTuple):
    """What a batch brought: HubSpot's id by ours, and errors by ours."""

    ids: Mapping[str, str]
    errors: Mapping[str, ServiceError]


def properties(call: Call, owner: str) -> dict[str, str]:
    """Return the properties of a call."""
    inbound = call.direction == "in"
    theirs, ours = call.contact_phone, call.line
    link = call.recording_url or ""
    values = {
        "hs_timestamp": str(milliseconds(call.started_at)),
        "hs_call_title": f"{'Incoming' if inbound else 'Outgoing'} call {theirs}".strip(),
        "hs_call_direction": "INBOUND" if inbound else "OUTBOUND",
        "hs_call_duration": str(call.duration_s * 1000),
        "hs_call_status": "COMPLETED" if call.answered else "NO_ANSWER",
        "hs_call_from_number": theirs if inbound else ours,
        "hs_call_to_number": ours if inbound else theirs,
        "hubspot_owner_id": owner,
    }
    if link.startswith("https://"):
        values["hs_call_recording_url"] = link
    elif link:  # HubSpot takes recordings by https only: a person can open it all the same
        values["hs_call_body"] = link
    return {name: value for name, value in values.items() if value}


def upsert(parcels: Iterable[tuple[Parcel, str]], external_property: str) -> dict[str, Any]:
    """Return the body of `batch/upsert` for parcels with their owners."""
    return {
        "inputs": [
            {
                "idProperty": external_property,
                "id": parcel.call.call_id,
                "properties": properties(parcel.call, owner),
            }
            for parcel, owner in parcels
        ]
    }


def associations(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the body of `batch/associate/default` for pairs of a call and a contact."""
    return {"inputs": [{"from": {"id": call}, "to": {"id": contact}} for call, contact in pairs]}


def contacts(phones: Sequence[str], owner: str) -> dict[str, Any]:
    """Return the body of `batch/create` of contacts of which only the phone is known."""
    own = {"hubspot_owner_id": owner} if owner else {}
    return {"inputs": [{"properties": {"phone": phone, "firstname": phone, **own}} for phone in phones]}


def written(answer: dict[str, Any]) -> list[Any]:
    """Return the results of a batch that has changed something.

    Raises:
        ServiceError: there are none: something else has answered, and it may have been done.
    """
    try:
        return results(answer)
    except ServiceError as error:
        raise ServiceError(Failure.AMBIGUOUS, error.code, error.text) from None


def answers(answer: dict[str, Any], external_property: str) -> Answers:
    """Return what a batch says of each call, named by the telephony's id.

    Raises:
        ServiceError: it has no results at all.
    """
    ids: dict[str, str] = {}
    for row in results(answer):
        values = row.get("properties") if isinstance(row, dict) else None
        if isinstance(values, dict) and is_id(row.get("id")):
            ids[str(values.get(external_property))] = row["id"]
    errors: dict[str, ServiceError] = {}
    listed = answer.get("errors")
    for error in listed if isinstance(listed, list) else []:
        if isinstance(error, dict):
            for name in _named(error):
                errors[name] = refusal(error)
    return Answers(ids, errors)


def _named(error: Mapping[str, Any]) -> list[str]:
    """Return which inputs an error is of. UNVERIFIED where HubSpot writes it: both places are looked at."""
    context = error.get("context")
    found = [error["id"]] if isinstance(error.get("id"), str | int) else []
    for name in ("ids", "id"):
        listed = context.get(name) if isinstance(context, dict) else None
        found += listed if isinstance(listed, list) else []
    return [str(name) for name in found]


def refusal(error: Mapping[str, Any]) -> ServiceError:
    """Return what one input's error means: its values are wrong, or the account lacks a property."""
    text = str(error.get("message") or "")
    details = error.get("errors")
    codes = {
        str(each.get("code"))
        for each in (details if isinstance(details, list) else [])
        if isinstance(each, dict)
    }
    category = str(error.get("category") or "no-category")
    if codes & _SETTINGS or _NOT_UNIQUE in text:
        return ServiceError(Failure.CONFIGURATION, "property", text)
    return ServiceError(Failure.DATA, ", ".join(sorted(codes)) or category, text)


def of_batch(error: ServiceError) -> ServiceError:
    """Return what a refused batch means: one that lacks a property is a matter of the account's settings."""
    text = error.text
    missing = _NOT_UNIQUE in text or ("does not exist" in text and "roperty" in text)
    if error.failure is Failure.DATA and missing:
        return ServiceError(Failure.CONFIGURATION, "property", text, status=error.status)
    return error


def facts_of(parcel: Parcel, number: str) -> dict[str, str]:
    """Return the facts of a call that HubSpot has now."""
    return {ID: number, RECORDING: parcel.call.recording_url or ""}
