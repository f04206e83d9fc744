"""`target.set`: another address for a target in the configuration of supportctl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.actions.model import Done, Plan
from playbooks.actions.parts import checked
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.redaction import redact
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place, TargetUrls
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk


class SetTarget:
    """Writes a URL; the configuration is changed by whoever owns it (`Place.targets`)."""

    name = "target.set"
    params: Mapping[str, bool] = {"target": True, "url": True}
    risk: Risk = "undoable"
    seconds = 2

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:  # noqa: ARG002  a file answers at once
        """Return the old address and the new one."""
        given = checked(self.name, self.params, params)
        was = _urls(place).url(given["target"])
        new = parse_target(given["url"])
        old = parse_target(was)
        for target, url in ((new, given["url"]), (old, was)):
            if target.secrets or redact(url) != url:
                raise UsageError(
                    "action.secret-in-url", found=target.url
                )  # the journal leaves it out: no undo
        words = {"target": given["target"], "was": old.url, "url": new.url}
        return Plan(self.name, given, words, {"was": was}, needless=was == given["url"])

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  see above
        """Write the new address, if the old one is still what was planned."""
        return _put(place, plan.params["target"], plan.params["url"], plan.undo["was"])

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  see above
        """Write the old address back, unless somebody wrote a third one."""
        return _put(place, plan.params["target"], plan.undo["was"], plan.params["url"])


def _urls(place: Place) -> TargetUrls:
    if place.targets is None:
        raise SupportctlError("action.no-configuration", action=SetTarget.name)
    return place.targets


def _put(place: Place, name: str, url: str, was: str) -> Done:
    urls = _urls(place)
    now = urls.url(name)
    if now == url:
        return Done(ok=True)
    if now != was:
        return Done(ok=False, code="action.failed-changed-since", words={"file": name})
    urls.put(name, url, was)
    return Done(ok=True)
