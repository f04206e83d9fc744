"""The vendors' systems as people call them, by the kind of an account."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEMS: Mapping[str, str] = MappingProxyType({
    "uis": "UIS",
    "ringostat": "Ringostat",
    "mango": "Mango Office",
    "asterisk": "Asterisk",
    "csv": "CSV",
    "bitrix24": "Bitrix24",
    "amocrm": "amoCRM",
    "moysklad": "MoySklad",
    "hubspot": "HubSpot",
    "webhook": "webhook",
})  # fmt: skip
