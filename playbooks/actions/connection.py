"""`connection.reopen`: opens the wire to a device, lets it go, and opens it again.

On a serial port that raises DTR and RTS, drops both, and raises them again: a device that waits for its
computer to come back sees it come back. Nothing is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.actions.model import Done, Plan
from playbooks.actions.parts import checked
from probes.links import LinkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

# Long enough for any device to see the lines down, and for one with a single TCP client to see that we left.
_AWAY_S = 0.5


class Reopen:
    """Opens a connection anew."""

    name = "connection.reopen"
    params: Mapping[str, bool] = {"target": True}
    risk: Risk = "none"
    seconds = 5

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:  # noqa: ARG002  opening is the change
        """Return which connection it is."""
        given = checked(self.name, self.params, params)
        target = place.target(given["target"])
        return Plan(self.name, given, {"target": target.name or target.url}, {})

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Open, close, open, close."""
        target = place.target(plan.params["target"])
        try:
            place.opener(target, deadline).close()
            place.clock.sleep(min(_AWAY_S, deadline.remaining()))
            place.opener(target, deadline).close()
        except LinkError as error:
            return link_failed(error)
        return Done(ok=True)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  nothing stays
        """Do nothing: a connection that was opened and closed leaves nothing behind."""
        return Done(ok=True)


def link_failed(error: LinkError) -> Done:
    """Return why a wire cannot be used; `problem` is the code of the finding that explains it."""
    return Done(ok=False, code="action.failed-link", words={"problem": error.code})
