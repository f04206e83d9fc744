"""Which connector speaks to which kind of account. Each is imported when an account of its kind is used."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.checking import ConnectionCheck, Surroundings
    from integrations.crm.reader import CrmReader
    from integrations.telephony.source import CallSource

# kind of an account of `telephony:` -> its source of calls
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "uis": "integrations.telephony.uis.source:UisSource",
        "ringostat": "integrations.telephony.ringostat:RingostatSource",
        "mango": "integrations.telephony.mango.source:MangoSource",
        "asterisk": "integrations.telephony.asterisk.source:AsteriskSource",
        "csv": "integrations.telephony.files.source:CsvSource",
    }
)
# kind of an account of `crm:` -> its reader
READERS: Mapping[str, str] = MappingProxyType(
    {
        "bitrix24": "integrations.crm.bitrix24.reader:Bitrix24Reader",
        "amocrm": "integrations.crm.amocrm.reader:AmoCrmReader",
        "hubspot": "integrations.crm.hubspot.reader:HubSpotReader",
        "moysklad": "integrations.crm.moysklad:MoySkladReader",
    }
)
# kind of an account of `crm:` -> what brings calls to it
DESTINATIONS: Mapping[str, str] = MappingProxyType(
    {
        "bitrix24": "integrations.crm.bitrix24.destination:Bitrix24Destination",
        "amocrm": "integrations.crm.amocrm.destination:AmoCrmDestination",
        "moysklad": "integrations.crm.moysklad_destination:MoySkladDestination",
        "hubspot": "integrations.crm.hubspot.destination:HubSpotDestination",
        "webhook": "integrations.crm.webhook.destination:WebhookDestination",
    }
)
# kind of an account of `trackers:` -> its client
TRACKERS: Mapping[str, str] = MappingProxyType(
    {
        "redmine": "integrations.tracker.redmine:RedmineTracker",
        "jira": "integrations.tracker.jira:JiraTracker",
        "github": "integrations.tracker.github:GitHubTracker",
        "gitlab": "integrations.tracker.gitlab:GitLabTracker",
    }
)
# "SECTION.KIND" -> its connection check: the id of the probe
CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "telephony.asterisk": "integrations.telephony.asterisk.check:AsteriskCheck",
        "telephony.uis": "integrations.telephony.uis.check:UisCheck",
        "telephony.ringostat": "integrations.telephony.ringostat_check:RingostatCheck",
        "telephony.mango": "integrations.telephony.mango.check:MangoCheck",
        "telephony.csv": "integrations.telephony.files.check:CsvCheck",
        "crm.bitrix24": "integrations.crm.bitrix24.check:Bitrix24Check",
        "crm.amocrm": "integrations.crm.amocrm.check:AmoCrmCheck",
        "crm.hubspot": "integrations.crm.hubspot.check:HubSpotCheck",
        "crm.moysklad": "integrations.crm.moysklad:MoySkladPhoneCheck",
        "shop.moysklad": "integrations.shop.moysklad.check:MoySkladCheck",
        "shop.poster": "integrations.shop.poster.check:PosterCheck",
    }
)

# "SECTION.KIND" -> where the public service is; an account's `url` names another place
ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        "telephony.uis": "https://dataapi.uiscom.ru",
        "telephony.ringostat": "https://api.ringostat.net",
        "telephony.mango": "https://app.mango-office.ru",
        "crm.moysklad": "https://api.moysklad.ru",
        "crm.hubspot": "https://api.hubapi.com",
        "shop.moysklad": "https://api.moysklad.ru",
        "shop.poster": "https://joinposter.com",
    }
)


def source(account: Any, surroundings: Surroundings) -> CallSource:
    """Return the source of calls for an account of `telephony:`."""
    return cast("CallSource", _load(SOURCES[account.kind])(account, surroundings))


def reader(account: Any, surroundings: Surroundings) -> CrmReader | None:
    """Return the reader for an account of `crm:`; None for a kind that cannot be read (a webhook)."""
    if account.kind not in READERS:
        return None
    return cast("CrmReader", _load(READERS[account.kind])(account, surroundings))


def destination(account: Any, surroundings: Surroundings) -> Any:
    """Return what brings calls to an account of `crm:`; `Any`: resend says what it needs of it."""
    return _load(DESTINATIONS[account.kind])(account, surroundings)


def tracker(account: Any, surroundings: Surroundings) -> Any:
    """Return the client of an account of `trackers:`; `Any`: resend says what it needs of it."""
    return _load(TRACKERS[account.kind])(account, surroundings)


def notifier(address: str, surroundings: Surroundings) -> Any:
    """Return what tells a place of `notify:`; `Any`: resend says what it needs of it."""
    return _load("integrations.notify.chat:ChatNotifier")(address, surroundings.clock)


def check_class(probe_id: str) -> type[ConnectionCheck]:
    """Return the connection check with this id, "SECTION.KIND"."""
    return cast("type[ConnectionCheck]", _load(CHECKS[probe_id]))


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
