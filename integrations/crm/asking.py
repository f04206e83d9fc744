"""How a connection check asks a CRM: each question with its evidence, each failure with who must act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from supportctl.core.failure import Failure, ServiceError
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integrations.checking import CheckContext
    from supportctl.core.finding import Evidence, Finding

# Every code that `Asking.failed` may yield.
FAILURE_CODES = frozenset({
    "crm.unreachable", "crm.auth-failed", "crm.token-expired", "crm.scope-missing", "crm.rights-missing",
    "crm.rate-limited", "crm.blocked", "crm.account-closed", "crm.payment-required", "crm.internal-error",
    "crm.not-understood", "crm.ip-not-allowed", "crm.key-owner-off",
})  # fmt: skip
_ON_THE_WAY = frozenset({
    "bad-request", "broken-answer", "connect-timeout", "connection", "deadline", "dns", "no-route", "proxy",
    "refused", "timeout", "tls",
})  # fmt: skip
_PAYMENT = 402
_SERVER = 500

Answer = TypeVar("Answer")


class Asked(NamedTuple):
    """What came back of one question: an answer or an error, and the evidence. `Any`: JSON."""

    answer: Any
    error: ServiceError | None
    evidence: Evidence


class Asking:
    """Asks one CRM in one check.

    `special` names the system's own error codes that mean one of our findings: {"113": "crm.ip-not-allowed"}.
    """

    def __init__(
        self, context: CheckContext, system: str, address: str, special: Mapping[str, str] | None = None
    ) -> None:
        self.context = context
        self.system = system
        self.host = urlsplit(address).hostname or address
        self.user: str = Meaning("crm.owner-of-key")  # until somebody is known
        self._special = special or {}

    def ask(self, asked: str, question: Callable[[], Answer]) -> Asked:
        """Put a question; never raises what the service did."""
        started = self.context.clock.monotonic()
        try:
            answer = question()
        except ServiceError as error:
            return Asked(None, error, self._refused(asked, started, error))
        evidence = self.context.evidence(
            asked, "crm.answered", started=started, system=self.system, http_status=200
        )
        return Asked(answer, None, evidence)

    def _refused(self, asked: str, started: float, error: ServiceError) -> Evidence:
        if error.status is None:
            return self.context.evidence(
                asked, "crm.no-answer", started=started, code=error.code, text=error.text
            )
        return self.context.evidence(
            asked,
            "crm.refused",
            started=started,
            got=f"HTTP {error.status}",
            system=self.system,
            code=error.code,
            text=error.text,
        )

    def failed(self, asked: Asked) -> Finding:
        """Return the finding of a question that failed."""
        error, seen = asked.error, asked.evidence
        assert error is not None
        special = self._special.get(error.code, "")
        if special:
            return self._named(special, error, seen)
        if error.code in _ON_THE_WAY:
            reason = error.text or error.code
            return self.context.fault(
                "crm.unreachable", seen, system=self.system, host=self.host, reason=reason
            )
        if error.code == "redirect":
            return self._named("crm.account-closed", error, seen)
        return self._by_class(error, seen)

    def _by_class(self, error: ServiceError, seen: Evidence) -> Finding:
        system, host, code = self.system, self.host, error.code
        if error.failure is Failure.WAIT:
            return self.context.unknown("crm.rate-limited", seen, system=system, code=code)
        if error.failure is Failure.SIGN_IN:
            return self.context.fault("crm.auth-failed", seen, system=system, code=code)
        if error.failure is Failure.CONFIGURATION:
            return self.context.fault("crm.rights-missing", seen, system=system, user=self.user, code=code)
        if error.failure is Failure.BLOCKED:
            return self._shut(error, seen)
        if error.status is not None and error.status >= _SERVER:
            return self.context.fault("crm.internal-error", seen, system=system, host=host, code=code)
        reason = f"{code} {error.text}".strip()
        return self.context.unknown("crm.not-understood", seen, system=system, host=host, reason=reason)

    def _shut(self, error: ServiceError, seen: Evidence) -> Finding:
        system, host, code = self.system, self.host, error.code
        if error.status == _PAYMENT:
            return self.context.fault("crm.payment-required", seen, system=system, code=code)
        return self.context.fault("crm.blocked", seen, system=system, host=host, code=code)

    def _named(self, named: str, error: ServiceError, seen: Evidence) -> Finding:
        system, host, code = self.system, self.host, error.code
        if named == "crm.account-closed":
            return self.context.fault("crm.account-closed", seen, system=system, host=host, code=code)
        if named == "crm.token-expired":
            return self.context.fault("crm.token-expired", seen, system=system, code=code)
        if named == "crm.scope-missing":
            return self.context.fault("crm.scope-missing", seen, system=system, scopes=error.text or "?")
        if named == "crm.key-owner-off":
            return self.context.fault("crm.key-owner-off", seen, system=system, code=code)
        assert named == "crm.ip-not-allowed"
        return self.context.fault("crm.ip-not-allowed", seen, system=system, host=host, code=code)
