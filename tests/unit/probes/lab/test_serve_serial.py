"""Every wire fault on a real pseudo-terminal, seen by a plain client."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import termios
import time
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are a thing of POSIX", allow_module_level=True)

from probes.lab.serve.openers import OpenWatcher
from probes.lab.uart import garble
from probes.lab.wirefaults import BANNER_BYTES, NOISE_BYTES, SLOW_BYTE_S

SERIAL = {"wires": ("serial",)}


def path_of(url: str) -> Path:
    return Path(url.partition("://")[2].partition("?")[0])


def set_speed(fd: int, speed: int) -> None:
    settings = termios.tcgetattr(fd)
    settings[4] = settings[5] = speed
    termios.tcsetattr(fd, termios.TCSANOW, settings)


def test_clients_come_and_go(open_lab, connect, until) -> None:
    lab = open_lab(**SERIAL)
    for number in range(1, 4):
        client = connect(lab.url("bird"))
        client.ask(b"abc\n")
        assert client.read_all(3) == b"ABC"
        assert lab.device("bird").connections == number
        client.close()
        # the kernel merges a close and an open that follow each other at once
        until(lambda: lab.thread.call(lambda: lab.station("bird")._sessions == []))
    assert lab.device("bird").opcodes == ["abc"] * 3


def test_bytes_pass_as_they_are(open_lab, connect) -> None:
    client = connect(open_lab(**SERIAL).url("bird"))
    odd = bytes(b for b in range(256) if b not in b"\nabcdefghijklmnopqrstuvwxyz")
    client.ask(odd + b"\n")
    assert client.read_all(len(odd)) == odd


def test_the_next_client_gets_nothing_of_the_last_ones(open_lab, connect, until) -> None:
    lab = open_lab(**SERIAL, faults=("wire-slow",))
    client = connect(lab.url("bird"))
    client.ask(b"a long answer that nobody waits for\n")
    assert client.read_all(1) == b"A"
    fcntl.ioctl(client.fd, termios.TIOCEXCL)
    set_speed(client.fd, termios.B300)
    client.close()
    until(lambda: lab.thread.call(lambda: lab.station("bird")._sessions == []))
    lab.fault("bird", "wire-slow", on=False)
    again = connect(lab.url("bird"))
    assert termios.tcgetattr(again.fd)[4] == termios.B9600
    assert again.silent()
    again.ask(b"abc\n")
    assert again.read_all(3) == b"ABC"


def test_what_was_sent_right_before_closing_is_heard(open_lab, connect, until) -> None:
    lab = open_lab(**SERIAL)
    client = connect(lab.url("bird"))
    client.ask(b"last words\n")
    client.close()
    until(lambda: lab.device("bird").opcodes == ["last words"])


def test_two_openers_are_one_line(open_lab, connect, until) -> None:
    lab = open_lab(**SERIAL)
    first, second = connect(lab.url("bird")), connect(lab.url("bird"))
    first.close()
    second.ask(b"abc\n")
    assert second.read_all(3) == b"ABC"


def test_without_inotify_it_still_answers(open_lab, connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenWatcher, "works", property(lambda _self: False))
    lab = open_lab(**SERIAL)
    for _ in range(2):
        client = connect(lab.url("bird"))
        client.ask(b"abc\n")
        assert client.read_all(3) == b"ABC"
        client.close()


def test_slow_and_one_byte(open_lab, connect) -> None:
    lab = open_lab(**SERIAL, faults=("wire-slow",))
    client = connect(lab.url("bird"))
    started = time.monotonic()
    client.ask(b"abc\n")
    assert client.read_all(3) == b"ABC"
    assert time.monotonic() - started >= 3 * SLOW_BYTE_S
    lab.clear("bird")
    lab.fault("bird", "wire-one-byte")
    client.ask(b"abc\n")
    assert client.read_all(3) == b"ABC"


def test_silent_garbled_banner(open_lab, connect) -> None:
    lab = open_lab(**SERIAL, faults=("wire-silent",))
    client = connect(lab.url("bird"))
    client.ask(b"abc\n")
    assert client.silent()
    lab.clear("bird")
    lab.fault("bird", "wire-garbled")
    client.ask(b"abc\n")
    assert client.read_all(len(garble(b"ABC"))) == garble(b"ABC")
    lab.clear("bird")
    lab.fault("bird", "wire-banner")
    client.ask(b"abc\n")
    assert client.read_all(len(BANNER_BYTES)) == BANNER_BYTES


def test_noise(open_lab, connect) -> None:
    client = connect(open_lab(**SERIAL, faults=("wire-noise",)).url("bird"))
    assert len(client.read_all(NOISE_BYTES // 16)) >= NOISE_BYTES // 16


def test_dropped_falls_off_the_line_and_comes_back(open_lab, connect, until) -> None:
    lab = open_lab(**SERIAL, faults=("wire-dropped",))
    client = connect(lab.url("bird"))
    client.ask(b"abcd\n")
    assert client.read_all(2) == b"AB"
    assert client.read() == b""
    lab.clear("bird")
    again = connect(lab.url("bird"))
    again.ask(b"abc\n")
    assert again.read_all(3) == b"ABC"


def test_refused_is_a_path_that_is_gone_and_comes_back(open_lab, connect) -> None:
    lab = open_lab(**SERIAL)
    client, url = connect(lab.url("bird")), lab.url("bird")
    lab.fault("bird", "wire-refused")
    assert client.read() == b""
    assert not os.path.lexists(path_of(url))
    with pytest.raises(FileNotFoundError):
        connect(url)
    lab.fault("bird", "wire-refused", on=False)
    again = connect(url)
    again.ask(b"abc\n")
    assert again.read_all(3) == b"ABC"


def test_held_by_another_program(open_lab, connect) -> None:
    """The lock that pyserial asks for; whoever may open anything (root) would not notice TIOCEXCL alone."""
    lab = open_lab(**SERIAL, faults=("wire-held",))
    if os.geteuid():
        with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
            connect(lab.url("bird"))
        return
    client = connect(lab.url("bird"))
    with pytest.raises(BlockingIOError):
        fcntl.flock(client.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lab.fault("bird", "wire-held", on=False)
    fcntl.flock(client.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_port_that_a_client_holds_cannot_be_taken_from_it(open_lab, connect) -> None:
    lab = open_lab(**SERIAL)
    client = connect(lab.url("bird"))
    fcntl.flock(client.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lab.fault("bird", "wire-held")
    client.ask(b"abc\n")
    assert client.read_all(3) == b"ABC"


def test_a_line_with_a_speed(open_lab, connect) -> None:
    lab = open_lab(**SERIAL, baud=19200)
    assert lab.url("bird").endswith("/bird?baud=19200")
    client = connect(lab.url("bird"))
    set_speed(client.fd, termios.B9600)
    client.ask(b"abc\n")
    assert client.silent(), "no line feed is heard at the wrong speed"
    assert lab.device("bird").opcodes == []
    set_speed(client.fd, termios.B19200)
    client.ask(b"\nabc\n")
    assert client.read_all(3)[-3:] == b"ABC"
    lab.device("bird").greeting = b"U"
    set_speed(client.fd, termios.B1200)
    lab.fault("bird", "hoarse")
    assert client.read() != b"hoarse!"


def test_a_line_with_a_speed_takes_its_time(open_lab, connect) -> None:
    client = connect(open_lab(**SERIAL, baud=1200).url("bird"))
    set_speed(client.fd, termios.B1200)
    started = time.monotonic()
    client.ask(b"x" * 20 + b"\n")
    assert client.read_all(20) == b"X" * 20
    assert time.monotonic() - started > 0.9 * 20 * 10 / 1200  # the loop's clock may be a little ahead


def test_one_device_on_two_wires(open_lab, connect) -> None:
    lab = open_lab(wires=("tcp", "serial"))
    assert list(lab.targets("bird")) == ["bird", "bird-serial"]
    for wire in ("tcp", "serial"):
        client = connect(lab.url("bird", wire))
        client.ask(b"abc\n")
        assert client.read_all(3) == b"ABC"
    assert lab.device("bird").opcodes == ["abc", "abc"]


def test_nothing_is_left(open_lab) -> None:
    lab = open_lab(**SERIAL)
    folder = path_of(lab.url("bird")).parent
    lab.close()
    lab.close()
    assert not folder.exists()
