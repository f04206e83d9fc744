"""Serial ports: every failure on a real pseudo-terminal; what root or a pty cannot show, by its errno."""

import contextlib
import errno
import os
import pwd
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import serial

from probes.links import LinkError, portfacts, serialport
from probes.links.holders import likely_holders
from probes.links.portlink import Settings
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")


@contextlib.contextmanager
def another_process(script, *args):
    """Run Python code that prints a line when it is ready, and goes on until it is ended."""
    code = textwrap.dedent(script) + "\nprint('ready', flush=True)\nsys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", "import fcntl, os, sys, termios\n" + code, *args],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with child:
        assert child.stdout.readline() == "ready\n"
        try:
            yield child
        finally:
            child.stdin.close()
            child.wait(20)


def test_a_conversation(opened, pty, soon):
    link = opened(pty.url)
    link.send(b"\x10\x04\x01", soon())
    assert os.read(pty.master, 10) == b"\x10\x04\x01"
    os.write(
        pty.master, b"\x16\x00\xff\x11\x13\r\n\x03"
    )  # nothing of it may be eaten or changed by the terminal
    heard = b""
    while len(heard) < 8:
        heard += link.receive(soon(), limit=5)
    assert heard == b"\x16\x00\xff\x11\x13\r\n\x03"
    assert link.receive(soon(0.05)) == b""
    assert link.receive(soon(0)) == b""
    link.close()
    link.close()


def test_settings_of_a_url():
    target = parse_target("serial:///dev/ttyS1?baud=115200&parity=even&bytesize=7&stopbits=2&flow=rtscts")
    assert str(Settings.of(target)) == "115200 7E2 rtscts"
    assert str(Settings.of(parse_target("serial:///dev/ttyS1"))) == "9600 8N1"
    assert Settings.of(target).for_pyserial() == {
        "baudrate": 115200, "bytesize": 7, "parity": "E", "stopbits": 2.0,
        "xonxoff": False, "rtscts": True, "dsrdtr": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "options", ["baud=1200", "baud=115200", "baud=12345", "stopbits=2", "flow=xonxoff", "flow=rtscts"]
)
def test_settings_that_a_pty_takes(opened, pty, soon, options):
    link = opened(f"{pty.url}?{options}")
    os.write(pty.master, b"ok")
    assert link.receive(soon()) == b"ok"


@pytest.mark.parametrize("options", ["bytesize=7&parity=even", "bytesize=7", "parity=odd", "parity=mark"])
def test_settings_that_a_pty_refuses(failure, opened, pty, soon, options):
    error = failure(f"{pty.url}?{options}")
    assert (error.code, error.status) == ("link.bad-settings", Status.FAULT)
    assert error.evidence[0].meaning == "link.settings-refused-by-pty"
    assert error.details["settings"] == str(Settings.of(parse_target(f"{pty.url}?{options}")))
    opened(pty.url)  # the failed try left it free


def test_a_protocols_usual_settings_are_let_go_where_the_port_has_none(opened, failure, pty, soon):
    """A pseudo-terminal hands bytes on unchanged: 7E1 is wanted there only by somebody who writes it."""
    link = opened(f"toledo8217+{pty.url}")
    os.write(pty.master, b"\x02?\xc1\r")
    assert link.receive(soon()) == b"\x02?\xc1\r"
    link.close()
    assert str(Settings.of(link.target)) == "9600 7E1"
    for options in ("parity=even", "bytesize=7", "bytesize=7&parity=even"):
        error = failure(f"toledo8217+{pty.url}?{options}")
        assert (error.code, error.details["settings"]) == ("link.bad-settings", "9600 7E1")


def test_settings_that_a_driver_drops_silently(failure, pty, monkeypatch):
    plain = Settings.for_pyserial

    def dropped(settings):
        return {**plain(settings), "parity": "N"}

    monkeypatch.setattr(Settings, "for_pyserial", dropped)
    assert failure(f"{pty.url}?parity=even").code == "link.bad-settings"


def test_other_settings_on_the_open_port(opened, pty, soon):
    link = opened(pty.url)
    serialport.retune(link, parse_target(f"{pty.url}?baud=115200"), soon())
    assert link.target.option("baud") == "115200"
    os.write(pty.master, b"ok")
    assert link.receive(soon()) == b"ok"
    with pytest.raises(LinkError, match=r"link\.bad-settings"):
        serialport.retune(link, parse_target(f"{pty.url}?bytesize=7&parity=even"), soon())


