"""Consent to what a signed playbook changes: put into words here, answered at this computer's own terminal.

The supporter may wish for an action; only what stands here allows it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple, Protocol

from supportctl.catalog import Catalog
from supportctl.core.deadline import Deadline
from supportctl.core.text import clean
from supportctl.remote.consent import QUESTION_S, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from playbooks.actions.model import Plan
    from playbooks.engine.graph import Graph
    from supportctl.core.clock import Clock
    from supportctl.core.report import Risk
    from supportctl.remote.capability import Wanted
    from supportctl.remote.consent import Customer
    from supportctl.remote.signing import SignedBy

_LONG = 300


class Change(NamedTuple):
    """One action that is about to be done, as it was planned, and the playbook that it comes from."""

    plan: Plan
    risk: Risk
    playbook: str
    version: int
    by: SignedBy


class Consent(Protocol):
    """Who allows an action. Nothing that comes over the line is an answer."""

    def ask(self, wanted: Wanted, change: Change, withdrawn: Callable[[], bool]) -> bool:
        """Return True only for a yes that was said here, to exactly this."""


class Granted:
    """Where nobody sits: the grant was for the run with all that it does, and the gate has used it up."""

    def ask(self, wanted: Wanted, change: Change, withdrawn: Callable[[], bool]) -> bool:  # noqa: ARG002
        """Return yes, unless the request was withdrawn."""
        return not withdrawn()


class AtTheTerminal:
    """Asks the customer, in their language. `names` says what the shop calls a target."""

    def __init__(
        self, customer: Customer, lang: str, clock: Clock, names: Callable[[str], str] = str
    ) -> None:
        self._customer = customer
        self._catalog = Catalog(lang)
        self._clock = clock
        self._names = names
        self._asking = threading.Lock()

    def ask(self, wanted: Wanted, change: Change, withdrawn: Callable[[], bool]) -> bool:
        """Return whether the customer has said yes in time."""
        if not self._asking.acquire(blocking=False):
            return False  # one question at a time
        try:
            deadline = Deadline.after(QUESTION_S, self._clock)
            said = self._customer.asks(self._question(wanted, change), deadline, withdrawn)
            return said is True and not deadline.expired and not withdrawn()
        finally:
            self._asking.release()

    def _question(self, wanted: Wanted, change: Change) -> Question:
        phrase = self._catalog.phrase
        undo = "signing.q-cannot-undo" if change.risk == "cannot-undo" else "signing.q-undoable"
        words = change_words(self._catalog, change.plan)
        return Question(
            wanted,
            phrase("signing.q-act"),
            self._names(wanted.target) if wanted.target else "",
            source_words(self._catalog, change.playbook, change.version, change.by),
            (words,),
            phrase(undo),
        )


def run_question(catalog: Catalog, wanted: Wanted, graph: Graph, by: SignedBy, device: str) -> Question:
    """Return the question whether a playbook may be run that can change something."""
    playbook, phrase = graph.playbook, catalog.phrase
    title = playbook.title.get(catalog.lang) or next(iter(playbook.title.values()))
    actions = tuple(_can(catalog, name) for name in sorted(graph.risks))
    return Question(
        wanted,
        phrase("signing.q-title", title=clean(title, _LONG)),
        device,
        source_words(catalog, playbook.name, playbook.version, by),
        actions,
        phrase("signing.q-undo"),
    )


def _can(catalog: Catalog, action: str) -> str:
    try:
        return catalog.phrase(f"signing.can-{action.replace('.', '-')}")
    except KeyError:  # a plug-in's, without texts
        return clean(action, 80)


def source_words(catalog: Catalog, playbook: str, version: int, by: SignedBy) -> str:
    """Return where a playbook comes from, as one sentence."""
    told = {"playbook": clean(playbook, 80), "version": version, "signer": by.names, "key": by.fingerprint}
    return catalog.phrase("signing.q-source", **told)


def change_words(catalog: Catalog, plan: Plan) -> str:
    """Return what an action does, as its own words say it."""
    words = {name: clean(value, _LONG) for name, value in plan.words.items()}
    try:
        return catalog.phrase(f"action.{plan.action.replace('.', '-')}-consent", **words)
    except KeyError:  # a plug-in's, without texts
        params = ", ".join(f"{name}={value}" for name, value in plan.params.items())
        return clean(f"{plan.action}: {params}", _LONG)
