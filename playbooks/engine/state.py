"""What the planner knows and asks for. All of it is plain values: a run is its events (`events`)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.engine.events import Answer
    from playbooks.engine.model import Check, HandOver, Instruction, OutOfScope, Question, ReadyAnswer, Solved
    from supportctl.core.finding import Finding

ROLE = "role:"  # the question which of several targets is meant has this before the role's name


class Outcome(StrEnum):
    """How a run ended."""

    SOLVED = "solved"
    HANDED_OVER = "handed-over"
    OUT_OF_SCOPE = "out-of-scope"
    GAVE_UP = "gave-up"  # the customer left


class Why(StrEnum):
    """Why a run was handed over."""

    STEP = "step"  # the playbook says so
    BUDGET = "budget"  # what is left of the time does not cover the cheapest step
    NO_PROGRESS = "no-progress"
    ASKED = "asked"  # the supporter pressed the key
    NOTHING_LEFT = "nothing-left"  # every hypothesis is ruled out
    UNDO_FAILED = "undo-failed"
    LOOP = "loop"  # a step came round too often
    CONDITION = "condition"  # a condition cannot be told


# --- what the planner asks for: one thing at a time, and notices on the way -------------------------------


class RunCheck(NamedTuple):
    """Ask these targets. `verify`: to see whether the step before it helped."""

    step: str
    check: Check
    targets: tuple[str, ...]
    verify: bool = False


class RunSync(NamedTuple):
    """Compare telephony with a CRM."""

    step: str
    source: str
    crm: str
    since: str


class LookAtLane(NamedTuple):
    """Look at the deliveries of a destination."""

    step: str
    destination: str


class AskPerson(NamedTuple):
    """Ask a person. `options` are given instead of `question` where the question is which target is meant."""

    step: str
    question: Question | None
    options: tuple[str, ...] = ()


class TellPerson(NamedTuple):
    """Give an instruction."""

    step: str
    instruction: Instruction


class AskConsent(NamedTuple):
    """Plan the action, say what it does, and ask whether it may be done. The answer is no unless said."""

    step: str
    action: str
    params: Mapping[str, str]


class DoAction(NamedTuple):
    """Do what was allowed."""

    step: str
    action: str
    params: Mapping[str, str]


class UndoAction(NamedTuple):
    """Bring back what was before the action of this step."""

    step: str
    action: str
    params: Mapping[str, str]


class Wait(NamedTuple):
    """Let time pass."""

    step: str
    seconds: float


class ShowReply(NamedTuple):
    """Show a ready answer."""

    step: str
    reply: ReadyAnswer


class StillToTry(NamedTuple):
    """A notice: so many things are left to try, and about so many seconds."""

    things: int
    seconds: int


class CauseNamed(NamedTuple):
    """A notice: this is the cause, as far as we see."""

    cause: str


class Finish(NamedTuple):
    """The run is over. One of the last three says what the playbook has to say about it."""

    outcome: Outcome
    why: Why | None = None
    to: str = ""
    step: str = ""
    hand_over: HandOver | None = None
    out_of_scope: OutOfScope | None = None
    solved: Solved | None = None


Command = (
    RunCheck | RunSync | LookAtLane | AskPerson | TellPerson | AskConsent | DoAction | UndoAction | Wait
    | ShowReply | Finish
)  # fmt: skip
Notice = StillToTry | CauseNamed


class Tried(NamedTuple):
    """One step that was taken, for the packet: what it was, when, and what came of it."""

    step: str
    kind: str
    at: float
    result: str = ""  # a word: done, skipped, verified, refused, undone ...
    changed: tuple[str, ...] = ()  # codes that came (+code) or went (-code) with it


class State(NamedTuple):
    """All that the planner remembers.

    `doing` is what it waits for; `phase` says where in the step it is ("" or `verify`, `undo`). `findings`
    are the latest about each target. Times are seconds since the run began.
    """

    at: str = ""
    phase: str = ""
    doing: Command | None = None
    now: float = 0.0
    progress_at: float = 0.0
    budget_s: float = 600.0
    no_progress_s: float = 240.0
    since_act: float = 0.0  # when what is being verified was done
    roles: Mapping[str, tuple[str, ...]] = {}
    choices: Mapping[str, tuple[str, ...]] = {}  # roles for which a target must be chosen still
    params: Mapping[str, str] = {}
    answers: Mapping[str, Answer | None] = {}
    facts: Mapping[str, Answer] = {}
    findings: tuple[Finding, ...] = ()
    cause: str = ""
    ruled_out: tuple[str, ...] = ()  # causes
    closed: frozenset[str] = frozenset()  # arms that were tried: "branch#number"
    taken: frozenset[str] = frozenset()  # arms into which the run has gone
    visits: Mapping[str, int] = {}
    tried: tuple[Tried, ...] = ()
    finish: Finish | None = None
    leaving: Finish | None = None  # how the run ends when what was changed has been brought back
    pending: Command | None = None  # what is asked for again, once the preconditions were looked at
    pending_phase: str = ""
    unclear: bool = False  # nobody saw the end of the action that is being looked at
    resume_at: str = ""  # where a run that was handed over goes on


class Move(NamedTuple):
    """What follows from an event: the state, notices, and what is to be done (None: keep waiting)."""

    state: State
    notices: tuple[Notice, ...] = ()
    command: Command | None = None