def test_no_such_port(failure, monkeypatch):
    monkeypatch.setattr(serialport, "existing_ports", lambda port: ["/dev/ttyUSB1 (FT232R)", "/dev/ttyS0"])
    error = failure("serial:///dev/ttyUSB97")
    assert (error.code, error.status) == ("link.no-such-port", Status.FAULT)
    assert error.evidence[0].meaning == "link.port-absent"
    assert error.details == {"port": "/dev/ttyUSB97", "ports": "/dev/ttyUSB1 (FT232R), /dev/ttyS0"}


def test_no_port_at_all(failure, monkeypatch):
    monkeypatch.setattr(serialport, "existing_ports", lambda port: [])
    assert failure("serial:///dev/ttyUSB97").evidence[0].meaning == "link.no-ports-at-all"


def test_what_is_no_port(failure, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path, "/dev/null"):
        error = failure(f"serial://{path}")
        assert (error.code, error.evidence[0].meaning) == ("link.no-such-port", "link.not-a-port")


@pytest.mark.parametrize(
    "hold",
    [
        "port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)",
        "port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); fcntl.ioctl(port, termios.TIOCEXCL)",
        "port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); fcntl.flock(port, fcntl.LOCK_EX)",
    ],
    ids=["plain", "TIOCEXCL", "flock"],
)
def test_a_port_that_another_process_holds(failure, opened, pty, hold):
    with another_process(hold, pty.path) as child:
        error = failure(pty.url)
        assert (error.code, error.status) == ("link.port-busy", Status.UNKNOWN)
        assert error.evidence[0].meaning == "link.held-by"
        assert error.details["holder"] == f"{_name(child.pid)} (pid {child.pid})"
    opened(pty.url)


def _name(pid):
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()


def test_the_holder_keeps_its_bytes_and_settings(failure, pty):
    """Looking must not steal: what waits for the owner still waits for it after we were turned away."""
    hold = "import tty; port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); tty.setraw(port)"
    with another_process(hold, pty.path):
        os.write(pty.master, b"weight")
        assert failure(pty.url).code == "link.port-busy"
        assert os.read(pty._slave, 10) == b"weight"


def test_the_device_behind_a_pty_is_no_holder(opened, soon):
    """A simulated device in another process has both ends open; that is no reason to call its port busy."""
    simulate = "master, slave = os.openpty(); print(os.ttyname(slave), flush=True); os.write(master, b'x')"
    code = f"import os, sys\n{simulate}\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        opened(f"serial://{child.stdout.readline().strip()}").close()
        child.stdin.close()


def test_one_owner(opened, failure, pty):
    opened(pty.url)
    error = failure(pty.url)
    assert (error.code, error.evidence[0].meaning) == ("link.port-busy", "link.held-by-somebody")


