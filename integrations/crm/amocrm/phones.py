"""Which contact has a phone, however it is written there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.crm.delivering import aside
from integrations.phones import normalise
from supportctl.core.failure import ServiceError

if TYPE_CHECKING:
    from integrations.crm.amocrm.api import AmoApi
    from supportctl.core.deadline import Deadline

_NATIONAL = 10  # digits of a question: people write 8 for +7


def contacts_with(api: AmoApi, phone: str, region: str | None, deadline: Deadline) -> str:
    """Return the id of the oldest contact with a phone, empty if there is none.

    The search finds parts of every field, so that what it brings is compared.

    Raises:
        ServiceError: amoCRM refuses or cannot be reached.
    """
    query = (("query", phone.lstrip("+")[-_NATIONAL:]),)
    try:
        cards = [card for page in api.pages("contacts", "contacts", deadline, query) for card in page]
    except ServiceError as error:
        raise aside(error) from None
    same = [
        card["id"]
        for card in cards
        if isinstance(card, dict) and isinstance(card.get("id"), int) and phone in _phones(card, region)
    ]
    return str(min(same)) if same else ""


def _phones(card: dict[str, Any], region: str | None) -> set[str]:
    fields = card.get("custom_fields_values")
    own = [each for each in (fields if isinstance(fields, list) else []) if isinstance(each, dict)]
    values = [each.get("values") for each in own if each.get("field_code") == "PHONE"]
    return {
        normalise(str(value.get("value")), region)
        for some in values
        for value in (some if isinstance(some, list) else [])
        if isinstance(value, dict)
    }
