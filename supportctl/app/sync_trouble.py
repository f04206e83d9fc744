"""A comparison that cannot be made: which side, why, who must act; in the words of the connection checks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from probes.context import ProbeContext, ProbeSettings
from probes.links import open_link
from supportctl.app.accounts import Account, account_entry, account_target
from supportctl.core.evidence import evidence
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.finding import Status
from supportctl.report.systems import SYSTEMS

if TYPE_CHECKING:
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Finding
    from supportctl.core.site import SiteConfig

_CHECK_S = 25.0
# What a failure is called if the account's own check finds nothing: it has passed by meanwhile.
_CODES = {
    Failure.RETRY: ("telephony.unreachable", "crm.unreachable", Status.FAULT),
    Failure.WAIT: ("telephony.rate-limited", "crm.rate-limited", Status.UNKNOWN),
    Failure.SIGN_IN: ("telephony.auth-failed", "crm.auth-failed", Status.FAULT),
    Failure.CONFIGURATION: ("telephony.rights-missing", "crm.rights-missing", Status.FAULT),
    Failure.BLOCKED: ("telephony.account-inactive", "crm.blocked", Status.FAULT),
}
_NOT_UNDERSTOOD = ("telephony.not-understood", "crm.not-understood", Status.UNKNOWN)


class Checks:
    """The connection checks of the two accounts that are compared."""

    def __init__(self, config: SiteConfig, clock: Clock, folder: Path | None, deadline: Deadline) -> None:
        self._config = config
        self._clock = clock
        self._folder = folder
        self._deadline = deadline

    def findings(self, account: Account) -> list[Finding]:
        """Return what the account's check finds; nothing for a kind that has none."""
        entry = account_entry(account, self._config, self._clock, self._folder)
        if entry is None:
            return []
        found: list[Finding] = []
        with contextlib.suppress(ServiceError):  # what was found before it is kept
            found.extend(entry.load().run(self._context(account)))
        return found

    def trouble(self, account: Account, error: ServiceError) -> list[Finding]:
        """Return why an account failed: what its check finds, else what the failure itself says."""
        found = [f for f in self.findings(account) if f.status in {Status.FAULT, Status.UNKNOWN}]
        worst = [f for f in found if f.status is Status.FAULT] or found
        return worst[:1] or [self._plain(account, error)]

    def _context(self, account: Account) -> ProbeContext:
        deadline = self._deadline.within(_CHECK_S)
        return ProbeContext(account_target(account), deadline, self._clock, open_link, ProbeSettings())

    def _plain(self, account: Account, error: ServiceError) -> Finding:
        context = self._context(account)
        telephony, crm, status = _CODES.get(error.failure, _NOT_UNDERSTOOD)
        code = telephony if account.section == "telephony" else crm
        say = context.fault if status is Status.FAULT else context.unknown
        asked = evidence(
            self._clock, error.method or code, started=self._clock.monotonic(), got=error.text or error.code
        )
        return say(
            code,
            asked,
            system=SYSTEMS.get(account.model.kind, account.model.kind),
            host=context.target.host or account.name,
            code=error.code,
            reason=error.text or error.code,
            said=error.text or error.code,
            method=error.method or "-",
            asked=error.method or "-",
            status=error.status or 0,
        )
