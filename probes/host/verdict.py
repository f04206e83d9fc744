"""What a check over facts decides, before it becomes a finding: pure, so tested without a computer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding


class Verdict(NamedTuple):
    """One answer about this computer. `asked`, `got`: in the system's terms; `meaning`: a text's key."""

    status: Status
    code: str
    asked: str
    got: str = ""
    meaning: str = ""
    args: Mapping[str, object] = {}

    def told(self, context: ProbeContext, started: float, *further: Evidence) -> Finding:
        """Return the finding; `started` is the clock before the facts were read."""
        from supportctl.core.finding import clean_args

        seen = context.evidence(self.asked, self.meaning, started=started, got=self.got or None)
        seen = seen._replace(args=clean_args(self.args))
        say = {
            Status.OK: context.ok,
            Status.WARNING: context.warning,
            Status.FAULT: context.fault,
        }.get(self.status, context.unknown)
        return say(self.code, seen, *further, **self.args)
