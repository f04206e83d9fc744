"""The raw bridge in the app: which targets it may lead to, and how the asking side opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supportctl.core.clock import SystemClock
from supportctl.remote.bridge import OPEN, Bridges
from supportctl.remote.client import CLOSED, UNCLEAR

if TYPE_CHECKING:
    import socket  # noqa: TID251  the name of a type
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from probes.links.base import Link
    from supportctl.app.remote import Remote
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.site import SiteConfig
    from supportctl.core.target import Target


def bridges(site: SiteConfig | None, clock: Clock, hosts: Collection[str] = ()) -> Bridges:
    """Return the methods of the bridge for this shop; `hosts` are machines beyond its network."""
    return _bridges(lambda: site, clock, hosts)


def late_bridges(config: Path | None, clock: Clock, hosts: Collection[str] = ()) -> Bridges:
    """Return the same where the configuration is read when a bridge is asked for."""
    from supportctl.app.config_file import load_config

    return _bridges(lambda: load_config(config), clock, hosts)


def _bridges(site: Callable[[], SiteConfig | None], clock: Clock, hosts: Collection[str]) -> Bridges:
    return Bridges(lambda word: _target(word, site(), hosts), _opened, clock)


def _opened(target: Target, deadline: Deadline) -> Link:
    from probes.links import open_link

    return open_link(target, deadline)


def _target(word: str, site: SiteConfig | None, hosts: Collection[str]) -> Target:
    """Return the target of a name of the configuration, or of a URL that a session may ask.

    Raises:
        SupportctlError: `remote.target-*`; the word is neither.
    """
    from supportctl.core.target import parse_target
    from supportctl.remote.work import pinned_target_of

    if "://" not in word:
        own = {target.name: target for target in site.parsed_targets()} if site else {}
        return own[word] if word in own else parse_target(word)
    known = {target.host for target in site.parsed_targets()} if site else set()
    return pinned_target_of(word, {*hosts, *known} - {""})


def bridge_on(
    remote: Remote,
    target: str,
    listener: socket.socket,
    opened: Callable[[str, int], None],
    *,
    grant: str = "",
    clock: Clock | None = None,
) -> Mapping[str, Any]:
    """Carry bytes between a program here and a device there until it is over; return how much, and why.

    Raises:
        SupportctlError: it was refused, or could not be opened.
    """
    from supportctl.core.errors import SupportctlError
    from supportctl.core.redaction import remember
    from supportctl.core.text import clean
    from supportctl.remote.bridge_desk import Desk

    remember(grant)
    client = remote.session.client

    def ask(method: str, params: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:  # noqa: ANN401
        # never with `back`: a line that is brought back has lost bytes
        asks = remote.audited.call if remote.audited and method == OPEN else client.call
        return asks(method, params, **more)

    desk = Desk(ask, client.stop, listener, clock or SystemClock(), opened)
    try:
        told = desk.run(target, grant)
        counts = [told.get("sent"), told.get("received")]
        sent, received = (count if isinstance(count, int) else -1 for count in counts)
        return {"sent": sent, "received": received, "reason": clean(told.get("reason"), 40)}
    except SupportctlError as error:
        if not desk.opened or error.key not in {CLOSED, UNCLEAR}:
            raise
    reason = "customer" if getattr(remote.session, "said_goodbye", False) else "line"
    return {"sent": desk.sent, "received": desk.received, "reason": reason}
