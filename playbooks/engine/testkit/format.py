"""The format of a playbook's tests: `NAME.test.yaml` beside `NAME.yaml`, `supportctl.playbook-test/1`."""

from typing import Annotated, Literal

from pydantic import Field

from playbooks.engine.fields import Code, Part, StepId
from supportctl.core.fields import Duration, Name

SCHEMA = "supportctl.playbook-test/1"

# what a person does instead of answering: the keys of the terminal, and silence until the clock hands over
HAND_OVER, GAVE_UP, SILENCE = "hand-over", "gave-up", "silence"
WISHES = frozenset({HAND_OVER, GAVE_UP, SILENCE})
NodeId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*)*$|^role:[A-Za-z0-9._-]+$")]


WhyHandedOver = Literal[
    "step", "budget", "no-progress", "asked", "nothing-left", "undo-failed", "loop", "condition"
]


class Device(Part):
    """A device of the lab."""

    protocol: str
    model: str | None = None
    wire: Literal["tcp", "udp", "serial"] = "tcp"


class Seen(Part):
    """A finding about what the lab does not have: this computer, its network, an account, the sync."""

    code: Code
    status: Literal["ok", "warning", "fault", "unknown"] = "fault"
    of: str = "computer"
    args: dict[str, str | float] = Field(default_factory=dict)


class World(Part):
    """How the shop is, or becomes: faults of devices (what is not named stays), findings and facts.

    `findings` are about what is no device of the lab; given, they replace those of before, all of them.
    """

    faults: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    findings: tuple[Seen, ...] | None = None
    facts: dict[str, float] = Field(default_factory=dict)


class Turn(Part):
    """What the person says when the run comes to a step, and what the world is after it.

    `say` is an answer as it is typed; `done`, `did-not-help` or `skip` for an instruction; `yes` or `no` for
    an action; `hand-over`, `gave-up` or `silence` at any of them. `refused`: the answer is not understood,
    and is asked for again. `fails`: the action fails with this code.
    """

    at: NodeId
    say: str = "done"
    now: World = World()
    refused: bool = False
    fails: Code | None = None
    takes: Duration | None = None


class Expected(Part):
    """How the run ends."""

    outcome: Literal["solved", "handed-over", "out-of-scope", "gave-up"]
    cause: StepId | None = None
    why: WhyHandedOver | None = None
    to: str | None = None
    at: NodeId | None = None
    within: Duration = Field(default=600.0, description="Of the run's own clock.")
    undone: tuple[NodeId, ...] = ()
    reply: str | None = Field(default=None, description="Part of a ready answer that was shown, in English.")


class Case(Part):
    """One customer."""

    name: str = Field(min_length=3, max_length=120)
    world: World = World()
    params: dict[StepId, str] = Field(default_factory=dict)
    roles: dict[Name, tuple[str, ...]] | None = Field(
        default=None, description="Devices of the lab, or accounts KIND:NAME, where it is not all that fit."
    )
    turns: tuple[Turn, ...] = ()
    expect: Expected


class PlaybookTest(Part):
    """All cases of one playbook."""

    schema_: Literal["supportctl.playbook-test/1"] = Field(alias="schema")
    playbook: Name
    lab: dict[Name, Device] = Field(default_factory=dict)
    accounts: tuple[str, ...] = Field(default=(), description="Accounts that the shop has: KIND:NAME.")
    cases: tuple[Case, ...] = Field(min_length=1)
