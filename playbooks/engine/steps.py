"""What each kind of step asks for when a run comes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.engine.model import (
    ActStep,
    AskStep,
    CheckStep,
    HandOverStep,
    OutOfScopeStep,
    ReplyStep,
    ResendStep,
    SolvedStep,
    SyncStep,
    TellStep,
    WaitStep,
)
from playbooks.engine.state import (
    AskConsent,
    AskPerson,
    CauseNamed,
    Finish,
    LookAtLane,
    Outcome,
    RunCheck,
    RunSync,
    ShowReply,
    TellPerson,
    Wait,
    Why,
)

if TYPE_CHECKING:
    from playbooks.engine.graph import Node
    from playbooks.engine.model import Check
    from playbooks.engine.state import Command
    from playbooks.engine.turn import Turn


def begin(turn: Turn, node: Node) -> Command | None:  # noqa: PLR0911  one way out for each kind
    """Return what a step asks for; None: nothing (a jump, an include, a check of what the shop has not)."""
    step = node.step
    match step:
        case CheckStep():
            return _check(turn, node, step.check)
        case AskStep():
            return AskPerson(node.id, step.ask)
        case TellStep():
            return TellPerson(node.id, step.tell)
        case ActStep():
            params = {name: turn.filled(value, node) for name, value in step.act.params.items()}
            return AskConsent(node.id, step.act.action, params)
        case ResendStep():
            return _resend(turn, node, step)
        case WaitStep():
            turn.set(since_act=turn.state.now)
            if step.wait.check is not None:
                return _check(turn, node, step.wait.check)
            return Wait(node.id, step.wait.for_ if step.wait.for_ is not None else step.wait.every)
        case SyncStep():
            return _sync(turn, node, step)
        case ReplyStep():
            return ShowReply(node.id, step.reply)
    return _end(turn, node)


def _end(turn: Turn, node: Node) -> Finish | None:
    step = node.step
    match step:
        case HandOverStep():
            hand = step.hand_over
            return Finish(Outcome.HANDED_OVER, Why.STEP, hand.to, node.id, hand_over=hand)
        case OutOfScopeStep():
            return Finish(Outcome.OUT_OF_SCOPE, None, "", node.id, out_of_scope=step.out_of_scope)
        case SolvedStep():
            if step.solved.cause:
                turn.set(cause=step.solved.cause)
                turn.notices.append(CauseNamed(step.solved.cause))
            return Finish(Outcome.SOLVED, None, "", node.id, solved=step.solved)
    return None


def _check(turn: Turn, node: Node, check: Check) -> RunCheck | None:
    targets = turn.targets(node, check.targets)
    if targets:
        return RunCheck(node.id, check, targets)
    turn.note("no-target")
    return None


def _resend(turn: Turn, node: Node, step: ResendStep) -> Command | None:
    destination = turn.account(node, step.resend.destination)
    if not destination:
        turn.note("no-target")
        return None
    if step.resend.do == "status":
        return LookAtLane(node.id, destination)
    params = {"destination": destination, "since": turn.filled(step.resend.since, node)}
    return AskConsent(node.id, f"resend.{step.resend.do}", params)


def _sync(turn: Turn, node: Node, step: SyncStep) -> RunSync | None:
    source, crm = turn.account(node, step.sync.source), turn.account(node, step.sync.crm)
    if source and crm:
        return RunSync(node.id, source, crm, turn.filled(step.sync.since, node))
    turn.note("no-target")
    return None
