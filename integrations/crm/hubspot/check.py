"""Asks a HubSpot account whether it is healthy: read-only, six requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from integrations.crm.asking import FAILURE_CODES, Asked, Asking
from integrations.crm.hubspot.api import EXPIRED, MISSING_SCOPES, SYSTEM
from integrations.crm.hubspot.reader import HubSpotReader
from integrations.crm.people import PEOPLE_CODES, employee_findings
from supportctl.core.finding import clean_args
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from integrations.checking import CheckContext, Surroundings
    from supportctl.core.accounts import HubSpot
    from supportctl.core.finding import Finding

LOW_SHARE = 0.1  # of the day's requests
_SPECIAL = {EXPIRED: "crm.token-expired", MISSING_SCOPES: "crm.scope-missing"}
_TO_READ = ("crm.objects.contacts.read", "crm.objects.owners.read")
_TO_WRITE = ("crm.objects.contacts.write",)
_TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"  # noqa: S105  a path
_NOT_FOUND = 404
_DAILY, _LEFT = "x-hubspot-ratelimit-daily", "x-hubspot-ratelimit-daily-remaining"


class HubSpotCheck:
    """`crm.hubspot`: reachable, signed in, scopes, the property for the telephony's id, limits, owners."""

    codes: ClassVar[frozenset[str]] = (
        FAILURE_CODES
        | PEOPLE_CODES
        | {
            "crm.reachable", "crm.signed-in", "crm.scopes", "crm.rights", "crm.limits", "crm.quota-low",
            "crm.id-property", "crm.property-missing", "crm.property-not-unique",
        }
    )  # fmt: skip

    def __init__(
        self, account: HubSpot, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._reader = HubSpotReader(account, surroundings, session)
        self._owners_hidden = False

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is wrong with the account, and what is fine."""
        api = self._reader.api
        asking = Asking(context, SYSTEM, api.base, _SPECIAL)
        path = "/account-info/v3/details"
        found = asking.ask(f"GET {path}", lambda: api.reply(path, context.deadline))
        if found.error is not None:
            yield asking.failed(found)
            return
        yield context.ok("crm.reachable", found.evidence, system=SYSTEM, host=asking.host)
        try:
            account = found.answer.json()
        except ValueError:
            account = None
        portal = account.get("portalId") if isinstance(account, dict) else "?"
        asking.user = f"account {clean(portal)}"
        yield context.ok("crm.signed-in", found.evidence, system=SYSTEM, user=asking.user)
        yield _limits(asking, found)
        yield from self._scopes(asking)
        yield from self._calls(asking)
        yield from self._property(asking)
        if not self._owners_hidden:  # else told already
            yield from self._owners(asking)

    def _scopes(self, asking: Asking) -> Iterator[Finding]:
        """What a private app may do; a token of another kind shows it by what is refused."""
        context, api = asking.context, self._reader.api
        found = asking.ask(
            f"POST {_TOKEN_INFO}",
            lambda: api.post_to_read(_TOKEN_INFO, {"tokenKey": api.token}, context.deadline),
        )
        granted = found.answer.get("scopes") if found.error is None else None
        if not isinstance(granted, list):
            return
        args = clean_args({"scopes": ", ".join(map(str, granted))})
        listed = found.evidence._replace(meaning="crm.granted", args=args)
        unread = ", ".join(scope for scope in _TO_READ if scope not in granted)
        unwritten = ", ".join(scope for scope in _TO_WRITE if scope not in granted)
        if unread:
            yield context.fault("crm.scope-missing", listed, system=SYSTEM, scopes=unread)
        elif unwritten:  # comparing works, delivering does not
            yield context.warning("crm.scope-missing", listed, system=SYSTEM, scopes=unwritten)
        else:
            yield context.ok("crm.scopes", listed, system=SYSTEM)
        self._owners_hidden = _TO_READ[1] not in granted

    def _calls(self, asking: Asking) -> Iterator[Finding]:
        """A private app sees the calls of everybody, if it sees any."""
        path = "/crm/v3/objects/calls/search"
        body = {"limit": 1, "filterGroups": []}
        deadline = asking.context.deadline
        found = asking.ask(f"POST {path}", lambda: self._reader.api.post_to_read(path, body, deadline))
        if found.error is not None:
            yield asking.failed(found)
        else:
            yield asking.context.ok("crm.rights", found.evidence, system=SYSTEM)

    def _property(self, asking: Asking) -> Iterator[Finding]:
        """The property that keeps the telephony's id: without it calls are told apart by phone and time."""
        context, name = asking.context, self._account.external_id_property
        path = f"/crm/v3/properties/calls/{name}"
        found = asking.ask(f"GET {path}", lambda: self._reader.api.get(path, context.deadline))
        if found.error is not None and found.error.status == _NOT_FOUND:
            yield context.warning("crm.property-missing", found.evidence, system=SYSTEM, property=name)
        elif found.error is not None:
            yield asking.failed(found)
        elif found.answer.get("hasUniqueValue") is not True:
            yield context.warning("crm.property-not-unique", found.evidence, system=SYSTEM, property=name)
        else:
            yield context.ok("crm.id-property", found.evidence, system=SYSTEM, property=name)

    def _owners(self, asking: Asking) -> Iterator[Finding]:
        deadline = asking.context.deadline
        found = asking.ask("GET /crm/v3/owners", lambda: self._reader.employees(deadline))
        if found.error is not None:
            yield asking.failed(found)
        else:
            fallback = self._account.fallback_employee
            yield from employee_findings(asking, found.answer, fallback, found.evidence)


def _limits(asking: Asking, found: Asked) -> Finding:
    """Every answer but that of a search tells how many requests are left for today."""
    headers: Mapping[str, str] = found.answer.headers
    daily, left = _count(headers, _DAILY), _count(headers, _LEFT)
    if daily is None or left is None or not daily:
        return asking.context.ok("crm.limits", found.evidence, system=SYSTEM)
    told = found.evidence._replace(meaning="crm.quota", args=clean_args({"left": left, "daily": daily}))
    if left < daily * LOW_SHARE:
        return asking.context.warning("crm.quota-low", told, system=SYSTEM, left=left, daily=daily)
    return asking.context.ok("crm.limits", told, system=SYSTEM)


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None
