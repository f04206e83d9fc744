"""A serial port: one owner, opened within a deadline, and every refusal told apart."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import serial

from probes.links.base import Attempt, LinkError
from probes.links.holders import holders
from probes.links.portfacts import existing_ports, permission, windows_reason
from probes.links.portlink import POLL_S, FilePortLink, PortLink, Settings
from probes.links.worker import TooLate, in_time
from supportctl.core.finding import Status

if sys.platform != "win32":
    import fcntl
    import termios

    SettingsRefused: type[Exception] = termios.error
else:
    SettingsRefused = ValueError

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

OPEN_S = 5.0
_WRITE_S = 3.0
_SHOWN_HOLDERS = 3
_MEMORY_DEVICES = 1  # the major number of /dev/null and its like on Linux
_REASONS = {
    errno.EACCES: "permission", errno.EPERM: "permission",
    errno.EBUSY: "busy", errno.EAGAIN: "busy",
    errno.ENOENT: "absent", errno.ENODEV: "absent", errno.ENXIO: "absent",
    errno.EIO: "no-hardware", errno.ENOTTY: "not-a-port", errno.EISDIR: "not-a-port",
    errno.EINVAL: "settings", errno.EOPNOTSUPP: "settings",
}  # fmt: skip


def open(target: Target, deadline: Deadline) -> PortLink:  # noqa: A001  the name that open_link calls
    """Return the open port, locked for everybody else.

    What opening does to the device: the kernel raises DTR and RTS, as for any opener, and pyserial keeps
    them raised (with `flow=rtscts` or `dsrdtr` it leaves the line to the driver); bytes that had arrived
    are thrown away; on closing the kernel drops both lines if HUPCL is set. Nothing is toggled beyond that,
    but a board that takes an edge of DTR as its reset button is reset by opening it at all.

    Raises:
        LinkError: `link.no-such-port`, `link.port-busy` and `link.permission` (both unknown: they say nothing
            about the device), `link.bad-settings` where the port refuses what the URL asks for, or
            `link.timeout` when opening hangs.
    """
    settings = Settings.of(target)
    try:
        return _open_with(settings, target, deadline)
    except LinkError as error:
        plain = settings.at_eight_bits(target)
        if error.code != "link.bad-settings" or plain == settings:
            raise
        return _open_with(plain, target, deadline)


def _open_with(settings: Settings, target: Target, deadline: Deadline) -> PortLink:
    port = target.path
    attempt = Attempt(f"open {port} {settings}", deadline)
    _must_be_a_port(attempt, port)
    # A second opener steals bytes and changes the settings under the first one's hands. Not every program
    # locks its port, so look before touching it.
    if sys.platform != "win32":
        _must_be_free(attempt, port)
    try:
        opened = in_time(lambda: _open(port, settings), deadline.within(OPEN_S), lambda late: late.close())
    except TooLate:
        raise attempt.failed("link.timeout", "link.port-hangs", status=attempt.sure(), port=port) from None
    except (OSError, ValueError, SettingsRefused) as error:
        _tell(attempt, error, port, settings)
    if sys.platform == "win32":
        return PortLink(opened, target)
    link = FilePortLink(opened, target)
    _must_have_taken(attempt, link, opened, settings)
    return link


def retune(link: PortLink, target: Target, deadline: Deadline) -> None:
    """Go on with the settings of `target` on the same open port: quicker than opening it anew.

    Raises:
        LinkError: `link.bad-settings`: the port refuses them.
    """
    settings = Settings.of(target)
    attempt = Attempt(f"set {target.path} {settings}", deadline)
    try:
        link.retune(target)
    except (OSError, ValueError, SettingsRefused) as error:
        _tell(attempt, error, target.path, settings)


def _open(port: str, settings: Settings) -> serial.Serial:
    if sys.platform == "win32":
        return serial.Serial(port, timeout=POLL_S, write_timeout=_WRITE_S, **settings.for_pyserial())
    opened = serial.Serial(port, timeout=0, exclusive=True, **settings.for_pyserial())
    # pyserial's exclusive is an flock, which only those respect who ask for one; this one the kernel holds
    # against every later open (except root's)
    fcntl.ioctl(opened.fileno(), termios.TIOCEXCL)
    return opened


def _must_be_a_port(attempt: Attempt, port: str) -> None:
    if sys.platform == "win32":
        return
    try:
        node = Path(port).stat()
    except PermissionError:
        return  # a folder on the way is closed: opening will say so
    except OSError:
        raise _absent(attempt, port) from None
    if not stat.S_ISCHR(node.st_mode) or os.major(node.st_rdev) == _MEMORY_DEVICES:
        raise attempt.failed("link.no-such-port", "link.not-a-port", port=port, ports=_ports(port))


def _must_be_free(attempt: Attempt, port: str) -> None:
    if holders(port):
        raise _busy(attempt, port)


def _must_have_taken(attempt: Attempt, link: PortLink, opened: serial.Serial, settings: Settings) -> None:
    """Look whether the port took the settings: some drivers drop a parity without a word."""
    cflag = termios.tcgetattr(opened.fileno())[2]
    size = {5: termios.CS5, 6: termios.CS6, 7: termios.CS7, 8: termios.CS8}[settings.bytesize]
    parity = bool(cflag & termios.PARENB)
    if cflag & termios.CSIZE != size or parity != (settings.parity != "none"):
        link.close()
        raise _bad_settings(attempt, link.target.path, settings)


def _tell(attempt: Attempt, error: Exception, port: str, settings: Settings) -> NoReturn:
    reason = windows_reason(str(error)) or _REASONS.get(_errno(error) or 0)
    if reason == "busy":
        raise _busy(attempt, port) from error
    if reason == "permission":
        raise _forbidden(attempt, port) from error
    if reason == "absent":
        raise _absent(attempt, port) from error
    if reason == "not-a-port":
        raise attempt.failed("link.no-such-port", "link.not-a-port", port=port, ports=_ports(port)) from error
    if reason == "no-hardware":
        raise attempt.failed(
            "link.no-such-port", "link.no-hardware", port=port, ports=_ports(port)
        ) from error
    if reason == "timeout":
        raise attempt.failed("link.timeout", "link.port-hangs", port=port) from error
    if reason == "settings" or isinstance(error, ValueError):
        raise _bad_settings(attempt, port, settings) from error
    raise error


def _absent(attempt: Attempt, port: str) -> LinkError:
    ports = _ports(port)
    if not ports:
        return attempt.failed("link.no-such-port", "link.no-ports-at-all", port=port, ports="-")
    return attempt.failed("link.no-such-port", "link.port-absent", port=port, ports=ports)


def _busy(attempt: Attempt, port: str) -> LinkError:
    found = holders(port)
    who = ", ".join(map(str, found[:_SHOWN_HOLDERS])) or "?"
    if not found:
        meaning = "link.held-by-somebody"
    elif found[0].sure:
        meaning = "link.held-by"
    else:
        meaning = "link.held-perhaps-by"
    return attempt.failed("link.port-busy", meaning, status=Status.UNKNOWN, port=port, holder=who)


def _forbidden(attempt: Attempt, port: str) -> LinkError:
    meanings = {
        "group": "link.not-in-group",
        "login": "link.group-needs-login",
        "rule": "link.group-has-no-access",
    }
    try:
        who = permission(port)
    except OSError:
        return attempt.failed(
            "link.permission", "link.access-denied", status=Status.UNKNOWN, port=port, group="?", command="?"
        )
    return attempt.failed(
        "link.permission", meanings[who.remedy], status=Status.UNKNOWN,
        port=port, user=who.user, group=who.group, command=who.command,
    )  # fmt: skip


def _bad_settings(attempt: Attempt, port: str, settings: Settings) -> LinkError:
    terminal = os.path.realpath(port).startswith("/dev/pts/")
    meaning = "link.settings-refused-by-pty" if terminal else "link.settings-refused"
    return attempt.failed("link.bad-settings", meaning, port=port, settings=str(settings))


def _ports(port: str) -> str:
    return ", ".join(existing_ports(port))


def _errno(error: BaseException | None) -> int | None:
    """Return the errno of an error, or of what it was raised from: pyserial does not always hand it on."""
    while error is not None:
        number = getattr(error, "errno", None)
        if number is None and error.args and isinstance(error.args[0], int):
            number = error.args[0]  # termios.error has no attribute for it
        if number is not None:
            return int(number)
        error = error.__context__
    return None
