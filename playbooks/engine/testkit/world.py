"""The world of a test: real simulated devices on real wires, and findings about what the lab does not have.

What a lab device says in one state of its faults to one check is asked once and remembered: the device is
simulated, so it says the same again. That makes hundreds of runs affordable.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from playbooks.actions.model import Done, Plan
from playbooks.engine.ports import Looked, areas_of, tally
from playbooks.engine.situation import protocol_of
from supportctl.core.finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from playbooks.engine.model import Check
    from playbooks.engine.needs import Role
    from playbooks.engine.testkit.format import PlaybookTest, Seen, Turn, World
    from probes.lab.lab import Lab


class Shop(NamedTuple):
    """How the world is at a moment: faults of each device, findings and facts."""

    faults: Mapping[str, tuple[str, ...]]
    findings: tuple[Seen, ...] = ()
    facts: Mapping[str, float] = {}

    def after(self, world: World) -> Shop:
        """Return the shop as `world` says that it is now."""
        faults = {**self.faults, **world.faults}
        findings = self.findings if world.findings is None else world.findings
        return Shop(faults, findings, {**self.facts, **world.facts})


class Memory:
    """A lab, and what its devices have said."""

    def __init__(self, lab: Lab | None, check: Callable[[Check, tuple[str, ...]], Looked]) -> None:
        self._lab = lab
        self._check = check
        self._said: dict[tuple[object, ...], Looked] = {}
        self._now: dict[str, tuple[str, ...]] = {}
        self.urls = {lab.url(name): name for name in lab.names} if lab else {}

    def ask(self, check: Check, url: str, faults: tuple[str, ...]) -> Looked:
        """Return what the device says with these faults."""
        key = (check, url, faults)
        if key not in self._said:
            self._switch(self.urls[url], faults)
            self._said[key] = self._check(check, (url,))
        return self._said[key]

    def _switch(self, device: str, faults: tuple[str, ...]) -> None:
        assert self._lab is not None, "a device that has a URL is in a lab"
        if self._now.get(device, ()) != faults:
            self._lab.clear(device)
            for fault in faults:
                self._lab.fault(device, fault)
            self._now[device] = faults


class TestHands:
    """Looks at the test's world; an action does what the case says, and its undo brings the world back."""

    __test__ = False  # no test of pytest

    def __init__(self, memory: Memory, test: PlaybookTest, shop: Shop) -> None:
        self._memory = memory
        self._test = test
        self.shop = shop
        self.acts: list[tuple[str, Mapping[str, str]]] = []
        self.undone: list[str] = []
        self._does: dict[str, Turn] = {}  # what an action that was allowed will do
        self._before: dict[str, Shop] = {}
        self.roles: Mapping[str, tuple[str, ...]] | None = None

    def candidates(self, name: str, role: Role, given: str | None) -> tuple[str, ...]:
        """Return the lab's devices and accounts that fit a role, or those that the case names."""
        if given:
            return (given,)
        by_name = {device: url for url, device in self._memory.urls.items()}
        if self.roles is not None:
            return tuple(by_name.get(item, item) for item in self.roles.get(name, ()))
        known: Iterable[str] = self._test.accounts if role.section != "targets" else self._memory.urls
        return tuple(one for one in known if not role.protocols or protocol_of(one) in role.protocols)

    def check(self, check: Check, targets: tuple[str, ...]) -> Looked:
        """Ask the lab's devices; for all else return what the world says of it."""
        found: list[Finding] = []
        for target in targets:
            device = self._memory.urls.get(target)
            if device is not None:
                faults = tuple(sorted(self.shop.faults.get(device, ())))
                found.extend(self._memory.ask(check, target, faults).findings)
            else:
                found.extend(_finding(seen, target) for seen in self._about(check, target))
        return Looked(tuple(found), targets, tally(found, targets), areas_of(check))

    def sync(self, source: str, crm: str, since: str) -> Looked:  # noqa: ARG002  the world says what is found
        """Return the gaps that the world has."""
        found = tuple(_finding(seen, crm) for seen in self.shop.findings if seen.code.startswith("sync."))
        return Looked(found, (crm,), dict(self.shop.facts), ("sync",))

    def lane(self, destination: str) -> Looked:
        """Return how the deliveries of a destination are."""
        found = tuple(
            _finding(seen, destination) for seen in self.shop.findings if seen.code.startswith("resend.")
        )
        return Looked(found, (destination,), dict(self.shop.facts), ("resend",))

    def prepare(self, action: str, turn: Turn) -> None:
        """Hear what the action will do, now that it is allowed."""
        self._does[action] = turn

    def url(self, name: str) -> str:
        """Return the URL of a device by its name in the test; other names stay as they are."""
        return next((url for url, device in self._memory.urls.items() if device == name), name)

    def plan(self, action: str, params: Mapping[str, str]) -> Plan:
        """Return a plan that only names its parameters."""
        return Plan(action, params, params, {})

    def act(self, plan: Plan) -> Done:
        """Make the world what the case says that it is after this action."""
        self.acts.append((plan.action, plan.params))
        self._before[plan.action] = self.shop
        turn = self._does.get(plan.action)
        if turn is not None and turn.fails:
            return Done(ok=False, code=turn.fails)
        if turn is not None:
            self.shop = self.shop.after(turn.now)
        return Done(ok=True)

    def undo(self, plan: Plan) -> Done:
        """Bring the world of before back."""
        self.undone.append(plan.action)
        self.shop = self._before.pop(plan.action, self.shop)
        return Done(ok=True)

    def _about(self, check: Check, target: str) -> Iterable[Seen]:
        for seen in self.shop.findings:
            if seen.of != target and seen.of != target.partition(":")[2]:
                continue
            if check.only and not any(fnmatchcase(seen.code, glob) for glob in check.only):
                continue
            if not any(fnmatchcase(seen.code, glob) for glob in check.skip):
                yield seen


def _finding(seen: Seen, target: str) -> Finding:
    return Finding(seen.code, Status(seen.status), target, None, dict(seen.args))
