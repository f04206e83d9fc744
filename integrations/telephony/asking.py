"""How a check asks a telephony system: each question with its evidence, each failure with who acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from supportctl.core.failure import Failure, ServiceError
from supportctl.core.finding import clean_args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integrations.checking import CheckContext
    from supportctl.core.finding import Evidence, Finding

# Every code that `Asking.failed` may yield.
FAILURE_CODES = frozenset({
    "telephony.unreachable", "telephony.auth-failed", "telephony.key-expired", "telephony.key-blocked",
    "telephony.ip-not-allowed", "telephony.account-inactive", "telephony.component-missing",
    "telephony.rights-missing", "telephony.tariff-limit", "telephony.rate-limited", "telephony.quota-low",
    "telephony.system-error", "telephony.not-understood", "telephony.refused",
})  # fmt: skip
# Answers of something that is not the system: a proxy, a page, another service.
_STRANGE = frozenset({
    "not-json", "no-result", "redirect", "http-404", "http-405", "too-big", "not-csv", "unknown-timezone",
})  # fmt: skip
_SERVER = 500

Answer = TypeVar("Answer")


class Asked(NamedTuple):
    """What came back of one question."""

    asked: str
    answer: object
    error: ServiceError | None
    evidence: Evidence

    def seen(self, meaning: str, **args: object) -> Evidence:
        """Return the evidence with what it means; `meaning` is a key of the evidence texts."""
        return self.evidence._replace(meaning=meaning, args=clean_args(args))


class Asking:
    """Asks one system in one check.

    `special` maps the system's own error codes to our findings: {"ip_not_whitelisted": "ip-not-allowed"}.
    `address` is how this computer's network is seen from outside, where the system tells; `account` is what
    its support asks for.
    """

    def __init__(self, context: CheckContext, system: str, host: str, special: Mapping[str, str]) -> None:
        self.context = context
        self.system = system
        self.host = host
        self.account = "?"
        self._special = special

    def ask(self, asked: str, question: Callable[[], Answer]) -> tuple[Answer | None, Asked]:
        """Put a question; never raises what the service did."""
        started = self.context.clock.monotonic()
        try:
            answer = question()
        except ServiceError as error:
            said = error.text or error.code
            meaning = "telephony.odd-answer" if error.code in _STRANGE else "telephony.refused"
            got = f"{error.code}: {error.text}" if error.text else error.code
            seen = self.context.evidence(asked, started=started, got=got)
            args = {"said": said, "system": self.system}
            return None, Asked(asked, None, error, seen._replace(meaning=meaning, args=clean_args(args)))
        return answer, Asked(asked, answer, None, self.context.evidence(asked, started=started))

    def failed(self, asked: Asked, *, optional: bool = False) -> Finding:
        """Return the finding of a question that failed; `optional`: the calls do not hang on it."""
        error, seen = asked.error, asked.evidence
        assert error is not None
        kind = self._special.get(error.code) or _kind(error)
        say, system, host = self.context, self.system, self.host
        said, method = error.text or error.code, asked.asked
        if kind == "unreachable":
            return say.fault("telephony.unreachable", seen, system=system, host=host, said=said)
        if kind == "system-error":
            return say.fault("telephony.system-error", seen, system=system, said=said, method=method)
        if kind == "not-understood":
            return say.unknown("telephony.not-understood", seen, system=system, said=said, method=method)
        if kind == "rate-limited":
            return say.unknown(
                "telephony.rate-limited", seen, system=system, said=said, seconds=self._wait_s(error)
            )
        return self._refusal(kind, asked, said) or self._limited(kind, asked, said, optional=optional)

    def _refusal(self, kind: str, asked: Asked, said: str) -> Finding | None:
        """Return the finding of a key or an account that the system does not take."""
        say, system, seen = self.context, self.system, asked.evidence
        if kind == "auth-failed":
            return say.fault("telephony.auth-failed", seen, system=system, said=said)
        if kind == "key-expired":
            return say.fault("telephony.key-expired", seen, system=system, said=said)
        if kind == "key-blocked":
            return say.fault("telephony.key-blocked", seen, system=system, said=said)
        if kind == "ip-not-allowed":
            ip = next((word for word in said.split() if word.count(".") == 3 or word.count(":") > 1), "?")
            return say.fault("telephony.ip-not-allowed", seen, system=system, said=said, ip=ip)
        if kind == "account-inactive":
            return say.fault(
                "telephony.account-inactive", seen, system=system, said=said, account=self.account
            )
        return None

    def _limited(self, kind: str, asked: Asked, said: str, *, optional: bool) -> Finding:
        """Return the finding of one question that the account may not ask."""
        say, system, seen, method = self.context, self.system, asked.evidence, asked.asked
        tell = say.unknown if optional else say.fault
        if kind == "component-missing":
            components = said.rpartition(":")[2].strip() or said
            finding = tell(
                "telephony.component-missing", seen, system=system, method=method, components=components
            )
        elif kind == "rights-missing":
            finding = tell("telephony.rights-missing", seen, system=system, method=method, said=said)
        elif kind == "tariff-limit":
            finding = tell("telephony.tariff-limit", seen, system=system, method=method, said=said)
        else:
            finding = tell("telephony.refused", seen, system=system, method=method, said=said)
        return finding

    def _wait_s(self, error: ServiceError) -> int:
        if error.retry_at is None:
            return 60
        return max(round((error.retry_at - self.context.clock.now()).total_seconds()), 1)


def _kind(error: ServiceError) -> str:  # noqa: PLR0911  a table with conditions
    """Return the kind of a failure for which the system has no code of its own."""
    if error.code in _STRANGE:
        return "not-understood"
    if error.status is None and error.code != "own-limit":
        return "unreachable"
    if error.failure is Failure.WAIT:
        return "rate-limited"
    if error.status is not None and error.status >= _SERVER:
        return "system-error"
    if error.failure is Failure.SIGN_IN or error.code in {"http-401", "http-403"}:
        return "auth-failed"
    if error.failure is Failure.RETRY:
        return "system-error"
    return "refused"
