"""The report of a run, made from what its journal holds: header, events, plans of its actions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from playbooks.engine.model import AskStep, CheckStep, ReplyStep, ResendStep, SyncStep, TellStep, WaitStep
from playbooks.engine.planner import resumable
from playbooks.engine.situation import facts_of
from playbooks.engine.state import ROLE, AskConsent, AskPerson, Outcome, TellPerson
from playbooks.engine.texts import filled, in_language
from supportctl.app.playbook_causes import why_open
from supportctl.app.playbook_story import story
from supportctl.catalog.compose import describe
from supportctl.core.finding import Status, severity
from supportctl.core.run_report import (
    SCHEMA,
    ActionTaken,
    Cause,
    Changed,
    NextStep,
    NotChecked,
    OpenCause,
    Played,
    QuestionAsked,
    ReplyShown,
    RunFinding,
    RunReport,
    StepTaken,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from playbooks.engine.graph import Graph, Node
    from playbooks.engine.journal import Record
    from playbooks.engine.records import Header, Intent
    from playbooks.engine.state import Event, State
    from supportctl.app.playbook_story import Acting, Asked, Story
    from supportctl.catalog import Catalog

_KNOWN_RESULTS = frozenset({
    "done", "did-not-help", "skip", "skipped", "answered", "checked", "verified", "not-verified", "refused",
    "needless", "undone", "undo-failed", "failed", "unclear", "waited", "waited-in-vain", "shown",
})  # fmt: skip


def report_of(record: Record, graph: Graph, catalog: Catalog, site_name: str | None = None) -> RunReport:
    """Return the report of the run of a journal, ended or not, in the language of `catalog`."""
    intents = [intent for _, intent in record.intents]
    return run_report(record.header, graph, record.events, catalog, intents, site_name)


def run_report(  # noqa: PLR0917  what a run is
    header: Header,
    graph: Graph,
    events: Iterable[Event],
    catalog: Catalog,
    intents: Sequence[Intent] = (),
    site_name: str | None = None,
) -> RunReport:
    """Return the report of a run; the events must be those of this very graph: the planner replays them."""
    return _Writer(header, graph, story(graph, events), catalog, intents, site_name).report()


class _Writer:
    def __init__(  # noqa: PLR0917  what a run is
        self,
        header: Header,
        graph: Graph,
        told: Story,
        catalog: Catalog,
        intents: Sequence[Intent],
        site_name: str | None,
    ) -> None:
        self._header = header
        self._site_name = site_name
        self._graph = graph
        self._story = told
        self._state = told.state
        self._catalog = catalog
        self._plans = {(intent.step, intent.plan.action): intent.plan for intent in intents}

    def report(self) -> RunReport:
        header, playbook, finish = self._header, self._graph.playbook, self._state.finish
        remaining = tuple(self._remaining())
        open_ids = {cause.id for cause in remaining}
        return RunReport(
            schema=SCHEMA,
            tool_version=header.tool_version,
            lang=self._catalog.lang,
            run=header.run,
            playbook=Played(playbook.name, self._text(playbook.title), playbook.version, header.digest),
            ticket=header.ticket or None,
            site=header.site or None,
            site_name=self._site_name,
            operator=header.operator or None,
            dry_run=header.dry_run,
            started_at=header.started_at.isoformat(timespec="seconds"),
            duration_s=round(self._state.now, 1),
            budget_s=self._state.budget_s,
            outcome=finish.outcome.value if finish else "running",
            why=finish.why.value if finish and finish.why else None,
            to=finish.to or None if finish else None,
            reason=self._reason(),
            cause=self._cause(self._state.cause) if self._state.cause else None,
            ruled_out=tuple(self._cause(each) for each in self._state.ruled_out if each not in open_ids),
            remaining=remaining,
            steps=tuple(self._steps()),
            actions=tuple(self._action(acting) for acting in self._story.acted),
            questions=tuple(self._question(asked) for asked in self._story.asked),
            replies=tuple(self._replies()),
            findings=tuple(self._findings()),
            not_checked=tuple(self._not_checked()),
            next_step=self._next_step(),
        )

    # --- how it ended -------------------------------------------------------------------------------------

    def _reason(self) -> str:
        finish = self._state.finish
        if finish is None:
            return self._say("why-running")
        said = finish.hand_over.reason if finish.hand_over else None
        if finish.out_of_scope:
            said = finish.out_of_scope.say
        if finish.solved:
            said = finish.solved.say
        if said is not None:
            return self._filled(said, finish.step, self._state)
        if finish.outcome is Outcome.SOLVED:
            return self._say("why-verified")
        return self._say(f"why-{finish.why.value}" if finish.why else f"why-{finish.outcome.value}")

    def _next_step(self) -> NextStep:
        finish = self._state.finish
        command = f"supportctl playbook resume {self._header.run}"
        can_go_on = finish is None or resumable(finish)
        outcome = finish.outcome.value if finish else "running"
        text, who = self._say(f"next-{outcome}"), finish.to if finish else ""
        if finish and finish.outcome is Outcome.HANDED_OVER:
            say = self._say(f"customer-to-{finish.to}")
            is_open = next(self._remaining(), None) is not None
            text = self._say(
                "next-resume" if can_go_on else "next-handed-over" if is_open else "next-unknown"
            )
        else:
            say = self._say(f"customer-{outcome}")
        if finish and finish.out_of_scope:
            who = text = self._filled(finish.out_of_scope.whom, finish.step, self._state)
            say = self._reason()
        if finish and finish.solved:
            say = self._reason()
        return NextStep(who, text, command if can_go_on else None, say)

    # --- hypotheses ---------------------------------------------------------------------------------------

    def _cause(self, cause: str) -> Cause:
        text = self._graph.causes.get(cause)
        return Cause(cause, self._text(text) if text else cause)

    def _remaining(self) -> Iterator[OpenCause]:
        for cause in self._graph.causes:
            why = why_open(self._graph, self._story, cause)
            if why is not None:
                text = self._cause(cause).text
                yield OpenCause(cause, text, why, self._say(f"open-{why}"))

    # --- what was done ------------------------------------------------------------------------------------

    def _steps(self) -> Iterator[StepTaken]:
        for tried, state in self._story.taken:
            yield StepTaken(
                id=tried.step,
                kind=tried.kind,
                text=self._step_text(tried.step, state),
                at_s=round(tried.at, 1),
                result=tried.result,
                result_text=self._result(tried.result),
                changed=self._changed(tried.changed),
            )

    def _step_text(self, node_id: str, state: State) -> str:  # noqa: PLR0911  a kind of step, a sentence
        node = self._graph.nodes.get(node_id)
        if node is None:
            return node_id
        step = node.step
        match step:
            case CheckStep():
                return self._say("step-check", what=self._things(step.check.targets, node))
            case AskStep():
                return self._filled(step.ask.question, node_id, state)
            case TellStep():
                return self._filled(step.tell.say, node_id, state)
            case ReplyStep():
                return self._filled(step.reply.text, node_id, state)
            case SyncStep():
                return self._say("step-sync")
            case WaitStep():
                return (
                    self._filled(step.wait.say, node_id, state) if step.wait.say else self._say("step-wait")
                )
            case ResendStep(resend=call) if call.do == "status":
                return self._say("step-lane")
        acting = next((each for each in reversed(self._story.acted) if each.step == node_id), None)
        return self._action_text(acting) if acting else node_id

    def _things(self, names: Sequence[str], node: Node) -> str:
        told = []
        for name in names:
            role = self._graph.roles.get(node.scope.role(name))
            computer = self._catalog.phrase("report.this-computer")
            told.append(self._text(role.title) if role else computer if name == "computer" else name)
        return ", ".join(told)

    def _result(self, result: str) -> str:
        word, _, code = result.partition(" ")
        key = result.replace(" ", "-") if result.replace(" ", "-") in _KNOWN_RESULTS else word
        if key not in _KNOWN_RESULTS:
            return result
        text = self._say(f"result-{key}")
        return f"{text} ({code})" if code and key == word else text

    def _changed(self, changes: Sequence[str]) -> tuple[Changed, ...]:
        cut_off = any(each.startswith("+link.") for each in changes)  # then nothing was mended by it
        told = [each for each in changes if not (cut_off and each.startswith("-"))]
        return tuple(Changed(each[1:], self._code(each[1:]), each.startswith("+")) for each in told)

    def _code(self, code: str) -> str:
        for seen in self._story.seen:
            if seen.finding.code == code:
                return describe(seen.finding, self._catalog).title
        return code

    def _action(self, acting: Acting) -> ActionTaken:
        result = acting.result or "unclear"
        return ActionTaken(
            step=acting.step,
            action=acting.action,
            text=self._action_text(acting),
            risk=self._graph.risks.get(acting.action, "none"),
            params=dict(acting.params),
            at_s=round(acting.at, 1),
            result=result,
            result_text=self._result(result),
            undone=acting.undone,
            changed=self._changed(acting.changed),
        )

    def _action_text(self, acting: Acting) -> str:
        plan = self._plans.get((acting.step, acting.action))
        words: Mapping[str, object] = {**acting.params, **(plan.words if plan else {})}
        moment = "done" if acting.result in {"done", "verified", "not-verified"} else "doing"
        try:
            return self._catalog.phrase(f"action.{acting.action.replace('.', '-')}-{moment}", **words).rstrip(
                "…"
            )
        except KeyError:  # a plug-in's, without texts
            return " ".join((acting.action, *acting.params.values()))

    # --- people -------------------------------------------------------------------------------------------

    def _question(self, asked: Asked) -> QuestionAsked:
        ask, value = asked.ask, asked.value
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        if ask.question is None:
            role = self._graph.roles.get(ask.step.removeprefix(ROLE))
            title = self._text(role.title) if role else ask.step
            question, of = self._say("which", role=title), "supporter"
            return QuestionAsked(
                ask.step, "target", question, "", of, round(asked.at, 1), value, _plain(value)
            )
        question = self._filled(ask.question.question, ask.step, asked.state)
        why = self._filled(ask.question.why, ask.step, asked.state)
        at, words = round(asked.at, 1), self._answer(asked, value)
        return QuestionAsked(ask.step, ask.question.kind, question, why, ask.question.of, at, value, words)

    def _answer(self, asked: Asked, value: str | float | None) -> str | None:
        question = asked.ask.question
        if question is not None and question.kind == "yes-no" and value in {"yes", "no"}:
            return self._say(f"answer-{value}")
        if question is not None and isinstance(value, str) and value in question.choices:
            return self._filled(question.choices[value], asked.ask.step, asked.state)
        return _plain(value)

    def _replies(self) -> Iterator[ReplyShown]:
        for shown in self._story.shown:
            step = shown.reply.step
            text = self._filled(shown.reply.reply.text, step, shown.state)
            yield ReplyShown(step, shown.reply.reply.channel, text, round(shown.at, 1))

    # --- what was seen ------------------------------------------------------------------------------------

    def _findings(self) -> Iterator[RunFinding]:
        seen = sorted(
            (
                RunFinding(describe(each.finding, self._catalog), each.first, each.last, each.gone)
                for each in self._story.seen
            ),
            key=lambda each: (
                each.gone_s is not None,
                severity(each.finding.status),
                not each.finding.stops_sales,
            ),
        )
        yield from seen
        for finding in self._state.findings:
            if finding.status in {Status.OK, Status.SKIPPED}:
                yield RunFinding(describe(finding, self._catalog), self._state.now, self._state.now, None)

    def _not_checked(self) -> Iterator[NotChecked]:
        for name, role in self._graph.roles.items():
            if not self._story.roles.get(name):
                yield NotChecked(self._text(role.title), self._say("not-configured"))
        for asked in self._story.asked:
            if asked.value is None:
                yield NotChecked(self._question(asked).question, self._say("not-answered"))
        doing = self._state.doing
        if isinstance(doing, AskPerson | TellPerson | AskConsent):
            text = self._step_text(doing.step, self._state)
            yield NotChecked(text, self._say("not-finished"))
        for finding in self._state.findings:
            if finding.status is Status.SKIPPED:
                because = self._code(finding.because) if finding.because else ""
                title = describe(finding, self._catalog).title
                why = self._say("not-asked-because", because=because) if because else self._say("not-asked")
                yield NotChecked(title, why)

    # --- words --------------------------------------------------------------------------------------------

    def _text(self, text: Mapping[str, str]) -> str:
        return in_language(text, self._catalog.lang)

    def _filled(self, text: Mapping[str, str], node_id: str, state: State) -> str:
        node = self._graph.nodes.get(node_id)
        return filled(self._text(text), facts_of(state, node.scope)) if node else self._text(text)

    def _say(self, key: str, **args: object) -> str:
        return self._catalog.phrase(f"handover.{key}", **args)


def _plain(value: str | float | None) -> str | None:
    return f"{value:g}" if isinstance(value, float) else value