def test_the_kernel_turns_later_openers_away(opened, pty):
    """TIOCEXCL holds against everybody but root."""
    opened(pty.url)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody").pw_uid
        Path(pty.path).chmod(0o666)
        prepare = f"os.setuid({nobody})"
    else:
        prepare = ""
    attempt = "try: os.open(sys.argv[1], os.O_RDWR)\nexcept OSError as error: print(error.errno)"
    code = f"import os, sys\n{prepare}\n{attempt}"
    done = subprocess.run([sys.executable, "-c", code, pty.path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(errno.EBUSY)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become another user"
)
def test_permission_as_another_user(pty):
    Path(pty.path).chmod(0o620)
    code = f"""
        import grp, os, pwd  # all before the change of user, who may not read this Python's folders
        import probes.context
        from probes.links import LinkError, open_link, serialport
        from supportctl.core.clock import SystemClock
        from supportctl.core.deadline import Deadline
        from supportctl.core.target import parse_target
        os.setgroups([]); os.setgid(65534); os.setuid({pwd.getpwnam("nobody").pw_uid})
        try:
            open_link(parse_target({pty.url!r}), Deadline.after(10, SystemClock()))
        except LinkError as error:
            print(error.code, error.status, error.evidence[0].meaning)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["link.permission", "unknown", "link.group-has-no-access"], done.stderr


def refusing(monkeypatch, number):
    def refuse(*_args, **_options):
        raise serial.SerialException(number, f"could not open port: [Errno {number}]")

    monkeypatch.setattr(serialport.serial, "Serial", refuse)


@pytest.mark.parametrize(
    ("remedy", "meaning"),
    [
        ("group", "link.not-in-group"),
        ("login", "link.group-needs-login"),
        ("rule", "link.group-has-no-access"),
    ],
)
def test_permission_names_what_mends_it(failure, pty, monkeypatch, remedy, meaning):
    refusing(monkeypatch, errno.EACCES)
    advice = portfacts.Permission(remedy, "kassa", "dialout", "sudo usermod -aG dialout kassa")
    monkeypatch.setattr(serialport, "permission", lambda port: advice)
    error = failure(pty.url)
    assert (error.code, error.status, error.evidence[0].meaning) == (
        "link.permission",
        Status.UNKNOWN,
        meaning,
    )
    assert error.details["command"] == "sudo usermod -aG dialout kassa"
    assert error.details["group"] == "dialout"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENXIO, "link.no-such-port"), (errno.EIO, "link.no-such-port"), (errno.EBUSY, "link.port-busy"),
        (errno.EINVAL, "link.bad-settings"), (errno.ENODEV, "link.no-such-port"),
    ],
)  # fmt: skip
def test_other_refusals(failure, pty, monkeypatch, number, code):
    refusing(monkeypatch, number)
    assert failure(pty.url).code == code


@pytest.mark.parametrize(
    ("winerror", "code", "meaning"),
    [
        (5, "link.port-busy", "link.held-perhaps-by"),
        (2, "link.no-such-port", "link.port-absent"),
        (31, "link.no-such-port", "link.no-hardware"),
        (87, "link.bad-settings", "link.settings-refused"),
        (121, "link.timeout", "link.port-hangs"),
    ],
)
def test_what_windows_says_becomes_a_finding(failure, monkeypatch, winerror, code, meaning):
    """The messages are Windows's, recorded; the way from there to the finding is the same everywhere."""

    def refuse(port, settings):
        raise serial.SerialException(f"could not open port 'COM3': OSError(22, 'Слова.', None, {winerror})")

    running = [
        [(4, "System"), (812, "Frontol6.exe")],
        [],
    ]  # first asked before the port is touched, then after
    monkeypatch.setattr(serialport, "_open", refuse)
    monkeypatch.setattr(serialport, "_must_be_a_port", lambda *_: None)
    monkeypatch.setattr(serialport, "existing_ports", lambda port: ["COM4"])
    monkeypatch.setattr(serialport, "holders", lambda port: likely_holders(running.pop()))
    error = failure("serial:///COM3")
    assert (error.code, error.evidence[0].meaning) == (code, meaning)
    if code == "link.port-busy":
        assert error.details["holder"] == "Frontol6.exe (pid 812)"


def test_a_refusal_nobody_knows_is_not_guessed_at(opened, pty, monkeypatch):
    refusing(monkeypatch, errno.ENOMEM)
    with pytest.raises(serial.SerialException):
        opened(pty.url)


def test_a_port_that_hangs_while_it_opens(failure, pty, monkeypatch):
    release, closed = threading.Event(), threading.Event()

    class Sleeping:
        def close(self):
            closed.set()

    def hang(port, settings):
        release.wait(20)
        return Sleeping()

    monkeypatch.setattr(serialport, "_open", hang)
    error = failure(pty.url, seconds=0.2)
    assert (error.code, error.status) == ("link.timeout", Status.UNKNOWN)
    assert error.evidence[0].meaning == "link.port-hangs"
    release.set()
    assert closed.wait(20), "a port that opened too late is closed again"


def test_unplugged(opened, pty, soon):
    link = opened(pty.url)
    pty.hang_up()
    with pytest.raises(LinkError) as caught:
        link.receive(soon())
    assert (caught.value.code, caught.value.evidence[0].meaning) == ("link.closed", "link.port-gone")
    with pytest.raises(LinkError, match=r"link\.closed"):
        link.send(b"x", soon())
    link.close()


def test_a_device_that_takes_no_more_bytes(opened, pty, soon):
    link = opened(pty.url)
    with pytest.raises(LinkError) as caught:
        link.send(b"\x00" * 1_000_000, soon(0.2))
    assert (caught.value.code, caught.value.evidence[0].meaning) == ("link.silent", "link.takes-no-bytes")


def test_by_id_links_are_followed(opened, failure, pty, tmp_path):
    (tmp_path / "usb-Printer-port0").symlink_to(pty.path)
    with another_process("port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)", pty.path):
        assert failure(f"serial://{tmp_path}/usb-Printer-port0").code == "link.port-busy"
    opened(f"serial://{tmp_path}/usb-Printer-port0")
