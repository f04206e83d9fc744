"""The person of a test: says what the case says, step by step, and lets the time pass that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.answers import understand, yes_or_no
from playbooks.engine.events import Said
from playbooks.engine.ports import Key, Late
from playbooks.engine.state import AskPerson, CauseNamed
from playbooks.engine.testkit.format import GAVE_UP, HAND_OVER, SILENCE
from playbooks.engine.texts import in_language
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from playbooks.actions.model import Plan
    from playbooks.engine.events import Answer
    from playbooks.engine.graph import Graph
    from playbooks.engine.state import (
        AskConsent,
        DoAction,
        Finish,
        LookAtLane,
        Notice,
        RunCheck,
        RunSync,
        ShowReply,
        State,
        TellPerson,
        UndoAction,
        Wait,
    )
    from playbooks.engine.testkit.format import Turn
    from playbooks.engine.testkit.world import TestHands
    from supportctl.core.clock import FakeClock

_SKIP = "skip"
_ROLE_S = 10.0  # to choose one of several targets
_LOOK_S = 2.0  # a look at devices, on the run's clock


class Miss(NamedTuple):
    """What is not as the case says: of what, what was expected and what was found."""

    what: str
    expected: str
    found: str


class MissError(Exception):
    """The case cannot go on: the run asks for what the case does not have."""

    def __init__(self, miss: Miss) -> None:
        super().__init__(str(miss))
        self.miss = miss


class Script:
    """A person with prepared turns. What a turn does to the world happens when its answer is written down."""

    def __init__(self, turns: Sequence[Turn], hands: TestHands, graph: Graph, clock: FakeClock) -> None:
        self._turns = turns
        self._hands = hands
        self._graph = graph
        self._clock = clock
        self._next = 0
        self._again: Turn | None = None
        self._acts: set[int] = set()  # the turns that allowed an action
        self.written = 0
        self.heard: Callable[[Notice], None] = lambda _notice: None
        self.causes: list[tuple[str, float]] = []
        self.replies: list[str] = []

    @property
    def left(self) -> Sequence[Turn]:
        """The turns that the run has not asked for."""
        return self._turns[self.written :]

    def write_down(self) -> None:
        """The journal has the answer: what the person did has happened."""
        for number in range(self.written, self._next):
            if number not in self._acts:  # what an action does happens when it is done
                self._hands.shop = self._hands.shop.after(self._turns[number].now)
        self.written = self._next

    def forget(self) -> None:
        """The process died: what it did not write down, or may not have done, is asked for again."""
        self._next = self.written
        if self.written - 1 in self._acts:
            self._again = self._turns[self.written - 1]

    def ask(self, ask: AskPerson, state: State, until: float | None) -> Answer | Key | Late | None:
        """Return the prepared answer, after those that are not understood."""
        while True:
            turn = self._turn(ask.step, state)
            wish = self._wish(turn, state, until)
            if wish is not None:
                return wish
            if turn.say == _SKIP:
                return None
            try:
                answer = self._understood(ask, turn.say)
            except UsageError as error:
                if not turn.refused:
                    raise MissError(_unfit(ask.step, turn.say, error)) from None
                continue
            if turn.refused:
                raise MissError(Miss(f"answer at {ask.step}", "to be refused", f"{turn.say} is taken"))
            return answer

    def tell(self, tell: TellPerson, state: State, until: float | None) -> Said | Key | Late:
        """Return what the customer says of the instruction."""
        turn = self._turn(tell.step, state)
        wish = self._wish(turn, state, until)
        if wish is not None:
            return wish
        if turn.say not in {said.value for said in Said}:
            raise MissError(Miss(f"answer at {tell.step}", "done, did-not-help or skip", turn.say))
        return Said(turn.say)

    def consent(self, ask: AskConsent, plan: Plan, state: State, until: float | None) -> bool | Key | Late:
        """Return whether the case allows the action, and prepare what it does."""
        if self._again is not None and self._again.at == ask.step:
            turn, self._again = self._again, None
            self._hands.prepare(plan.action, turn)
            return True
        turn = self._turn(ask.step, state)
        wish = self._wish(turn, state, until)
        if wish is not None:
            return wish
        allowed = yes_or_no(turn.say)
        if allowed:
            self._hands.prepare(plan.action, turn)
            self._acts.add(self._next - 1)
        return allowed

    def show(self, reply: ShowReply, state: State) -> Key | None:  # noqa: ARG002  Person's
        """Keep the ready answer, in English."""
        self.replies.append(in_language(reply.reply.text, "en"))
        self._clock.advance(self._seconds(reply.step))
        return None

    def wait(self, wait: Wait, state: State) -> Key | None:  # noqa: ARG002  Person's
        """Let the time pass."""
        self._clock.advance(wait.seconds)
        return None

    def notice(self, notice: Notice, state: State) -> None:
        """Keep when a cause was named."""
        self.heard(notice)
        if isinstance(notice, CauseNamed):
            self.causes.append((notice.cause, state.now))

    def looking(self, command: RunCheck | RunSync | LookAtLane | DoAction | UndoAction, state: State) -> None:  # noqa: ARG002  Person's
        """Looks and changes take a little."""
        self._clock.advance(_LOOK_S)

    def failed(self, code: str, words: Mapping[str, str]) -> None:
        """Nothing to do: the state has it."""

    def finished(self, finish: Finish, state: State, graph: Graph) -> None:
        """Nothing to do: the state has it."""

    def _turn(self, step: str, state: State) -> Turn:
        if self._next >= len(self._turns):
            raise MissError(Miss("end of the case", "the run to be over", f"it asks at {step}"))
        turn = self._turns[self._next]
        if turn.at != step:
            raise MissError(Miss(f"turn {self._next + 1}", f"the run at {turn.at}", f"it is at {step}"))
        self._next += 1
        if turn.say != SILENCE:
            takes = turn.takes if turn.takes is not None else self._seconds(step)
            self._clock.advance(takes)
        del state
        return turn

    def _wish(self, turn: Turn, state: State, until: float | None) -> Key | Late | None:
        if turn.say == SILENCE:
            self._clock.advance(max((until or state.now) - state.now, 0.0) + 0.1)
            return Late()
        if turn.say in {HAND_OVER, GAVE_UP}:
            return Key(turn.say)
        return None

    def _understood(self, ask: AskPerson, said: str) -> Answer:
        if ask.question is None:
            said = self._hands.url(said)
        return understand(ask, said, "en")

    def _seconds(self, step: str) -> float:
        return self._graph.nodes[step].seconds if step in self._graph.nodes else _ROLE_S


def _unfit(step: str, said: str, error: UsageError) -> Miss:
    return Miss(f"answer at {step}", "one that fits", f"{said}: {error}")
