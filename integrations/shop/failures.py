"""What a shop system refused, as a finding that says who must act."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integrations.checking import CheckContext
    from supportctl.core.failure import ServiceError
    from supportctl.core.finding import Evidence, Finding, Meaning

FAILURE_CODES = frozenset({
    "shop.unreachable", "shop.maintenance", "shop.auth-failed", "shop.blocked", "shop.rights-limited",
    "shop.plan-limited", "shop.rate-limited", "shop.wrong-address", "shop.not-understood",
    "shop.not-finished",
})  # fmt: skip
# What our own way out says, whatever the system is.
_OWN: Mapping[str, str] = {
    "own-limit": "not-finished",
    "deadline": "not-finished",
    "redirect": "wrong-address",
    "not-understood": "not-understood",
    "too-big": "not-understood",
    "http-404": "wrong-address",
    "http-415": "not-understood",
}
_BY_FAILURE: Mapping[Failure, str] = {
    Failure.WAIT: "rate-limited",
    Failure.SIGN_IN: "auth-failed",
    Failure.BLOCKED: "blocked",
    Failure.CONFIGURATION: "rights-limited",
    Failure.DATA: "not-understood",
    Failure.AMBIGUOUS: "unreachable",
    Failure.RETRY: "unreachable",
}
_CONNECTION = frozenset({"tls", "connect-timeout", "connection", "timeout", "broken-answer"})


class Refusals(NamedTuple):
    """What one system's own codes mean: code -> the second half of a `shop.*` code."""

    system: str
    host: str
    codes: Mapping[str, str]

    def finding(self, context: CheckContext, error: ServiceError, part: Meaning, seen: Evidence) -> Finding:
        """Return the finding of a request that failed; `part` is what could not be told because of it."""
        kind = self._kind(error)
        told: dict[str, object] = {
            "system": self.system,
            "host": self.host,
            "code": error.code,
            "said": error.text or "-",
            "part": part,
        }
        return _SAY[kind](context, seen, told)

    def _kind(self, error: ServiceError) -> str:
        if error.code in self.codes:
            return self.codes[error.code]
        if error.code in _CONNECTION:
            return "unreachable"
        return _OWN.get(error.code) or _BY_FAILURE[error.failure]


_SAY: Mapping[str, Callable[[CheckContext, Evidence, Mapping[str, object]], Finding]] = {
    "unreachable": lambda c, seen, told: c.fault("shop.unreachable", seen, **told),
    "maintenance": lambda c, seen, told: c.unknown("shop.maintenance", seen, **told),
    "auth-failed": lambda c, seen, told: c.fault("shop.auth-failed", seen, **told),
    "blocked": lambda c, seen, told: c.fault("shop.blocked", seen, **told),
    "rights-limited": lambda c, seen, told: c.unknown("shop.rights-limited", seen, **told),
    "plan-limited": lambda c, seen, told: c.unknown("shop.plan-limited", seen, **told),
    "rate-limited": lambda c, seen, told: c.unknown("shop.rate-limited", seen, **told),
    "wrong-address": lambda c, seen, told: c.fault("shop.wrong-address", seen, **told),
    "not-understood": lambda c, seen, told: c.unknown("shop.not-understood", seen, **told),
    "not-finished": lambda c, seen, told: c.unknown("shop.not-finished", seen, **told),
}
