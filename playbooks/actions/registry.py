"""The table of actions. Plug-ins add to it: entry points of the group `supportctl.actions`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from playbooks.actions.model import Action

ENTRY_POINT_GROUP = "supportctl.actions"
MOMENTS = ("consent", "doing", "done", "undone")  # of an action; each has its sentence in the catalogue
BUILT_IN = {
    "service.restart": "playbooks.actions.service:Restart",
    "service.start": "playbooks.actions.service:Start",
    "queue.clear": "playbooks.actions.queue_clear:Clear",
    "queue.resume": "playbooks.actions.queue_resume:Resume",
    "port.free": "playbooks.actions.port_free:Free",
    "clock.set": "playbooks.actions.clock_set:SetClock",
    "settings.set": "playbooks.actions.settings_set:SetSetting",
    "target.set": "playbooks.actions.target_set:SetTarget",
    "connection.reopen": "playbooks.actions.connection:Reopen",
    "printer.test-slip": "playbooks.actions.printer:TestSlip",
    "drawer.open": "playbooks.actions.printer:OpenDrawer",
    "dns.flush": "playbooks.actions.network:FlushNames",
    "network.renew": "playbooks.actions.network:Renew",
}


def action(name: str) -> Action:
    """Return the action of this name.

    Raises:
        UsageError: there is none; the nearest names are told.
    """
    place = BUILT_IN.get(name)
    if place is None:
        plugins = _plugins()
        if name not in plugins:
            raise UsageError("action.unknown", found=name, nearest=nearest(name, (*BUILT_IN, *plugins)))
        place = plugins[name]
    module, _, class_name = place.partition(":")
    return cast("Action", getattr(import_module(module), class_name)())


def names() -> tuple[str, ...]:
    """Return the names of all actions, those of plug-ins last."""
    return (*BUILT_IN, *(name for name in _plugins() if name not in BUILT_IN))


def phrase_key(name: str, moment: str) -> str:
    """Return the key of the sentence of an action for one of `MOMENTS`."""
    return f"action.{name.replace('.', '-')}-{moment}"


def _plugins() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
