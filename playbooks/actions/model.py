"""What an action is: something that changes a device or a system, with its risk, its undo and its words.

The words are in the catalogue (`phrases/action.toml`, keys `action.NAME-consent`, `-doing`, `-done`,
`-undone`, with the dot of the name as a hyphen); an action carries arguments only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk
    from supportctl.core.target import Target


class Ran(NamedTuple):
    """What a command of the system answered."""

    code: int
    out: str
    err: str


class Place(NamedTuple):
    """Where an action runs. An action has no other way to the system.

    `run` starts a program (a list of words, never a shell) and returns its answer, bounded in size and time;
    `system` is `linux`, `windows` or `darwin`; `target` resolves the address or name that a parameter holds.
    """

    system: str
    clock: Clock
    run: Callable[[Sequence[str], Deadline], Ran]
    target: Callable[[str], Target]


class Plan(NamedTuple):
    """What an action is about to do, found out by looking only.

    `words` fill the sentences that ask for consent. `undo` is all that undoing needs; it is written to the
    journal before the change, so it holds no secrets. `needless`: it is as wanted already.
    """

    action: str
    params: Mapping[str, str]
    words: Mapping[str, str]
    undo: Mapping[str, str]
    needless: bool = False


class Done(NamedTuple):
    """What a change brought. `code` is the key of a sentence about what went wrong, "" if nothing did."""

    ok: bool
    code: str = ""
    words: Mapping[str, str] = {}


class Action(Protocol):
    """One registered action. `params` names its parameters, `risk` says what it may cost.

    `undoable`: `undo` brings the state of before the change back, as far as `Plan.undo` tells it; it may be
    called twice, and after a change of which nobody knows whether it happened.
    """

    name: str
    params: Mapping[str, bool]  # parameter -> it must be given
    risk: Risk
    seconds: int

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:
        """Return what would be done. Only looks.

        Raises:
            UsageError: a parameter is wrong, or the thing is not there (`action.*`).
            SupportctlError: it cannot be done on this system, or not by this user.
        """

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Do it."""

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Bring back what was before."""
