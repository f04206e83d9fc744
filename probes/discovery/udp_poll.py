"""Is a TCP port of the network a Massa-K scale's? By the scale's own question for discovery, by UDP.

One datagram, to one address whose TCP port of the same number is open: no broadcast. Whatever else listens on
that UDP port (a speed test, mostly) drops eight bytes that it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.discovery.identity import Identity, Try
from probes.links.base import LinkError
from probes.protocols.massak import CMD_UDP_POLL, CMD_UDP_RES, Reader, encode
from probes.protocols.scale_frames import NEED_MORE, RemoteProtocolError
from supportctl.core.text import hexed

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.links.base import Link
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

ANSWER_S = 0.5  # in a local network


def identify_by_udp(
    target: Target, opener: Callable[[Target, Deadline], Link], deadline: Deadline
) -> Identity:
    """Return whether a Massa-K scale is at `target`, a TCP port without a protocol."""
    clock = deadline.clock
    started, request, heard = clock.monotonic(), encode(CMD_UDP_POLL), b""
    try:
        with opener(target._replace(protocol="massak", wire="udp"), deadline) as link:
            link.send(request, deadline.within(ANSWER_S))
            heard = link.receive(deadline.within(ANSWER_S))
    except LinkError:
        pass  # "port unreachable": it does not listen on UDP
    outcome = "answered" if _is_scale(heard) else "noise" if heard else "silent"
    ms = round((clock.monotonic() - started) * 1000, 1)
    tried = (Try(CMD_UDP_POLL.name, "", outcome, hexed(request), hexed(heard), ms),)
    if outcome == "answered":
        return Identity(target, target.speaking("massak"), tried=tried)
    return Identity(target, tried=tried, why=outcome)


def _is_scale(heard: bytes) -> bool:
    reader = Reader()
    reader.feed(heard)
    try:
        answer = reader.next_event()
    except RemoteProtocolError:
        return False
    return answer != NEED_MORE and answer.command == CMD_UDP_RES
