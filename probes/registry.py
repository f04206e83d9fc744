"""The table of probes: which one asks which targets. Plug-ins add rows by the entry point `supportctl.probes`."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.context import Probe
    from supportctl.core.target import Target

ENTRY_POINT_GROUP = "supportctl.probes"


@dataclass(frozen=True, slots=True)
class ProbeEntry:
    """One row. `implementation` is `module:Class`, imported when the probe runs.

    `protocols` are the target protocols that it asks; a probe with `computer` asks this computer instead.
    `needs` are ids of probes whose fault makes this one pointless: it is then skipped because of theirs.
    """

    id: str
    implementation: str
    protocols: frozenset[str] = field(default_factory=frozenset)
    computer: bool = False
    needs: tuple[str, ...] = ()
    budget_s: float = 15.0

    def asks(self, target: Target) -> bool:
        """Return whether this probe is for `target`."""
        if target.wire == "host":
            return self.computer
        return (target.protocol or "") in self.protocols

    def load(self) -> Probe:
        """Return a new instance of the probe."""
        module, _, name = self.implementation.partition(":")
        return cast("Probe", getattr(import_module(module), name)())


def _device(id_: str, implementation: str, *protocols: str, needs: tuple[str, ...] = ("net.address",)) -> ProbeEntry:
    return ProbeEntry(id_, implementation, frozenset(protocols), needs=needs)


def _computer(id_: str, implementation: str, *, needs: tuple[str, ...] = ()) -> ProbeEntry:
    return ProbeEntry(id_, implementation, computer=True, needs=needs)


BUILT_IN: tuple[ProbeEntry, ...] = (
    _device("printer.escpos", "probes.devices.escpos_printer:EscposPrinterProbe", "escpos"),
)


def plan(entries: Iterable[ProbeEntry], targets: Iterable[Target]) -> list[tuple[ProbeEntry, Target]]:
    """Return which probe asks which target, in the order of the targets."""
    rows = list(entries)
    return [(entry, target) for target in targets for entry in rows if entry.asks(target)]
