"""What follows a change: does it help, and if not, is it brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.engine.conditions import ConditionError
from playbooks.engine.model import ActStep
from playbooks.engine.situation import facts_of
from playbooks.engine.state import DoAction, Finish, Outcome, RunCheck, UndoAction, Wait, Why
from playbooks.engine.texts import filled
from playbooks.engine.turn import Turn

if TYPE_CHECKING:
    from playbooks.engine.events import Acted, Consented, Undone
    from playbooks.engine.graph import Node
    from playbooks.engine.model import Verify
    from playbooks.engine.state import AskConsent, Command

_RETRY_S = 5.0  # between two looks whether something helped
UNDOABLE = "undoable"


class Changing(Turn):
    """The part of the planner that deals with actions and with what proves that something helped."""

    def consented(self, doing: AskConsent, event: Consented) -> Command:
        """A person has allowed an action, or not."""
        if not event.yes:
            return self.go_on(f"cannot {event.code}" if event.code else "refused")
        return DoAction(doing.step, doing.action, doing.params)

    def acted(self, event: Acted) -> Command:
        """An action has ended."""
        self.set(since_act=self.state.now)
        if not event.ok:
            return self.bring_back(f"failed {event.code}".strip())
        verify = verify_of(self.node)
        if verify is None:
            return self.go_on("needless" if event.needless else "done")
        return self.verify(verify)

    def unclear(self, doing: DoAction) -> Command:
        """Nobody saw whether the action happened: look; unless it helped, bring it back and ask once more."""
        self.set(since_act=self.state.now, at=doing.step, unclear=True)
        verify = verify_of(self.node)
        return self.ask_again(()) if verify is None else self.verify(verify)

    def ask_again(self, changed: tuple[str, ...]) -> Command:
        """Bring back what may have been done, and come to the step anew."""
        node = self.note("unclear", changed)
        undo = self.undo_of(node)
        if undo is not None:
            self.set(phase="undo")
            return undo
        self.set(unclear=False)
        return self.enter(node.id)

    def verify(self, verify: Verify) -> Command:
        """Look whether it helped."""
        targets = self.targets(self.node, verify.check.targets)
        if not targets:  # the shop has no such thing, so nobody can look
            return self.go_on("not-checked")
        self.set(phase="verify")
        return RunCheck(self.state.at, verify.check, targets, verify=True)

    def verified(self, changed: tuple[str, ...]) -> Command:
        """It was looked at: end, go on, look again, or bring it back."""
        node, verify = self.node, verify_of(self.node)
        assert verify is not None, "what is being verified has something that verifies it"
        try:
            helped = self.holds(verify.expect, node)
        except ConditionError:
            helped = False
        if helped:
            self.set(unclear=False)
            self.note("verified", changed)
            if getattr(node.step, "solved", False):
                return Finish(Outcome.SOLVED, None, "", node.id)
            return self.enter(node.next)
        if self.state.now - self.state.since_act < verify.within:
            return Wait(node.id, _RETRY_S)
        if self.state.unclear:
            return self.ask_again(changed)
        return self.bring_back("not-verified", changed)

    def bring_back(self, result: str, changed: tuple[str, ...] = ()) -> Command:
        """Undo what was done, where that can be; then go on."""
        undo = self.undo_of(self.node)
        if undo is None:
            return self.go_on(result, changed)
        self.note(result, changed)
        self.set(phase="undo")
        return undo

    def undone(self, event: Undone) -> Command:
        """An undo has ended."""
        node = self.note("undone" if event.ok else f"undo-failed {event.code}".strip())
        if not event.ok:
            return self.hand_over(Why.UNDO_FAILED)
        if self.state.leaving is not None:
            leaving = self.state.leaving
            self.set(leaving=None, unclear=False, resume_at=node.next)
            return leaving
        if self.state.unclear:
            self.set(unclear=False)
            return self.enter(node.id)
        return self.enter(node.next)

    def leave(self, finish: Finish) -> Command:
        """End now; but what was changed and is not verified is brought back first."""
        unproved = isinstance(self.state.doing, UndoAction | DoAction) or self.state.phase == "verify"
        undo = self.undo_of(self.node) if unproved and self.state.at else None
        if undo is None:
            return finish
        self.set(leaving=finish, phase="undo")
        return undo

    def undo_of(self, node: Node) -> UndoAction | None:
        """Return the undo of a node's action, None if it has none."""
        if not isinstance(node.step, ActStep) or self.graph.risks.get(node.step.act.action) != UNDOABLE:
            return None
        facts = facts_of(self.state, node.scope)
        params = {name: filled(value, facts) for name, value in node.step.act.params.items()}
        return UndoAction(node.id, node.step.act.action, params)


def verify_of(node: Node) -> Verify | None:
    """Return what proves that this step helped."""
    return getattr(node.step, "verify", None)
