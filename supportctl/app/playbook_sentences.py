"""The words of a run: what its steps, changes and results are called in one language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.engine.model import AskStep, CheckStep, ReplyStep, ResendStep, SyncStep, TellStep, WaitStep
from playbooks.engine.situation import facts_of
from playbooks.engine.texts import filled, in_language
from supportctl.catalog.compose import describe
from supportctl.core.run_report import Changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from playbooks.engine.graph import Graph, Node
    from playbooks.engine.records import Intent
    from playbooks.engine.state import State
    from supportctl.app.playbook_story import Acting, Story
    from supportctl.catalog import Catalog

_KNOWN_RESULTS = frozenset({
    "done", "did-not-help", "skip", "skipped", "answered", "checked", "verified", "not-verified", "refused",
    "needless", "undone", "undo-failed", "failed", "unclear", "waited", "waited-in-vain", "shown",
})  # fmt: skip


class RunWords:
    """The words of one run; `intents` are its plans, which know more of a change than its parameters."""

    def __init__(self, graph: Graph, told: Story, catalog: Catalog, intents: Iterable[Intent]) -> None:
        self._graph = graph
        self._story = told
        self._catalog = catalog
        self._plans = {(intent.step, intent.plan.action): intent.plan for intent in intents}

    def text(self, text: Mapping[str, str]) -> str:
        """Return a text of the playbook."""
        return in_language(text, self._catalog.lang)

    def filled(self, text: Mapping[str, str], node_id: str, state: State) -> str:
        """Return a text of a step, with what was known then."""
        node = self._graph.nodes.get(node_id)
        return filled(self.text(text), facts_of(state, node.scope)) if node else self.text(text)

    def say(self, key: str, **args: object) -> str:
        """Return a phrase of the report."""
        return self._catalog.phrase(f"handover.{key}", **args)

    def step(self, node_id: str, state: State) -> str:  # noqa: PLR0911  a kind of step, a sentence
        """Return what a step asks, says or does."""
        node = self._graph.nodes.get(node_id)
        if node is None:
            return node_id
        step = node.step
        match step:
            case CheckStep():
                return self.say("step-check", what=self._things(step.check.targets, node))
            case AskStep():
                return self.filled(step.ask.question, node_id, state)
            case TellStep():
                return self.filled(step.tell.say, node_id, state)
            case ReplyStep():
                return self.filled(step.reply.text, node_id, state)
            case SyncStep():
                return self.say("step-sync")
            case WaitStep():
                return self.filled(step.wait.say, node_id, state) if step.wait.say else self.say("step-wait")
            case ResendStep(resend=call) if call.do == "status":
                return self.say("step-lane")
        acting = next((each for each in reversed(self._story.acted) if each.step == node_id), None)
        return self.action(acting) if acting else node_id

    def result(self, result: str) -> str:
        """Return what came of a step; a word that is not known is returned as it is."""
        word, _, code = result.partition(" ")
        key = result.replace(" ", "-") if result.replace(" ", "-") in _KNOWN_RESULTS else word
        if key not in _KNOWN_RESULTS:
            return result
        text = self.say(f"result-{key}")
        return f"{text} ({code})" if code and key == word else text

    def changed(self, changes: Sequence[str]) -> tuple[Changed, ...]:
        """Return the problems that came and went with a step; silence of a device mends nothing."""
        cut_off = any(each.startswith("+link.") for each in changes)  # then nothing was mended by it
        told = [each for each in changes if not (cut_off and each.startswith("-"))]
        return tuple(Changed(each[1:], self.code(each[1:]), each.startswith("+")) for each in told)

    def code(self, code: str) -> str:
        """Return the title of a problem that was seen, else its code."""
        for seen in self._story.seen:
            if seen.finding.code == code:
                return describe(seen.finding, self._catalog).title
        return code

    def action(self, acting: Acting) -> str:
        """Return what was changed, or would have been."""
        plan = self._plans.get((acting.step, acting.action))
        words: Mapping[str, object] = {**acting.params, **(plan.words if plan else {})}
        moment = "done" if acting.result in {"done", "verified", "not-verified"} else "doing"
        try:
            return self._catalog.phrase(f"action.{acting.action.replace('.', '-')}-{moment}", **words).rstrip(
                "…"
            )
        except KeyError:  # a plug-in's, without texts
            return " ".join((acting.action, *acting.params.values()))

    def _things(self, names: Sequence[str], node: Node) -> str:
        told = []
        for name in names:
            role = self._graph.roles.get(node.scope.role(name))
            computer = self._catalog.phrase("report.this-computer")
            told.append(self.text(role.title) if role else computer if name == "computer" else name)
        return ", ".join(told)
