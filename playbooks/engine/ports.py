"""What a run needs of the world: hands that look and change, and a person. The application has both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from playbooks.actions.model import Done, Plan
    from playbooks.engine.events import Answer, Said
    from playbooks.engine.graph import Graph
    from playbooks.engine.model import Check
    from playbooks.engine.needs import Role
    from playbooks.engine.state import (
        AskConsent,
        AskPerson,
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
    from supportctl.core.finding import Finding

MOST_NAMED = 10  # of those that are hit, where a person reads it


class Looked(NamedTuple):
    """What a look at the world brought. `targets` were asked; `facts` are numbers that are no finding.

    `areas` are those of the codes that were asked about, () for all: what is known of others stays.
    """

    findings: tuple[Finding, ...]
    targets: tuple[str, ...] = ()
    facts: Mapping[str, Answer] = {}
    areas: tuple[str, ...] = ()


def areas_of(check: Check) -> tuple[str, ...]:
    """Return the areas that a check's filters ask about, () if it asks about everything."""
    areas = dict.fromkeys(glob.partition(".")[0] for glob in check.only)
    return () if any(set(area) & set("*?[") for area in areas) else tuple(areas)


def tally(findings: Iterable[Finding], targets: tuple[str, ...]) -> dict[str, Answer]:
    """Return what a look at several devices counts: facts `asked`, `hit`, `hit-names`, `hit-some`.

    Hit is what has a fault. One device, or accounts, are not counted.
    """
    if len(targets) < 2 or not all("://" in target for target in targets):
        return {}
    names = {each.target: each.name or each.target for each in findings if each.status is Status.FAULT}
    hit = list(names.values())
    some = ", ".join(hit[:MOST_NAMED]) + (f" … +{len(hit) - MOST_NAMED}" if len(hit) > MOST_NAMED else "")
    return {
        "asked": float(len(targets)), "hit": float(len(hit)), "hit-names": ", ".join(hit), "hit-some": some
    }  # fmt: skip


class Hands(Protocol):
    """Looks at the shop and changes it. The only way from a playbook to the world."""

    def candidates(self, name: str, role: Role, given: str | None) -> tuple[str, ...]:
        """Return the targets that fit a role (URLs; accounts as `KIND:NAME`); `given` is what `--set` says.

        Raises:
            UsageError: what was given is no target, or does not fit.
        """

    def check(self, check: Check, targets: tuple[str, ...]) -> Looked:
        """Ask these targets, within the check's deadline; `computer` is this computer and its network."""

    def sync(self, source: str, crm: str, since: str) -> Looked:
        """Compare telephony with a CRM: one finding for each kind of gap, `count` among its arguments."""

    def lane(self, destination: str) -> Looked:
        """Look at a destination's deliveries: facts `waiting`, `held`, `oldest_s`, findings `resend.*`."""

    def plan(self, action: str, params: Mapping[str, str]) -> Plan:
        """Return what an action would do; looks only.

        Raises:
            SupportctlError: it cannot be done here.
        """

    def act(self, plan: Plan) -> Done:
        """Do it."""

    def undo(self, plan: Plan) -> Done:
        """Bring back what was before."""


class Key(NamedTuple):
    """What the supporter wants instead of an answer: `hand-over`, `gave-up` or `pause`."""

    wish: str


class Late(NamedTuple):
    """Nobody has answered until the moment when the run is to be handed over."""


class Person(Protocol):
    """The supporter at the screen, and the customer on the line. `until` is when waiting ends, None: never.

    Times are seconds since the run began, pauses included.
    """

    def ask(self, ask: AskPerson, state: State, until: float | None) -> Answer | Key | Late | None:
        """Return the answer, None if nobody knows."""

    def tell(self, tell: TellPerson, state: State, until: float | None) -> Said | Key | Late:
        """Return what was said of the instruction."""

    def consent(self, ask: AskConsent, plan: Plan, state: State, until: float | None) -> bool | Key | Late:
        """Return whether the action may be done; no unless said."""

    def show(self, reply: ShowReply, state: State) -> Key | None:
        """Show a ready answer; return when it was seen."""

    def wait(self, wait: Wait, state: State) -> Key | None:
        """Let `wait.seconds` pass, unless a key ends them."""

    def notice(self, notice: Notice, state: State) -> None:
        """Hear of something."""

    def looking(self, command: RunCheck | RunSync | LookAtLane | DoAction | UndoAction, state: State) -> None:
        """Hear that something is being asked or changed now."""

    def failed(self, code: str, words: Mapping[str, str]) -> None:
        """Hear that an action cannot be done here, or has failed: the key of a phrase or of an error."""

    def finished(self, finish: Finish, state: State, graph: Graph) -> None:
        """Hear how it ended."""
