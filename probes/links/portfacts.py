"""What is known of a port that does not open: which ones exist, who may use it, what Windows means."""

from __future__ import annotations

import difflib
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHOWN_PORTS = 5
_BY_ID = Path("/dev/serial/by-id")

# Windows error numbers as pyserial hands them on, in the representation of an exception. Their texts are
# in the language of the system, so only the numbers count.
_WINERROR = re.compile(r", None, (\d+)\)")
_WINDOWS_REASONS = {
    2: "absent", 3: "absent",  # FILE_NOT_FOUND, PATH_NOT_FOUND
    5: "busy", 32: "busy",  # ACCESS_DENIED (a port has one opener and no access list), SHARING_VIOLATION
    21: "no-hardware", 22: "no-hardware", 31: "no-hardware",  # NOT_READY, BAD_COMMAND, GEN_FAILURE
    433: "no-hardware", 1167: "no-hardware", 1617: "no-hardware",  # NO_SUCH_DEVICE, NOT_CONNECTED, REMOVED
    50: "settings", 87: "settings",  # NOT_SUPPORTED, INVALID_PARAMETER
    121: "timeout",  # SEM_TIMEOUT: a Bluetooth port whose device is away
}  # fmt: skip


class Permission(NamedTuple):
    """Who may use a port, and the command that lets this user in. `remedy` is group, login or rule."""

    remedy: str
    user: str
    group: str
    command: str


def windows_reason(message: str) -> str | None:
    """Return absent, busy, no-hardware, settings or timeout for a message of Windows; None if unknown."""
    found = _WINERROR.search(message)
    return _WINDOWS_REASONS.get(int(found[1])) if found else None


def existing_ports(port: str) -> list[str]:
    """Return the ports of this computer with what they call themselves, those most like `port` first."""
    if port.startswith(f"{_BY_ID}/") and _BY_ID.is_dir():
        return nearest(port, [str(link) for link in _BY_ID.iterdir()])[:_SHOWN_PORTS]
    from serial.tools import list_ports

    described = {info.device: info.description or "" for info in list_ports.comports()}
    ports = nearest(port, list(described))[:_SHOWN_PORTS]
    return [_with_description(name, described[name]) for name in ports]


def nearest(port: str, existing: Iterable[str]) -> list[str]:
    """Return `existing` ordered: the same kind of port first, by distance of the number, then by likeness.

    Built-in ports (ttyS) come last: they are there even where nothing was ever plugged in.
    """
    kind, number = _split(port)

    def distance(other: str) -> tuple[bool, int, bool, float, str]:
        other_kind, other_number = _split(other)
        alike = difflib.SequenceMatcher(None, port, other).ratio()
        same = other_kind == kind
        apart = abs(other_number - number) if same else 0
        return (not same, apart, other_kind.endswith("/ttyS"), -alike, other)

    return sorted(existing, key=distance)


def permission(port: str) -> Permission:
    """Return why this user may not use `port`, and the command that mends it. For POSIX systems."""
    import grp
    import pwd

    node = Path(port).stat()
    user, group = _name_of(pwd.getpwuid, os.geteuid()), _name_of(grp.getgrgid, node.st_gid)
    in_database = group in _groups_of(user)
    kind = Path(port).name.rstrip("0123456789")
    return advise(user, group, node.st_mode, node.st_gid, kind, in_database=in_database)


def advise(user: str, group: str, mode: int, gid: int, kind: str, *, in_database: bool) -> Permission:
    """Return what mends the permission of a node `/dev/KIND*` with `mode` that belongs to `group`.

    `in_database`: the user was put into the group, but this session began before that.
    """
    may_read_and_write = mode & stat.S_IRGRP and mode & stat.S_IWGRP
    if not may_read_and_write or gid == 0:  # nobody should join root's group for a port
        rule = f'KERNEL=="{kind}*", MODE="0660", GROUP="dialout"'
        command = f"echo '{rule}' | sudo tee /etc/udev/rules.d/60-till.rules"
        return Permission("rule", user, group, command)
    if in_database:
        return Permission("login", user, group, f"newgrp {group}")
    return Permission("group", user, group, f"sudo usermod -aG {group} {user}")


def _groups_of(user: str) -> Sequence[str]:
    import grp

    return [entry.gr_name for entry in grp.getgrall() if user in entry.gr_mem]


def _name_of(lookup: object, number: int) -> str:
    try:
        return str(lookup(number)[0])  # type: ignore[operator]
    except KeyError:
        return str(number)


def _split(port: str) -> tuple[str, int]:
    kind = port.rstrip("0123456789")
    return kind, int(port[len(kind) :] or "0")


def _with_description(name: str, description: str) -> str:
    return f"{name} ({description})" if description not in {"", "n/a", name} else name
