"""Commands of the system: never wait longer than the deadline, never raise."""

from __future__ import annotations

import sys

import pytest

from probes.host.commands import Output, powershell, run
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

CLOCK = SystemClock()


def soon(seconds=10.0):
    return Deadline.after(seconds, CLOCK)


def python(code):
    return [sys.executable, "-c", code]


def test_output_and_exit_code():
    assert run(python("print('a'); raise SystemExit(3)"), soon()) == Output(3, "a\n")


def test_it_speaks_english():
    assert run(python("import os; print(os.environ['LC_ALL'])"), soon()).text == "C\n"


def test_a_command_that_is_not_there():
    assert run(["no-such-command-here"], soon()) == Output(None, problem="missing")


def test_a_command_that_hangs():
    started = CLOCK.monotonic()
    assert run(python("import threading; threading.Event().wait()"), soon(0.3)).problem == "late"
    assert CLOCK.monotonic() - started < 5


def test_megabytes_are_bounded():
    assert len(run(python("print('x' * 5_000_000)"), soon()).text) == 1024 * 1024


def test_bytes_that_are_no_text():
    assert run(python("import sys; sys.stdout.buffer.write(b'\\xff')"), soon()).text == "\ufffd"


def test_nothing_is_read_from_the_terminal():
    assert run(python("import sys; print(repr(sys.stdin.read()))"), soon()).text == "''\n"


def test_a_powershell_script_with_double_quotes_is_our_mistake():
    with pytest.raises(AssertionError):
        powershell('Write-Host "x"')
