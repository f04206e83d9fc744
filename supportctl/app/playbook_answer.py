"""What a person here says to a question of a run elsewhere, as it goes over the line: a kind and a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playbooks.actions.model import Plan
from playbooks.engine.planner import deadline_at
from playbooks.engine.ports import Key, Late
from playbooks.engine.state import AskConsent, AskPerson, ShowReply, TellPerson, Wait
from supportctl.core.errors import SupportctlError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.engine.ports import Person
    from playbooks.engine.state import Command, State


def answer_of(
    person: Person, command: Command, state: State, told: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Put a question to the person; None if there is nothing to send. `told` has the plan of an action.

    Raises:
        SupportctlError: `signing.diverged`, this is nothing that a person is asked.
    """
    until = deadline_at(state)
    match command:
        case AskPerson():
            return _answered(person.ask(command, state, until))
        case TellPerson():
            said = person.tell(command, state, until)
            return _wished(said) if isinstance(said, Key | Late) else ("said", said.value)
        case AskConsent():
            wish = person.consent(command, _plan(told["plan"]), state, until)
            return _wished(wish) if isinstance(wish, Key | Late) else ("wish", "yes" if wish else "no")
        case ShowReply():
            return _wished(person.show(command, state)) or ("seen", "")
        case Wait():
            return _wished(person.wait(command, state))
    raise SupportctlError("signing.diverged", found=type(command).__name__)


def _answered(said: object) -> tuple[str, str] | None:
    if said is None:
        return "none", ""
    if isinstance(said, Key | Late):
        return _wished(said)
    return ("number", repr(said)) if isinstance(said, float | int) else ("text", str(said))


def _wished(said: Key | Late | None) -> tuple[str, str] | None:
    """Return what to send of a key; of silence nothing: the other side counts the time itself."""
    return ("key", said.wish) if isinstance(said, Key) else None


def _plan(told: Mapping[str, Any]) -> Plan:
    params, words = ({str(k): str(v) for k, v in told[part].items()} for part in ("params", "words"))
    return Plan(str(told["action"]), params, words, {})
