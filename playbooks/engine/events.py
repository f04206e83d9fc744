"""What the planner hears: everything that happens in a run, and what its journal keeps.

`at` is seconds since the run began, pauses included.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.finding import Finding

Answer = str | float


class Said(StrEnum):
    """What the person says of an instruction."""

    DONE = "done"
    DID_NOT_HELP = "did-not-help"
    SKIP = "skip"


class Begun(NamedTuple):
    """The run begins. `roles` names the targets that fit each role: one, several to choose from, or none."""

    at: float
    roles: Mapping[str, tuple[str, ...]] = {}
    params: Mapping[str, str] = {}


class Checked(NamedTuple):
    """A check has ended. `targets` are those that it asked; `areas` those of the codes, () for all."""

    at: float
    findings: tuple[Finding, ...]
    targets: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    facts: Mapping[str, Answer] = {}


class Answered(NamedTuple):
    """A person has answered a question; None: skipped, nobody knows."""

    at: float
    value: Answer | None


class Told(NamedTuple):
    """A person has done, or not done, what they were told."""

    at: float
    said: Said = Said.DONE


class Consented(NamedTuple):
    """A person allows an action, or does not.

    Nobody was asked if `code` says why not: it cannot be done here (the key of an error), or there is nothing
    to do (`action.needless`).
    """

    at: float
    yes: bool
    code: str = ""
    words: Mapping[str, str] = {}


class Acted(NamedTuple):
    """An action has ended. `needless`: all was as wanted before; `code` says what went wrong."""

    at: float
    ok: bool
    code: str = ""
    words: Mapping[str, str] = {}
    needless: bool = False


class Undone(NamedTuple):
    """An undo has ended."""

    at: float
    ok: bool
    code: str = ""


class Waited(NamedTuple):
    """A wait is over."""

    at: float


class Shown(NamedTuple):
    """A ready answer was shown."""

    at: float


class HandOverNow(NamedTuple):
    """The supporter wants the next line to go on."""

    at: float


class GaveUp(NamedTuple):
    """The customer has left."""

    at: float


class Ticked(NamedTuple):
    """Time has passed while a person was waited for."""

    at: float


class Resumed(NamedTuple):
    """The run goes on after a break. `extra_s` is added to the budget; the no-progress clock starts anew.

    What was being done when the run broke is asked for again; an action whose end nobody saw is looked at
    before anything else.
    """

    at: float
    extra_s: float = 0.0


Event = (
    Begun | Checked | Answered | Told | Consented | Acted | Undone | Waited | Shown | HandOverNow | GaveUp
    | Ticked | Resumed
)  # fmt: skip
