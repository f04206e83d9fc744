"""The supporter's way in: through the bastion to the port that the code names, to the customer's own door."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, NamedTuple

import paramiko

from supportctl.core.errors import SupportctlError
from supportctl.remote.heartbeat import Heartbeat
from supportctl.remote.links.pushing import pushing
from supportctl.remote.reverse.bastion import LOOPBACK, sign_in
from supportctl.remote.reverse.door import SUBSYSTEM
from supportctl.remote.reverse.pairing import proof
from supportctl.remote.reverse.wire import STEP_S, ChannelLink, hang_up, inside

if TYPE_CHECKING:
    from supportctl.core.clock import Clock
    from supportctl.remote.links.transport import StrongTransport
    from supportctl.remote.reverse.bastion import Bastion
    from supportctl.remote.reverse.pairing import Pairing


class Supporter(NamedTuple):
    """Who comes in: the user at the bastion, and a key with the company's certificate for both doors."""

    user: str
    key: paramiko.PKey


def line_name(*, lead: bool) -> str:
    """Return a name for the lines of one session: who comes back under it finds the answers that were missed.

    With `lead` the sharing ends when this one leaves on purpose.
    """
    return f"{'lead' if lead else 'work'}-{secrets.token_hex(8)}"


def open_reverse(
    pairing: Pairing, bastion: Bastion, supporter: Supporter, clock: Clock, name: str
) -> ChannelLink:
    """Return a line to the customer who read out the code.

    Its heartbeat goes from end to end: a peer that is gone without a word closes it within 6 seconds.

    Raises:
        SupportctlError: `share.not-there` (nobody shares under this code), `share.other-key` (somebody
            between us, or a code of another sharing), `share.code-refused`, and what `sign_in` raises.
    """
    outer = sign_in(bastion, supporter.user, supporter.key, clock)
    try:
        inner = _customer(outer, pairing, bastion)
        channel = _enter(inner, pairing, supporter.key, name)
    except BaseException:
        hang_up(outer)
        raise

    def gone() -> None:
        hang_up(inner)
        hang_up(outer)

    beat = Heartbeat(lambda: _asks(inner), gone, clock)
    beat.start()

    def end() -> None:
        beat.stop()
        gone()

    return ChannelLink(channel, end)


def _asks(inner: StrongTransport) -> None:
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        inner.global_request("keepalive@openssh.com", wait=True)


def _customer(outer: StrongTransport, pairing: Pairing, bastion: Bastion) -> StrongTransport:
    """Return the connection to the customer, found by their key: the port may have changed since the code."""
    count = len(bastion.ports)
    strangers = 0
    for offset in range(count):
        port = bastion.ports[(pairing.slot + offset) % count]
        try:
            channel = outer.open_channel("direct-tcpip", (LOOPBACK, port), (LOOPBACK, 0), timeout=STEP_S)
        except paramiko.ChannelException:
            continue  # nobody listens there
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise SupportctlError("share.bastion-unreachable", found=bastion.host, reason=error) from None
        inner = inside(channel)
        try:
            inner.start_client(timeout=STEP_S)
            if pairing.fits(inner.get_remote_server_key().asbytes()):
                return inner
            strangers += 1
        except (paramiko.SSHException, OSError, EOFError):
            pass
        hang_up(inner)
    raise SupportctlError("share.other-key" if strangers else "share.not-there")


def _enter(inner: StrongTransport, pairing: Pairing, key: paramiko.PKey, name: str) -> paramiko.Channel:
    host_key = inner.get_remote_server_key().asbytes()
    told = proof(pairing, inner.session_id or b"", host_key, key.asbytes(), name)
    try:
        inner.auth_publickey(f"{name}.{told}", key)
        channel = pushing(inner.open_session(timeout=STEP_S))
        channel.invoke_subsystem(SUBSYSTEM)
    except paramiko.AuthenticationException:
        raise SupportctlError("share.code-refused") from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise SupportctlError("share.not-there", reason=error) from None
    return channel
