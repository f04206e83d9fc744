"""Asks an amoCRM account whether it is healthy: read-only, five requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.crm.amocrm.api import IP_NOT_ALLOWED, NO_SUCH_ACCOUNT, SYSTEM, USER_OFF
from integrations.crm.amocrm.parse import token_claims, token_until
from integrations.crm.amocrm.reader import AmoCrmReader
from integrations.crm.asking import FAILURE_CODES, Asked, Asking
from integrations.crm.people import PEOPLE_CODES, employee_findings
from supportctl.core.failure import Failure
from supportctl.core.finding import Meaning, clean_args
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from integrations.checking import CheckContext, Surroundings
    from supportctl.core.accounts import AmoCrm
    from supportctl.core.finding import Evidence, Finding

EXPIRING = timedelta(days=14)
_DAY = timedelta(days=1)
_SPECIAL = {
    NO_SUCH_ACCOUNT: "crm.account-closed",
    USER_OFF: "crm.key-owner-off",
    IP_NOT_ALLOWED: "crm.ip-not-allowed",
}
_CARDS = ("contacts", "companies", "leads")
_SCOPE = "crm"
_EVERYTHING = "A"


class AmoCrmCheck:
    """`crm.amocrm`: reachable, signed in, the token's end, rights to see everything, employees."""

    codes: ClassVar[frozenset[str]] = (
        FAILURE_CODES
        | PEOPLE_CODES
        | {
            "crm.reachable", "crm.signed-in", "crm.token", "crm.token-expiring", "crm.scopes", "crm.rights",
            "crm.rights-limited", "crm.limits",
        }
    )  # fmt: skip

    def __init__(
        self, account: AmoCrm, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._reader = AmoCrmReader(account, surroundings, session)

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is wrong with the account, and what is fine."""
        api = self._reader.api
        asking = Asking(context, SYSTEM, api.base, _SPECIAL)
        found = asking.ask("GET /api/v4/account", lambda: api.get("account", context.deadline))
        if found.error is not None:
            until = token_until(api.token)
            ended = until is not None and until <= context.clock.now()
            if ended and found.error.failure is Failure.SIGN_IN:  # the token itself says why
                code = found.error.code
                yield context.fault("crm.token-expired", found.evidence, system=SYSTEM, code=code)
            else:
                yield asking.failed(found)
            return
        yield context.ok("crm.reachable", found.evidence, system=SYSTEM, host=asking.host)
        yield from self._token(asking, found.evidence)
        owner = found.answer.get("current_user_id")
        asking.user = f"id {clean(owner)}"
        yield from self._calls(asking)
        yield from self._people(asking, owner)

    def _token(self, asking: Asking, seen: Evidence) -> Iterator[Finding]:
        """A long-lived token says when it ends and what it is for: it is read, not verified."""
        context = asking.context
        token = self._reader.api.token
        until = token_until(token)
        if until is not None:
            day = f"{until:%d.%m.%Y}"
            ends = seen._replace(meaning="crm.token-until", args=clean_args({"until": day}))
            left = until - context.clock.now()
            if left < EXPIRING:
                days = max(left // _DAY, 0)
                yield context.warning("crm.token-expiring", ends, system=SYSTEM, until=day, days=days)
            else:
                yield context.ok("crm.token", ends, system=SYSTEM, until=day)
        scopes = token_claims(token).get("scopes")
        if isinstance(scopes, list):
            granted = clean_args({"scopes": ", ".join(map(str, scopes))})
            listed = seen._replace(meaning="crm.granted", args=granted)
            if _SCOPE in scopes:
                yield context.ok("crm.scopes", listed, system=SYSTEM)
            else:
                yield context.fault("crm.scope-missing", listed, system=SYSTEM, scopes=_SCOPE)

    def _calls(self, asking: Asking) -> Iterator[Finding]:
        """What the comparison reads has to be readable."""
        contacts = self._notes(asking, "contacts/notes")
        leads = self._notes(asking, "leads/notes") if contacts.error is None else contacts
        if leads.error is not None:
            yield asking.failed(leads)
        else:
            yield asking.context.ok("crm.limits", leads.evidence, system=SYSTEM)

    def _notes(self, asking: Asking, path: str) -> Asked:
        params = (("limit", "1"), ("filter[note_type][0]", "call_in"))
        deadline = asking.context.deadline
        return asking.ask(f"GET /api/v4/{path}", lambda: self._reader.api.get(path, deadline, params))

    def _people(self, asking: Asking, owner: object) -> Iterator[Finding]:
        context, api = asking.context, self._reader.api
        found = asking.ask(
            f"GET /api/v4/users/{clean(owner)}", lambda: api.get(f"users/{owner}", context.deadline)
        )
        if found.error is not None and found.error.status == 403:
            yield context.ok("crm.signed-in", found.evidence, system=SYSTEM, user=asking.user)
            seen = Meaning("crm.no-administrator")
            yield context.warning(
                "crm.rights-limited", found.evidence, system=SYSTEM, user=asking.user, seen=seen
            )
            return
        if found.error is not None:
            yield asking.failed(found)
            return
        asking.user = clean(found.answer.get("name") or asking.user)
        yield context.ok("crm.signed-in", found.evidence, system=SYSTEM, user=asking.user)
        yield _rights(asking, found.answer.get("rights"), found.evidence)
        listed = asking.ask("GET /api/v4/users", lambda: self._reader.employees(context.deadline))
        if listed.error is not None:
            yield asking.failed(listed)
        elif listed.answer:
            yield from employee_findings(
                asking, listed.answer, self._account.fallback_employee, listed.evidence
            )


def _rights(asking: Asking, rights: Any, seen: Evidence) -> Finding:
    """An administrator sees everything; others what the right to view each kind of card says."""
    context = asking.context
    rights = rights if isinstance(rights, dict) else {}
    views = {kind: _view(rights.get(kind)) for kind in _CARDS}
    admin = rights.get("is_admin") is True
    told = clean_args({"admin": admin, "views": ", ".join(f"{k}: {v}" for k, v in views.items())})
    meant = seen._replace(meaning="crm.view-rights", args=told)
    if admin or all(view == _EVERYTHING for view in views.values()):
        return context.ok("crm.rights", meant, system=SYSTEM)
    return context.warning(
        "crm.rights-limited", meant, system=SYSTEM, user=asking.user, seen=Meaning("crm.told-restricted")
    )


def _view(of: Any) -> str:
    return str(of.get("view", "?")) if isinstance(of, dict) else "?"
