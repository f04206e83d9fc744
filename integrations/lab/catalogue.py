"""Which class simulates which kind of account. Each is imported when a scenario asks for its kind."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.lab.portal import Portal


class PortalKind(NamedTuple):
    """A class, "module:Class", and the sections of the configuration that its accounts may stand in."""

    path: str
    sections: tuple[str, ...]

    def load(self) -> type[Portal]:
        """Return the class."""
        module, _, name = self.path.partition(":")
        return cast("type[Portal]", getattr(import_module(module), name))


PORTALS: Mapping[str, PortalKind] = MappingProxyType(
    {
        "uis": PortalKind("integrations.lab.uis.portal:UisPortal", ("telephony",)),
        "ringostat": PortalKind("integrations.lab.ringostat:RingostatPortal", ("telephony",)),
        "mango": PortalKind("integrations.lab.mango:MangoPortal", ("telephony",)),
        "bitrix24": PortalKind("integrations.lab.bitrix24.portal:Bitrix24Portal", ("crm",)),
        "amocrm": PortalKind("integrations.lab.amocrm.portal:AmoCrmPortal", ("crm",)),
        "hubspot": PortalKind("integrations.lab.hubspot.portal:HubSpotPortal", ("crm",)),
        "moysklad": PortalKind("integrations.lab.moysklad.portal:MoySkladPortal", ("crm", "shop")),
        "webhook": PortalKind("integrations.lab.webhook:WebhookPortal", ("crm",)),
        "redmine": PortalKind("integrations.lab.tracker.redmine:RedminePortal", ("trackers",)),
        "jira": PortalKind("integrations.lab.tracker.jira:JiraPortal", ("trackers",)),
        "github": PortalKind("integrations.lab.tracker.github:GitHubPortal", ("trackers",)),
        "gitlab": PortalKind("integrations.lab.tracker.gitlab:GitLabPortal", ("trackers",)),
        "chat": PortalKind("integrations.lab.chat:ChatPortal", ("notify",)),
        "poster": PortalKind("integrations.lab.poster.portal:PosterPortal", ("shop",)),
    }
)
