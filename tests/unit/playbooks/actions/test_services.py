"""`service.restart` and `service.start` on what systemctl and service scripts were seen to answer."""

from __future__ import annotations

import pytest

from playbooks.actions.model import LATE, Ran
from supportctl.core.errors import SupportctlError, UsageError

SHOW = "systemctl show --no-pager -p LoadState,ActiveState -- "
TELL = "systemctl --no-ask-password --no-pager "
RUNS = Ran(0, "LoadState=loaded\nActiveState=active\n")
RESTS = Ran(0, "LoadState=loaded\nActiveState=inactive\n")
FAILED = Ran(0, "LoadState=loaded\nActiveState=failed\n")
ABSENT = Ran(0, "LoadState=not-found\nActiveState=inactive\n")
# Debian 12: systemd is installed, but the computer (a container) was not booted with it
NOT_BOOTED = Ran(1, "", "System has not been booted with systemd as init system (PID 1). Can't operate.\n")
DENIED = Ran(1, "", "Failed to restart cups.service: Interactive authentication required.\n")
PRINTS = {"found": True, "state": "Running", "error": "", "denied": False}


def test_restart_by_systemd(recorded):
    recorded.on(SHOW, RUNS).on(TELL, Ran(0))
    plan = recorded.plan("service.restart", service="cups")
    assert recorded.ran == [f"{SHOW}cups.service"]  # a plan only looks
    assert (plan.words, plan.needless) == ({"service": "cups", "was": "active"}, False)
    assert recorded.run(plan).ok
    assert recorded.undo(plan).ok
    assert [line for line in recorded.ran if line.startswith(TELL)] == [f"{TELL}restart -- cups.service"]


def test_start_and_undo(recorded):
    recorded.on(SHOW, RESTS).on(TELL, Ran(0))
    plan = recorded.plan("service.start", service="cups.service")
    recorded.on(SHOW, RUNS)
    assert recorded.run(plan).ok
    assert recorded.undo(plan).ok
    recorded.on(SHOW, RESTS)
    assert recorded.undo(plan).ok  # a second time there is nothing to do
    told = [line for line in recorded.ran if line.startswith(TELL)]
    assert told == [f"{TELL}start -- cups.service", f"{TELL}stop -- cups.service"]


def test_a_service_that_is_down_after_a_failed_restart_is_started_by_undo(recorded):
    recorded.on(SHOW, RUNS).on(TELL, Ran(0))
    plan = recorded.plan("service.restart", service="cups")
    recorded.on(SHOW, FAILED)
    done = recorded.run(plan)
    assert (done.ok, done.code) == (False, "action.failed-service-down")
    assert recorded.undo(plan).ok
    assert recorded.ran[-1] == f"{TELL}start -- cups.service"


def test_starting_what_runs_is_needless(recorded):
    assert recorded.on(SHOW, RUNS).plan("service.start", service="cups").needless


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (DENIED, "action.failed-permission"),
        (Ran(LATE), "action.failed-late"),
        (Ran(1, "", "Job for cups.service failed.\n"), "action.failed-command"),
    ],
)
def test_a_refusal_is_told(recorded, answer, code):
    recorded.on(SHOW, RUNS).on(TELL, answer)
    assert recorded.run(recorded.plan("service.restart", service="cups")).code == code


def test_service_scripts_where_systemd_did_not_boot(recorded):
    recorded.on(SHOW, NOT_BOOTED).on("service ser2net status", Ran(3, "ser2net is not running ... failed!\n"))
    recorded.on("service ser2net start", Ran(0))
    plan = recorded.plan("service.start", service="ser2net")
    assert plan.undo == {"manager": "sysv", "was": "stopped"}
    recorded.on("service ser2net status", Ran(0, "ser2net is running.\n"))
    assert recorded.run(plan).ok


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({SHOW: ABSENT}, "no-such-service"),
        ({SHOW: NOT_BOOTED, "service": Ran(1, "", "nosuch: unrecognized service\n")}, "no-such-service"),
        ({SHOW: NOT_BOOTED, "service": Ran(4)}, "no-answer"),
        ({}, "no-program"),
    ],
)
def test_what_cannot_be_planned(recorded, answers, error):
    for words, answer in answers.items():
        recorded.on(words, answer)
    with pytest.raises(SupportctlError, match=error):
        recorded.plan("service.restart", service="nosuch")


@pytest.mark.parametrize("name", ["-h", "a b;c", "../x", "a\nb", "x" * 200, "$(id)", "кассa"])
def test_names_that_are_none(recorded, name):
    with pytest.raises(UsageError, match="bad-parameter"):
        recorded.plan("service.restart", service=name)
    assert recorded.ran == []


@pytest.mark.parametrize("name", ["sshd", "ssh.service", "getty@tty1", "dbus", "RpcSs"])
def test_what_the_computer_needs_is_not_touched(recorded, name):
    with pytest.raises(UsageError, match="service-protected"):
        recorded.plan("service.restart", service=name)


def test_windows(windows):
    windows.windows(PRINTS)
    plan = windows.plan("service.restart", service="Spooler")
    assert windows.run(plan).ok
    assert windows.given[:2] == [
        {"verb": "look", "service": "Spooler"},
        {"verb": "restart", "service": "Spooler"},
    ]


def test_windows_refuses(windows):
    windows.windows(
        PRINTS, {**PRINTS, "error": "Cannot open Spooler service on computer '.'.", "denied": True}
    )
    done = windows.run(windows.plan("service.restart", service="Spooler"))
    assert done.code == "action.failed-permission"


def test_windows_has_no_such_service(windows):
    windows.windows({"found": False, "state": "", "error": "", "denied": False})
    with pytest.raises(UsageError, match="no-such-service"):
        windows.plan("service.start", service="Nosuch")


@pytest.mark.parametrize("answer", [Ran(1, "", "boom"), Ran(0, "no json"), Ran(0, "[]")])
def test_windows_says_nothing_that_can_be_read(windows, answer):
    windows.on("powershell.exe", answer)
    with pytest.raises(SupportctlError, match="no-answer"):
        windows.plan("service.start", service="Spooler")
