"""`service.start` and `service.restart` on a real service: Debian's own script of snmpd, run by `service`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from playbooks.actions.registry import action
from playbooks.actions.system import this_computer
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError
from supportctl.core.target import parse_target

pytestmark = pytest.mark.peer("snmpd-service")
CLOCK = SystemClock()
PID = Path("/run/snmpd.pid")


class Hands:
    """Does actions on this computer."""

    def __init__(self) -> None:
        self.place = this_computer(CLOCK, parse_target)
        self.deadline = Deadline.after(60, CLOCK)

    def plan(self, name: str, service: str = "snmpd"):
        return action(name).plan({"service": service}, self.place, self.deadline)

    def run(self, plan):
        return action(plan.action).run(plan, self.place, self.deadline)

    def undo(self, plan):
        return action(plan.action).undo(plan, self.place, self.deadline)


@pytest.fixture
def hands():
    """Hands, on a computer where snmpd rests; it rests again afterwards."""
    assert not runs(), "snmpd runs here already: it is somebody else's"
    try:
        yield Hands()
    finally:
        subprocess.run(["service", "snmpd", "stop"], check=False, capture_output=True, timeout=30)


def runs() -> bool:
    status = subprocess.run(["service", "snmpd", "status"], check=False, capture_output=True, timeout=30)
    return status.returncode == 0


def test_it_is_started_and_stopped_again(hands):
    plan = hands.plan("service.start")
    assert (plan.undo, plan.needless) == ({"manager": "sysv", "was": "stopped"}, False)
    assert not runs()
    assert hands.run(plan).ok
    assert runs()
    assert hands.plan("service.start").needless
    for _time in range(2):
        assert hands.undo(plan).ok
        assert not runs()


def test_it_is_restarted_and_runs_on(hands):
    assert hands.run(hands.plan("service.start")).ok
    before = PID.read_text()
    plan = hands.plan("service.restart")
    assert hands.run(plan).ok
    assert PID.read_text() != before
    os.kill(int(PID.read_text()), 9)  # what did not help, and left it dead
    until = Deadline.after(10, CLOCK)
    while runs() and not until.expired:
        CLOCK.sleep(0.05)
    assert hands.undo(plan).ok
    assert runs()


def test_there_is_no_such_service(hands):
    with pytest.raises(UsageError, match="no-such-service"):
        hands.plan("service.restart", "snmpdd")
