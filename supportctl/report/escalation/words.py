"""The words about one problem in one language. What others wrote cannot act in a tracker or a chat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from supportctl.catalog.loader import fill
from supportctl.core.redaction import redact
from supportctl.core.text import clean
from supportctl.report.resend.words import ResendWords
from supportctl.report.systems import SYSTEMS
from supportctl.report.wording import counted
from supportctl.report.wording import who as person

if TYPE_CHECKING:
    from resend.ledger.escalations import Escalation, Example
    from supportctl.catalog import Catalog
    from supportctl.catalog.loader import Words
    from supportctl.report.resend.model import Ledger

NAMES = 10
# Mentions (@), references (#12, !12), links, markup and macros ({{…}}, [[…]]) act in one tracker or another.
_ACTS = re.compile(r"[^\w\s.,:;()=%+?/…-]")
_ADDRESS = re.compile(r"://")


def harmless(text: object, limit: int = 200) -> str:
    """Return words of others without secrets, and without anything that a tracker or a chat acts upon."""
    told = _ADDRESS.sub(" ", redact(clean(text, limit)))
    return " ".join(_ACTS.sub(" ", told).split())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


class EscalationWords:
    """The words about the problems of one ledger."""

    def __init__(self, ledger: Ledger, catalog: Catalog) -> None:
        self.ledger = ledger
        self.catalog = catalog
        self._resend = ResendWords(ledger, catalog)

    def say(self, key: str, **args: object) -> str:
        """Return a phrase of this area."""
        return self.catalog.phrase(f"escalation.{key}", **args)

    def count(self, key: str, n: int, **args: str) -> str:
        """Return a phrase in the form that `n` asks for."""
        return counted(self.catalog, f"escalation.{key}", n, number=self._resend.number(n), **args)

    def number(self, n: int) -> str:
        """Return a number in groups of three digits."""
        return self._resend.number(n)

    def texts(self, case: Escalation) -> Words:
        """Return the catalogue's words about a problem."""
        return self.catalog.words(case.code)

    def title(self, case: Escalation) -> str:
        """Return a problem in one line, with what the system said."""
        words = self.error(case)
        title = fill(self.texts(case).title, {"system": self.system(case)})
        return f"{title}: {words.rstrip('. ')}" if words else title

    def system(self, case: Escalation) -> str:
        """Return the vendor's system as people call it."""
        return SYSTEMS.get(case.cause.system, case.cause.system) or "CRM"

    def error(self, case: Escalation) -> str:
        """Return code and words of the system, normalised."""
        parts = [harmless(part.replace("#", "…")) for part in (case.cause.code, case.cause.message)]
        return ": ".join(part for part in dict.fromkeys(parts) if part.strip("… "))

    def who(self, case: Escalation) -> str:
        """Return who has to act."""
        return self._resend.who(case.who_acts)

    def calls(self, case: Escalation) -> str:
        """Return how many calls are hit, and were at most."""
        now = _sentence(self.count("calls", case.affected))
        if case.peak <= case.affected:
            return now
        return f"{now}, {self.say('most', number=self.number(case.peak))}"

    def accounts(self, case: Escalation, limit: int = NAMES) -> str:
        """Return the accounts, the first ones by name."""
        shown = [harmless(name, 64) for name in case.destinations[:limit]]
        more = len(case.destinations) - len(shown)
        names = ", ".join([*shown, self.say("more-names", n=self.number(more))] if more > 0 else shown)
        return self.count("accounts", len(case.destinations), names=names)

    def moment(self, seconds: float) -> str:
        """Return a time of the ledger with its zone: an issue is read in another place on another day."""
        at = self.ledger.at(seconds)
        day = f"{at:%d.%m.%Y}" if self.catalog.lang == "ru" else f"{at:%Y-%m-%d}"
        return f"{day} {at:%H:%M} {at:%Z}".rstrip()

    def example(self, example: Example) -> str:
        """Return one call that is hit."""
        from datetime import datetime

        at = datetime.fromisoformat(example.at).timestamp()
        return self.say(
            "example",
            at=self.moment(at),
            phone=example.phone or self.say("hidden"),
            call_id=harmless(example.call_id, 80),
            source=harmless(example.source, 64),
            destination=harmless(example.destination, 64),
        )

    def steps(self, case: Escalation) -> list[str]:
        """Return what to do, and who does it."""
        facts, args = self.catalog.facts(case.code), {"system": self.system(case)}
        pairs = zip(facts.remedies, self.texts(case).remedies, strict=True)
        return [
            self.say("step", n=n, text=fill(text, args), who=person(fact.who, self.catalog))
            for n, (fact, text) in enumerate(pairs, 1)
        ]
