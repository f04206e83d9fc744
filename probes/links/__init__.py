"""The only code that opens a wire: URL in, link out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from probes.links.base import Attempt, Link, LinkError
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

__all__ = ["Link", "LinkError", "open_link"]

# A wire's module is imported when the wire is used: pyserial and pyusb stay out of a TCP check.
_OPENERS = {
    "tcp": "probes.links.tcp",
    "serial": "probes.links.serialport",
    "rfc2217": "probes.links.rfc2217",
    "usb": "probes.links.usb",
    "udp": "probes.links.udp",
}


def open_link(target: Target, deadline: Deadline) -> Link:
    """Return an open link to `target`, exclusively ours.

    Raises:
        LinkError: why the wire cannot be used, as a `link.*` code with evidence.
    """
    if target.wire not in _OPENERS:  # http: that is no byte stream to a device
        raise Attempt(f"open {target.wire}", deadline).failed(
            "link.not-supported", "link.no-byte-stream", status=Status.UNKNOWN, wire=target.wire
        )
    module = import_module(_OPENERS[target.wire])
    return cast("Link", module.open(target, deadline))
