"""One question to a shop system: its answer and its evidence, or the failure with both."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from supportctl.core.failure import ServiceError
from supportctl.core.secrets import is_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from integrations.checking import CheckContext, Surroundings
    from integrations.shop.failures import Refusals
    from supportctl.core.finding import Evidence, Finding, Meaning

Answer = TypeVar("Answer")


def address_of(surroundings: Surroundings, url: str | None) -> str | None:
    """Return the address of an account: only one that is stored elsewhere is a secret."""
    return surroundings.resolve(url) if url and is_reference(url) else url


class RefusedError(Exception):
    """A question that was not answered; `finding` says why and who must act."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


class Asking:
    """Puts questions in one check, and keeps what was asked last as evidence."""

    def __init__(self, context: CheckContext, refusals: Refusals) -> None:
        self.context = context
        self.refusals = refusals

    def ask(self, asked: str, part: Meaning, question: Callable[[], Answer]) -> tuple[Answer, Evidence]:
        """Return the answer and its evidence.

        Raises:
            RefusedError: the system refused, could not be reached, or was not understood.
        """
        started = self.context.clock.monotonic()
        try:
            answer = question()
        except ServiceError as error:
            raise RefusedError(self.refused(asked, part, started, error)) from None
        return answer, self.context.evidence(asked, "shop.answered", started=started)

    def refused(self, asked: str, part: Meaning, started: float, error: ServiceError) -> Finding:
        """Return the finding of a failure."""
        if error.status is not None:
            said = f"HTTP {error.status}, {error.code}: {error.text}"
            seen = self.context.evidence(asked, "shop.refused", started=started, got=said)
        else:
            said = f"{error.code}: {error.text}"
            seen = self.context.evidence(asked, "shop.no-answer", started=started, got=said)
        return self.refusals.finding(self.context, error, part, seen)
