"""How does this shop's router change the addresses of what desk phones send? Asked of STUN servers.

`stun://HOST?second=OTHER[:PORT]`: with a second server, asked from the same port, the kind of NAT shows. One
that gives every destination another port (symmetric) breaks calls.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from probes.links.base import LINK_CODES, LinkError
from probes.network.datagram import Datagrams
from probes.protocols.stun import (
    BINDING_REQUEST,
    TRANSACTION_SIZE,
    Binding,
    RemoteProtocolError,
    encode,
    parse,
)
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

DEFAULT_PORT = 3478
RESEND_S = (0.5, 1.0, 2.0, 3.0)  # RFC 5389, 7.2.1 doubles from 0.5 s up to 39.5 s; a till is not that patient


class StunProbe:
    """Asks one STUN server, or two from the same port."""

    codes = LINK_CODES | {"stun.address", "stun.unreachable", "stun.symmetric-nat", "stun.refused"}

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield the address that the servers see, or why they cannot be asked."""
        target = context.target
        port = target.port or DEFAULT_PORT
        try:
            with Datagrams(target.host, port, context.deadline) as wire:
                first, seen = _ask(context, wire, target.host, port)
                if first is None or first.error:
                    yield _without_address(context, first, seen)
                    return
                second = target.option("second")
                if not second:
                    yield _address(context, wire, first, (seen,), kind_known=False)
                    return
                host, other_port = _place(second)
                wire.turn_to(host, other_port, context.deadline)
                other, other_seen = _ask(context, wire, host, other_port)
                if other is None or other.error:
                    yield _address(context, wire, first, (seen,), kind_known=False)
                    yield _without_address(context, other, other_seen)
                elif (first.address, first.port) != (other.address, other.port):
                    yield context.warning(
                        "stun.symmetric-nat", seen, other_seen, first=_shown(first), second=_shown(other)
                    )
                else:
                    yield _address(context, wire, first, (seen, other_seen), kind_known=True)
        except LinkError as error:
            if error.code == "link.dns":
                yield context.link_failed(error)
            else:
                yield context.fault("stun.unreachable", *error.evidence)


def _ask(context: ProbeContext, wire: Datagrams, host: str, port: int) -> tuple[Binding | None, Evidence]:
    transaction, started = os.urandom(TRANSACTION_SIZE), context.clock.monotonic()

    def is_answer(datagram: bytes) -> bool:
        try:
            parse(datagram, transaction)
        except RemoteProtocolError:
            return False
        return True

    request = encode(BINDING_REQUEST, transaction)
    heard = wire.ask(request, is_answer, RESEND_S, context.deadline)
    binding = parse(heard.answer, transaction) if heard.answer is not None else None
    if binding is None:
        meaning = "stun.other-answer" if heard.noise else "stun.no-answer"
    else:
        meaning = "stun.error-answer" if binding.error else "stun.sees-us"
    seen = context.evidence(
        f"STUN binding {host}:{port}", meaning, started=started, sent=request,
        got=heard.answer or heard.noise or None,
        address=_shown(binding) if binding else "", number=binding.error if binding else 0,
    )  # fmt: skip
    return binding, seen


def _without_address(context: ProbeContext, binding: Binding | None, seen: Evidence) -> Finding:
    if binding is not None:
        return context.warning("stun.refused", seen, number=binding.error)
    if seen.got is not None:
        return context.fault("link.wrong-device", seen)
    return context.fault("stun.unreachable", seen)


def _address(
    context: ProbeContext, wire: Datagrams, binding: Binding, seen: tuple[Evidence, ...], *, kind_known: bool
) -> Finding:
    if (binding.address, binding.port) == wire.own_address:
        nat = Meaning("stun.no-nat")
    else:
        nat = Meaning("stun.friendly-nat" if kind_known else "stun.some-nat")
    return context.ok("stun.address", *seen, address=_shown(binding), nat=nat)


def _shown(binding: Binding) -> str:
    host = f"[{binding.address}]" if ":" in binding.address else binding.address
    return f"{host}:{binding.port}"


def _place(text: str) -> tuple[str, int]:
    from supportctl.core.target import parse_target

    place = parse_target(f"stun://{text}")
    return place.host, place.port or DEFAULT_PORT
