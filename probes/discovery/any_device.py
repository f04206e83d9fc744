"""A target without a protocol: find out which device answers there, then ask it what its own probe asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.links.base import LINK_CODES
from probes.registry import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.discovery.identity import Identity
    from supportctl.core.finding import Finding

_WIRES = frozenset({"serial", "rfc2217", "usb", "tcp"})


class AnyDeviceProbe:
    """Identifies the device behind a bare wire, then hands over to the probe of its protocol."""

    @property
    def codes(self) -> frozenset[str]:
        """Its own codes and those of every device that it may find."""
        own = LINK_CODES | {"device.identity", "device.unidentified", "net.port"}
        rows = (entry for entry in BUILT_IN if entry.protocols and not entry.protocols & _WIRES)
        return own.union(*(entry.load().codes for entry in rows))

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield which device it is and then its findings, or why it could not be identified."""
        from probes.discovery.identify import identify, wires
        from probes.network.answers import PortProbe

        started = context.clock.monotonic()
        identity = identify(
            context.target, wires(context.opener), context.deadline, context.clock, details=False
        )
        if identity.found is not None:
            seen = context.evidence(
                "identify", "device.recognised", started=started, protocol=str(identity.found.protocol)
            )
            yield context.ok("device.identity", seen, **_told(identity))
            yield from _ask_its_own_probe(context._replace(target=identity.found))
        elif identity.problem is not None:
            yield identity.problem
        else:
            if context.target.wire == "tcp":
                yield from PortProbe().run(context)
            seen = context.evidence(
                "identify", "device.not-recognised", started=started, tried=len(identity.tried)
            )
            yield context.unknown("device.unidentified", seen, tried=len(identity.tried), why=identity.why)


def _told(identity: Identity) -> dict[str, str]:
    known = [identity.details.get(part, "") for part in ("maker", "model", "serial")]
    name = " ".join(part for part in known if part)
    protocol = str(identity.found.protocol) if identity.found else ""
    return {"protocol": protocol, "settings": identity.settings, "device": f": {name}" if name else ""}


def _ask_its_own_probe(context: ProbeContext) -> Iterator[Finding]:
    for entry in BUILT_IN:
        if entry.asks(context.target):
            yield from entry.load().run(context)
