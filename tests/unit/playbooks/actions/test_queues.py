"""`queue.clear` and `queue.resume` on what CUPS 2.4 was seen to print, and on Windows as documented."""

from __future__ import annotations

import pytest

from playbooks.actions.model import Ran
from supportctl.core.errors import SupportctlError, UsageError

JOBS = """\
till-1                  root              1024   Sun Nov 22 17:23:03 2026
till-2                  anna           1048576   Sun Nov 22 17:23:04 2026
till-17                 anna              1024   Sun Nov 22 17:25:00 2026
"""
DISABLED = "printer till disabled since Sun Nov 22 17:23:03 2026 -\n\tcover open\n"
IDLE = "printer till is idle.  enabled since Sun Nov 22 17:23:03 2026\n"
ACCEPTS = "till accepting requests since Sun Nov 22 17:23:03 2026\n"
REJECTS = "till not accepting requests since Sun Nov 22 17:23:03 2026 -\n\tnot now\n"
NO_QUEUE = Ran(1, "", 'lpstat: Invalid destination name in list "tell".\n')
GONE = Ran(1, "", "cancel: cancel-job failed: Job #1 is already canceled - can't cancel.\n")
RECEIPTS = {"found": True, "paused": False, "offline": True, "error": "", "denied": False}
RECEIPTS["jobs"] = [{"id": "12", "user": "Касса"}, {"id": "13", "user": "Касса"}]


def test_clearing_tells_what_is_lost_and_whose_it_is(recorded):
    plan = recorded.on("lpstat -o till", Ran(0, JOBS)).plan("queue.clear", queue="till")
    assert plan.words == {"queue": "till", "jobs": "3", "users": "anna (2), root (1)"}
    assert recorded.ran == ["lpstat -o till"]


def test_only_what_was_consented_to_is_cancelled(recorded):
    later = JOBS + "till-18                 root              1024   Sun Nov 22 17:26:00 2026\n"
    recorded.on("lpstat -o till", Ran(0, JOBS), Ran(0, later), Ran(0, later.splitlines()[-1]))
    recorded.on("cancel", Ran(0))
    assert recorded.run(recorded.plan("queue.clear", queue="till")).ok
    assert "cancel till-1 till-2 till-17" in recorded.ran


def test_what_was_printed_meanwhile_is_no_failure(recorded):
    recorded.on("lpstat -o till", Ran(0, JOBS), Ran(0, JOBS), Ran(0, "")).on("cancel", GONE)
    assert recorded.run(recorded.plan("queue.clear", queue="till")).ok


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Ran(0), "action.failed-jobs-stay"),
        (Ran(1, "", "cancel: cancel-job failed: Forbidden\n"), "action.failed-permission"),
        (Ran(127), "action.failed-no-program"),
    ],
)
def test_jobs_that_stay(recorded, answer, code):
    recorded.on("lpstat -o till", Ran(0, JOBS)).on("cancel", answer)
    assert recorded.run(recorded.plan("queue.clear", queue="till")).code == code


def test_an_empty_queue_needs_nothing_and_a_cleared_one_stays_cleared(recorded):
    plan = recorded.on("lpstat -o till", Ran(0, "")).plan("queue.clear", queue="till")
    assert plan.needless
    assert recorded.undo(plan).code == "action.failed-no-undo"


def test_a_queue_that_is_not_there(recorded):
    recorded.on("lpstat -o", NO_QUEUE).on("lpstat -e", Ran(0, "till\noffice\n"))
    recorded.on("lpstat -r", Ran(0, "scheduler is running\n"))
    with pytest.raises(UsageError) as caught:
        recorded.plan("queue.clear", queue="tell")
    assert (caught.value.key, caught.value.args_by_name["nearest"]) == ("action.no-such-queue", "till")


def test_without_its_server_lpstat_knows_no_queue(recorded):
    recorded.on("lpstat -o", NO_QUEUE).on("lpstat -r", Ran(1, "scheduler is not running\n"))
    with pytest.raises(SupportctlError, match="print-service-down"):
        recorded.plan("queue.clear", queue="till")


@pytest.mark.parametrize("queue", ["-a", "a b", "x/y", "a'b", "#"])
def test_names_that_no_queue_has(recorded, queue):
    for name in ("queue.clear", "queue.resume"):
        with pytest.raises(UsageError, match="bad-parameter"):
            recorded.plan(name, queue=queue)
    assert recorded.ran == []


def test_resuming_and_undoing(recorded):
    recorded.on("lpstat -p", Ran(0, DISABLED), Ran(0, IDLE)).on("lpstat -a", Ran(0, REJECTS), Ran(0, ACCEPTS))
    recorded.on("lpstat -o", Ran(0, JOBS)).on("cups", Ran(0))
    plan = recorded.plan("queue.resume", queue="till")
    assert plan.undo == {"enabled": "no", "accepting": "no", "reason": "cover open"}
    assert (plan.words["jobs"], plan.needless) == ("3", False)
    assert recorded.run(plan).ok
    assert recorded.undo(plan).ok
    told = [line for line in recorded.ran if line.startswith("cups")]
    assert told == [
        "cupsaccept till",
        "cupsenable till",
        "cupsdisable -r cover open till",
        "cupsreject -r cover open till",
    ]
    recorded.on("lpstat -p", Ran(0, DISABLED)).on("lpstat -a", Ran(0, REJECTS))
    recorded.ran.clear()
    assert recorded.undo(plan).ok
    assert not any(line.startswith("cups") for line in recorded.ran)


def test_a_queue_that_stops_again_at_once(recorded):
    recorded.on("lpstat -p", Ran(0, DISABLED)).on("lpstat -a", Ran(0, ACCEPTS)).on("lpstat -o", Ran(0, ""))
    recorded.on("cups", Ran(0))
    assert recorded.run(recorded.plan("queue.resume", queue="till")).code == "action.failed-queue-stops"


def test_a_queue_that_prints_needs_nothing(recorded):
    recorded.on("lpstat -p", Ran(0, IDLE)).on("lpstat -a", Ran(0, ACCEPTS)).on("lpstat -o", Ran(0, ""))
    assert recorded.plan("queue.resume", queue="till").needless


def test_windows_clears(windows):
    empty = {**RECEIPTS, "jobs": []}
    windows.windows(RECEIPTS, RECEIPTS, empty, empty)
    plan = windows.plan("queue.clear", queue="Чек'; Remove-Item C:\\")
    assert plan.words["users"] == "Касса (2)"
    assert windows.run(plan).ok
    assert windows.given[2] == {"verb": "cancel", "queue": "Чек'; Remove-Item C:\\", "jobs": [12, 13]}


def test_windows_resumes_and_goes_back(windows):
    windows.windows(RECEIPTS)
    plan = windows.plan("queue.resume", queue="Receipts")
    assert plan.undo == {"paused": "no", "offline": "yes"}
    assert windows.run(plan).ok
    assert windows.undo(plan).ok
    assert [told["verb"] for told in windows.given] == ["look", "resume", "back"]
    assert windows.given[2] == {"verb": "back", "queue": "Receipts", "paused": False, "offline": True}
