"""What an action is: something that changes a device or a system, with its risk, its undo and its words.

The words are in the catalogue (`phrases/action.toml`, keys `action.NAME-consent`, `-doing`, `-done`,
`-undone`, with the dot of the name as a hyphen); an action carries arguments only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from probes.links import Link
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk
    from supportctl.core.target import Target


MISSING, LATE = 127, 124  # `Ran.code` of a program that is not there, and of one that did not end in time


class Ran(NamedTuple):
    """What a command of the system answered."""

    code: int
    out: str = ""
    err: str = ""


class Run(Protocol):
    """How an action starts a program: a list of words, never a shell; `given` is its standard input."""

    def __call__(self, words: Sequence[str], deadline: Deadline, given: str = "") -> Ran:
        """Return its answer, bounded in size and time; its code is `MISSING` or `LATE` without one."""


class TargetUrls(Protocol):
    """Where the addresses of targets are kept: the configuration."""

    def url(self, name: str) -> str:
        """Return the URL of a target as it is written there, references to secrets included.

        Raises:
            UsageError: there is no such target.
        """

    def put(self, name: str, url: str, was: str) -> None:
        """Write `url` in place of `was`.

        Raises:
            UsageError: it is not `was` any more, or the configuration cannot be written.
        """


class Place(NamedTuple):
    """Where an action runs. Beside it an action sees files and processes of this computer only.

    `system` is `linux`, `windows` or `darwin`; `target` resolves the address or name that a parameter holds;
    `opener` opens a wire. `folders` are those in which settings may be changed, beside the known ones of
    drivers. Without `targets` there is no configuration to change.
    """

    system: str
    clock: Clock
    run: Run
    target: Callable[[str], Target]
    opener: Callable[[Target, Deadline], Link]
    folders: tuple[str, ...] = ()
    targets: TargetUrls | None = None


class Plan(NamedTuple):
    """What an action is about to do, found out by looking only.

    `words` fill the sentences that ask for consent. `undo` is all that undoing needs, and what `run` needs to
    see that all is still as planned; it is written to the journal before the change, so it holds no secrets.
    `needless`: it is as wanted already.
    """

    action: str
    params: Mapping[str, str]
    words: Mapping[str, str]
    undo: Mapping[str, str]
    needless: bool = False


class Done(NamedTuple):
    """What a change brought. `code`: the phrase that says what went wrong, with `words`; "" if it is done."""

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
        """Do it, if all is still as planned.

        Raises:
            SupportctlError: it could not be looked at; nobody knows whether it is done.
        """

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Bring back what was before; raises as `run`."""
