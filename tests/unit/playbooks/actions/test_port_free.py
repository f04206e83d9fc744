"""`port.free` on real processes that hold a pseudo-terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from playbooks.actions import port_free
from playbooks.actions.model import Ran
from probes.links.holders import Holder
from supportctl.core.errors import SupportctlError, UsageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
HOLD = """
import os, signal, sys
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def port():
    master, slave = os.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    yield path
    os.close(master)


@pytest.fixture
def hold(port, no_coverage):
    """Return a function that has another program open the port."""
    started = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", HOLD, port, *words]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(10)
        process.stdin.close()
        process.stdout.close()


def test_the_holder_is_named_then_asked_to_end(here, port, hold):
    process = hold()
    plan = here.plan("port.free", port=port)
    assert str(process.pid) in plan.words["holder"]
    assert process.poll() is None
    assert here.run(plan).ok
    assert process.wait(10) == -15  # asked, not killed
    assert here.run(plan).ok  # once more, after an end that nobody saw
    assert here.undo(plan).code == "action.failed-no-undo"
    assert here.plan("port.free", port=port).needless


def test_a_target_on_a_serial_port_names_it(here, port, hold):
    process = hold()
    plan = here.plan("port.free", port=f"shtrih+serial://{port}")
    assert plan.undo["port"] == port
    assert str(process.pid) in plan.words["holder"]


def test_one_that_does_not_want_is_not_forced(here, port, hold, monkeypatch):
    monkeypatch.setattr(port_free, "_ENDS_IN_S", 0.3)
    process = hold("stubborn")
    assert here.run(here.plan("port.free", port=port)).code == "action.failed-holder-stays"
    assert process.poll() is None


def test_another_holder_than_planned_is_left_alone(here, port, hold):
    first = hold()
    plan = here.plan("port.free", port=port)
    second = hold()
    done = here.run(plan)
    assert done.code == "action.failed-other-holder"
    assert str(second.pid) in done.words["holder"]
    assert first.poll() is None
    assert second.poll() is None


def test_a_number_that_was_given_again_is_another_process(here, port, hold):
    process = hold()
    plan = here.plan("port.free", port=port)
    stale = plan._replace(undo={**plan.undo, "holders": f"{process.pid}@1.00"})
    assert here.run(stale).code == "action.failed-other-holder"
    assert process.poll() is None


def test_an_expected_program(here, port, hold):
    process = hold()
    name = psutil.Process(process.pid).name()
    with pytest.raises(UsageError, match="holder-other"):
        here.plan("port.free", port=port, program="frontol")
    assert here.plan("port.free", port=port, program=name).words["holder"].startswith(name)


@pytest.mark.parametrize(
    "holder",
    [
        Holder(1, "anything"),
        Holder(os.getppid(), "bash"),
        Holder(99999, "systemd-logind"),
        Holder(99999, "svchost.exe"),
    ],
)
def test_what_is_not_ended(here, monkeypatch, holder):
    monkeypatch.setattr(port_free, "holders", lambda port: [holder])
    with pytest.raises(UsageError, match="holder-protected"):
        here.plan("port.free", port="/dev/ttyS0")


def test_a_port_that_is_none(here):
    with pytest.raises(UsageError, match="not-serial"):
        here.plan("port.free", port="escpos+tcp://127.0.0.1:9100")


def test_on_windows_the_program_must_be_named(windows, monkeypatch):
    guesses = [Holder(99998, "frontol.exe", sure=False), Holder(99999, "1cv8.exe", sure=False)]
    monkeypatch.setattr(port_free, "holders", lambda port: guesses)
    monkeypatch.setattr(port_free, "_created", lambda pid: "5.00" if len(windows.ran) == 0 else "")
    with pytest.raises(SupportctlError, match="holder-unsure"):
        windows.plan("port.free", port="COM3")
    plan = windows.plan("port.free", port="COM3", program="Frontol")
    assert plan.undo["holders"] == "99998@5.00"
    assert windows.on("taskkill", Ran(0)).run(plan).ok
    assert windows.ran == ["taskkill /PID 99998"]
