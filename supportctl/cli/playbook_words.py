"""What is said at each moment of a run, as plain texts: for the screen, for plain lines and for replays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from playbooks.engine.conditions import PROBLEMS
from playbooks.engine.situation import facts_of
from playbooks.engine.state import (
    ROLE,
    CauseNamed,
    DoAction,
    LookAtLane,
    Outcome,
    RunCheck,
    RunSync,
    StillToTry,
    UndoAction,
)
from playbooks.engine.texts import filled, in_language
from supportctl.catalog.compose import describe
from supportctl.cli.errors import error_texts
from supportctl.core.finding import severity
from supportctl.report.wording import counted, who

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playbooks.actions.model import Plan
    from playbooks.engine.graph import Graph
    from playbooks.engine.state import (
        AskConsent,
        AskPerson,
        Finish,
        Notice,
        ShowReply,
        State,
        TellPerson,
    )
    from supportctl.catalog import Catalog
    from supportctl.core.finding import Status

Kind = Literal["tell", "choice", "yes-no", "line", "consent", "reply", "busy"]
_KEYS: Mapping[Kind, tuple[str, ...]] = {
    "tell": ("done", "no", "skip", "hand-over", "gone", "pause", "help"),
    "choice": ("choose", "skip", "hand-over", "gone", "pause", "help"),
    "yes-no": ("yes-no", "skip", "hand-over", "gone", "pause", "help"),
    "line": ("line",),
    "consent": ("consent", "hand-over", "gone", "pause", "help"),
    "reply": ("seen", "hand-over", "gone", "pause", "help"),
    "busy": (),
}
BY_KEY = 9  # so many choices have a key of their own


class Scene(NamedTuple):
    """What is on the screen: who it is for, the sentence, what may be answered, and the small print."""

    kind: Kind
    label: str
    text: str
    options: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()  # what each option stands for


class Words:
    """The words of one run."""

    def __init__(
        self,
        graph: Graph,
        catalog: Catalog,
        names: Callable[[], Mapping[str, str]] = dict,
        *,
        dry_run: bool = False,
    ) -> None:
        self._names = names  # of targets, by their URLs
        self._graph = graph
        self.catalog = catalog
        self._dry_run = dry_run

    def say(self, key: str, **args: object) -> str:
        """Return a phrase of a run."""
        return self.catalog.phrase(f"run.{key}", **args)

    @property
    def title(self) -> str:
        """The playbook's title."""
        title = in_language(self._graph.playbook.title, self.catalog.lang)
        return f"{title} ({self.say('dry')})" if self._dry_run else title

    def filled(self, text: Mapping[str, str], step: str, state: State) -> str:
        """Return a text of the playbook with its places filled."""
        told = in_language(text, self.catalog.lang)
        node = self._graph.nodes.get(step)
        return filled(told, facts_of(state, node.scope)) if node else told

    # --- scenes -------------------------------------------------------------------------------------------

    def ask(self, ask: AskPerson, state: State) -> Scene:
        """Return the scene of a question."""
        question = ask.question
        if question is None:
            role = self._graph.roles.get(ask.step.removeprefix(ROLE))
            title = in_language(role.title, self.catalog.lang) if role else ask.step
            text, names = self.say("which", role=title), self._names()
            shown = tuple(f"{names[url]} ({url})" if names.get(url) else url for url in ask.options)
            return self._choice(self.say("ask-supporter"), text, shown, ask.options, ())
        label = self.say(f"ask-{question.of}")
        text = self.filled(question.question, ask.step, state)
        notes = (self.say("why", why=self.filled(question.why, ask.step, state)),)
        if question.kind == "choice":
            shown = tuple(self.filled(told, ask.step, state) for told in question.choices.values())
            return self._choice(label, text, shown, tuple(question.choices), notes)
        if question.kind == "yes-no":
            return Scene("yes-no", label, text, notes=notes)
        return Scene("line", label, text, notes=notes)

    def _choice(
        self, label: str, text: str, shown: tuple[str, ...], ids: tuple[str, ...], notes: tuple[str, ...]
    ) -> Scene:
        kind: Kind = "choice" if len(ids) <= BY_KEY else "line"
        return Scene(kind, label, text, shown, notes, ids)

    def tell(self, tell: TellPerson, state: State) -> Scene:
        """Return the scene of an instruction."""
        text = self.filled(tell.instruction.say, tell.step, state)
        return Scene("tell", self.say(f"tell-{tell.instruction.to}"), text)

    def consent(self, ask: AskConsent, plan: Plan) -> Scene:
        """Return the scene of a question for consent: what is done, what it risks, how it is undone."""
        risk = self._graph.risks.get(ask.action, "cannot-undo")
        text = self._action(ask.action, "consent", plan.words) or self.say(
            "plain-consent", action=ask.action, params=", ".join(plan.params.values())
        )
        notes = (self.say(f"risk-{risk}"), self.say("default-no"))
        return Scene("consent", self.say("consent"), text, notes=(*notes, *self._dry()))

    def reply(self, reply: ShowReply, state: State) -> Scene:
        """Return the scene of a ready answer."""
        text = self.filled(reply.reply.text, reply.step, state)
        return Scene("reply", self.say(f"reply-{reply.reply.channel}"), text)

    def busy(self, command: RunCheck | RunSync | LookAtLane | DoAction | UndoAction) -> Scene:
        """Return the scene while something is looked at or changed."""
        match command:
            case RunCheck():
                text = self.say("looking", what=self._things(command))
            case RunSync():
                text = self.say("syncing", source=command.source, crm=command.crm)
            case LookAtLane():
                text = self.say("lane", destination=command.destination)
            case UndoAction():
                text = self.say("undoing")
            case _:
                told = self._action(command.action, "doing", command.params)
                text = told or self.say("plain-doing", action=command.action)
        return Scene("busy", "", text)

    def waiting(self, seconds: float, step: str, state: State) -> Scene:
        """Return the scene of a wait."""
        node = self._graph.nodes.get(step)
        said = getattr(getattr(node.step, "wait", None), "say", None) if node else None
        text = self.filled(said, step, state) if said else self.say("waiting", seconds=f"{seconds:g}")
        return Scene("busy", "", text)

    def keys(self, scene: Scene, width: int) -> list[str]:
        """Return the keys in lines of at most `width` columns; a key and its word stay together."""
        lines: list[str] = []
        for key in _KEYS[scene.kind]:
            told = self.say(f"key-{key}", n=len(scene.options))
            longer = f"{lines[-1]} · {told}" if lines else told
            if lines and len(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(told)
        return lines

    # --- around it ----------------------------------------------------------------------------------------

    def notice(self, notice: Notice) -> str:
        """Return a notice as a sentence."""
        if isinstance(notice, CauseNamed):
            text = self._graph.causes.get(notice.cause)
            return self.say("cause", cause=in_language(text, self.catalog.lang) if text else notice.cause)
        assert isinstance(notice, StillToTry), "there are two notices"
        minutes = round(notice.seconds / 60)
        about = counted(self.catalog, "run.about-minutes", minutes) if minutes else self.say("about-seconds")
        return counted(self.catalog, "run.still-one", notice.things, about=about)

    def failed(self, code: str, words: Mapping[str, str]) -> str:
        """Return why an action was not done: a phrase, or the message of an error."""
        try:
            return self.catalog.phrase(code, **words)
        except KeyError:
            pass
        try:
            texts = error_texts(self.catalog, code, words)
        except KeyError:  # a plug-in's, without texts
            return code
        return " ".join(texts[part] for part in ("message", "found") if texts[part])

    def found(self, state: State, most: int) -> list[tuple[Status, str]]:
        """Return the problems that were found, one line each, the worst first."""
        problems = [finding for finding in state.findings if finding.status in PROBLEMS]
        problems.sort(key=lambda finding: severity(finding.status))
        told = [describe(finding, self.catalog) for finding in problems[:most]]
        lines = [(each.status, f"{each.name}: {each.title}" if each.name else each.title) for each in told]
        if len(problems) > most:
            more = counted(self.catalog, "run.found-more", len(problems) - most)
            lines.append((problems[most].status, more))
        return lines

    def end(self, finish: Finish, state: State, run: str) -> list[str]:
        """Return how a run ended, line by line; the first is the sum of it."""
        time = minutes_and_seconds(state.now)
        person = who(finish.to, self.catalog) if finish.to else ""
        lines = [self.say(f"end-{finish.outcome.value}", time=time, who=person)]
        last = finish.solved.say if finish.solved else None
        if finish.out_of_scope:
            last = finish.out_of_scope.say
            lines.append(self.filled(finish.out_of_scope.whom, finish.step, state))
        if finish.hand_over:
            last = finish.hand_over.reason
        if last is not None:
            lines.insert(1, self.filled(last, finish.step, state))
        elif finish.why is not None:
            lines.append(self.say("end-why", why=self.catalog.phrase(f"handover.why-{finish.why.value}")))
        if finish.outcome in {Outcome.HANDED_OVER, Outcome.GAVE_UP}:
            from playbooks.engine.planner import resumable

            if resumable(finish):
                lines.append(self.say("end-resume", run=run))
        return [*lines, self.say("end-report", run=run)]

    def _dry(self) -> tuple[str, ...]:
        return (self.say("dry-run"),) if self._dry_run else ()

    def _things(self, command: RunCheck) -> str:
        node = self._graph.nodes[command.step]
        told = []
        for name in command.check.targets:
            role = self._graph.roles.get(node.scope.role(name))
            title = in_language(role.title, self.catalog.lang) if role else name
            told.append(self.say("role-computer") if name == "computer" else title)
        return ", ".join(told)

    def _action(self, action: str, moment: str, words: Mapping[str, str]) -> str:
        try:
            return self.catalog.phrase(f"action.{action.replace('.', '-')}-{moment}", **words)
        except KeyError:  # a plug-in's, without texts
            return ""


def minutes_and_seconds(seconds: float) -> str:
    """Return `2:05`."""
    whole = max(int(seconds), 0)
    return f"{whole // 60}:{whole % 60:02}"
