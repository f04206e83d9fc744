"""The report of a run, made from what its journal holds: header, events, plans of its actions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from playbooks.engine.planner import resumable
from playbooks.engine.state import ROLE, AskConsent, AskPerson, Outcome, TellPerson
from supportctl.app.playbook_causes import why_open
from supportctl.app.playbook_sentences import RunWords
from supportctl.app.playbook_story import story
from supportctl.catalog.compose import describe
from supportctl.core.finding import Status, severity
from supportctl.core.run_report import (
    SCHEMA,
    ActionTaken,
    Cause,
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
    from collections.abc import Iterable, Iterator, Sequence

    from playbooks.engine.events import Event
    from playbooks.engine.graph import Graph
    from playbooks.engine.journal import Record
    from playbooks.engine.records import Header, Intent
    from supportctl.app.playbook_story import Acting, Asked, Story
    from supportctl.catalog import Catalog


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
        self._words = RunWords(graph, told, catalog, intents)
        self._say, self._text, self._filled = self._words.say, self._words.text, self._words.filled

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
                text=self._words.step(tried.step, state),
                at_s=round(tried.at, 1),
                result=tried.result,
                result_text=self._words.result(tried.result),
                changed=self._words.changed(tried.changed),
            )

    def _action(self, acting: Acting) -> ActionTaken:
        result = acting.result or "unclear"
        return ActionTaken(
            step=acting.step,
            action=acting.action,
            text=self._words.action(acting),
            risk=self._graph.risks.get(acting.action, "none"),
            params=dict(acting.params),
            at_s=round(acting.at, 1),
            result=result,
            result_text=self._words.result(result),
            undone=acting.undone,
            changed=self._words.changed(acting.changed),
        )

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
            text = self._words.step(doing.step, self._state)
            yield NotChecked(text, self._say("not-finished"))
        for finding in self._state.findings:
            if finding.status is Status.SKIPPED:
                because = self._words.code(finding.because) if finding.because else ""
                title = describe(finding, self._catalog).title
                why = self._say("not-asked-because", because=because) if because else self._say("not-asked")
                yield NotChecked(title, why)


def _plain(value: str | float | None) -> str | None:
    return f"{value:g}" if isinstance(value, float) else value
