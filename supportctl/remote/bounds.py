"""What an agent may be asked to look at: its own ports, its own network, and what its owner has named.

A session is not a way into a file (`serial:///etc/…`), to a secret (`?token=secret://…`) or, through the
customer's computer, to anywhere else.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from supportctl.core.errors import SupportctlError
from supportctl.core.secrets import is_reference
from supportctl.core.target import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from supportctl.core.target import Target

_OF_THE_SHOP = frozenset({"host", "usb"})


def check_bounds(
    target: Target,
    *,
    ports: Callable[[], Collection[str]],
    addresses: Callable[[str], Iterable[str]],
    named: Collection[str] = (),
) -> None:
    """Return if a target from the wire may be asked.

    `ports` are this computer's serial ports, `addresses` looks up a host, `named` are hosts that the owner
    of this computer has named (in the configuration, or when the agent was set up).

    Raises:
        SupportctlError: `remote.target-secret`, `remote.target-port`, `remote.target-host`.
    """
    if any(is_reference(value) for value in target.options.values()):
        raise SupportctlError("remote.target-secret", found=target.url)
    if target.wire in _OF_THE_SHOP:
        return
    if target.wire == "serial":
        known = ports()
        if target.path not in known:
            raise SupportctlError("remote.target-port", found=target.path, known=", ".join(known) or "-")
        return
    if not target.host or target.host in named or is_loopback(target.host):
        return
    reached = [*addresses(target.host)]
    if not reached or not all(_near(each) for each in reached):
        raise SupportctlError("remote.target-host", found=target.host)


def _near(text: str) -> bool:
    """Whether an address belongs to a local network or to this computer."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return _local(mapped or address)


def _local(address: object) -> bool:
    return bool(
        getattr(address, "is_private", False) and not getattr(address, "is_unspecified", True)
    ) or bool(getattr(address, "is_link_local", False))
