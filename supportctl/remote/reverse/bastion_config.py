"""The configuration of a bastion: an OpenSSH server that forwards the ports of sessions, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.remote.reverse.bastion import LOOPBACK
from supportctl.remote.reverse.staff import PRINCIPAL

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = "/etc/ssh/supportctl"


class BastionPlan(NamedTuple):
    """What the configuration is made for. `folder` holds its keys."""

    port: int
    share_user: str
    staff_user: str
    ports: tuple[int, ...]
    folder: str = FOLDER


def sshd_config(plan: BastionPlan) -> str:
    """Return a whole sshd_config: for a server of its own, beside another one or alone.

    A test applies this text to a real server and attacks it (tests/security/test_bastion.py).
    """
    places = " ".join(f"{LOOPBACK}:{port}" for port in plan.ports)
    return _TEXT.format(
        port=plan.port,
        share=plan.share_user,
        staff=plan.staff_user,
        places=places,
        folder=plan.folder,
    )


def principals() -> str:
    """Return the file of the names that a supporter's certificate must carry one of."""
    return PRINCIPAL + "\n"


def key_line(public_key: str, ports: Sequence[int], name: str) -> str:
    """Return the line of a customer's key: nothing but listening at these ports, whatever the rest says."""
    listens = ",".join(f'permitlisten="{LOOPBACK}:{port}"' for port in ports)
    key = " ".join(public_key.split()[:2])
    return f'restrict,port-forwarding,permitopen="{LOOPBACK}:1",{listens} {key} {name}'


_TEXT = """\
# The bastion of supportctl's remote sessions. Customers listen at its ports, supporters connect to them; it
# can neither read a session nor give anybody a command. Written by `supportctl bastion-config`.
Port {port}
HostKey {folder}/host_ed25519
PidFile {folder}/sshd.pid
UsePAM no
UseDNS no
LogLevel VERBOSE

# who may come in: two users, each with one kind of key
AllowUsers {share} {staff}
PermitRootLogin no
PubkeyAuthentication yes
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
AuthorizedKeysFile none
LoginGraceTime 20
MaxAuthTries 3
MaxStartups 20:50:100

# nobody gets a session, a terminal, a command, a file or another forward
MaxSessions 0
ForceCommand /bin/false
PermitTTY no
PermitUserRC no
PermitUserEnvironment no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
GatewayPorts no
AllowTcpForwarding no
AllowStreamLocalForwarding no
PermitListen none
PermitOpen none
Compression no
PrintMotd no

# a line that is cut frees its port after six seconds
TCPKeepAlive yes
ClientAliveInterval 3
ClientAliveCountMax 2

# customers: they listen, at these ports of this computer
Match User {share}
    AuthorizedKeysFile {folder}/customers.keys
    AllowTcpForwarding remote
    PermitListen {places}

# supporters: they connect to these ports, with a key that the company has signed
Match User {staff}
    TrustedUserCAKeys {folder}/company.pub
    AuthorizedPrincipalsFile {folder}/principals
    AllowTcpForwarding local
    PermitOpen {places}
"""
