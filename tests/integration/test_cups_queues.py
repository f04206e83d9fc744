"""`queue.resume` and `queue.clear` on a real CUPS: an instance of its own, on a port of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from playbooks.actions.registry import action
from playbooks.actions.system import this_computer
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Generator

    from playbooks.actions.model import Plan

pytestmark = pytest.mark.peer("cupsd")
CLOCK = SystemClock()
FILES = """\
ServerRoot {folder}/root
ServerBin {folder}/bin
RequestRoot {folder}/spool
TempDir {folder}/spool/tmp
CacheDir {folder}/cache
StateDir {folder}/state
AccessLog {folder}/log/access
ErrorLog {folder}/log/error
PageLog {folder}/log/page
Printcap {folder}/state/printcap
SystemGroup root
"""
# what CUPS hands a job to; it has none of its own that prints into a file
BACKEND = """\
#!/bin/sh
[ $# = 0 ] || cat "${{6:--}}" >> {folder}/paper/till
"""
SERVER = """\
Listen 127.0.0.1:{port}
Browsing Off
DefaultAuthType None
WebInterface No
<Location />
  Order allow,deny
  Allow from 127.0.0.1
</Location>
<Policy default>
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""


class Cups(NamedTuple):
    """A running server with one queue, `till`, that prints into a file."""

    address: str
    paper: Path
    process: subprocess.Popen[bytes]

    def tell(self, *words: str) -> str:
        environment = {
            **os.environ,
            "CUPS_SERVER": self.address,
            "LC_ALL": "C",
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
        }
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=20)
        return done.stdout

    def printed(self, text: str) -> None:
        """Wait until `text` has come out."""
        until = Deadline.after(15, CLOCK)
        while not (self.paper.exists() and text in self.paper.read_text()):
            assert not until.expired, "nothing was printed"
            CLOCK.sleep(0.05)


class Hands:
    """Does actions with this server."""

    def __init__(self, address: str) -> None:
        self.place = this_computer(CLOCK, parse_target, environment={"CUPS_SERVER": address})
        self.deadline = Deadline.after(60, CLOCK)

    def plan(self, name: str, queue: str = "till") -> Plan:
        return action(name).plan({"queue": queue}, self.place, self.deadline)

    def run(self, plan: Plan):
        return action(plan.action).run(plan, self.place, self.deadline)

    def undo(self, plan: Plan):
        return action(plan.action).undo(plan, self.place, self.deadline)


@pytest.fixture
def cups(peer_path) -> Generator[Cups]:
    # a folder that the user who prints can get into, which those of pytest are not
    folder = Path(tempfile.mkdtemp(prefix="supportctl-cups-"))
    for name in ("root", "spool/tmp", "cache", "state", "log", "paper"):
        (folder / name).mkdir(parents=True)
    if os.geteuid() == 0:
        user = pwd.getpwnam("lp")
        for each in (folder, *folder.rglob("*")):
            os.chown(each, user.pw_uid, user.pw_gid)
    (folder / "bin/backend").mkdir(parents=True)
    (folder / "bin/daemon").symlink_to("/usr/lib/cups/daemon")
    (folder / "bin/backend/till").write_text(BACKEND.format(folder=folder))
    (folder / "bin/backend/till").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "root/cups-files.conf").write_text(FILES.format(folder=folder))
    (folder / "root/cupsd.conf").write_text(SERVER.format(port=port))
    command = [
        peer_path("cupsd"),
        "-f",
        "-c",
        f"{folder}/root/cupsd.conf",
        "-s",
        f"{folder}/root/cups-files.conf",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running = Cups(f"127.0.0.1:{port}", folder / "paper/till", process)
    until = Deadline.after(20, CLOCK)
    try:
        while "is running" not in running.tell("lpstat", "-r"):
            assert process.poll() is None, (folder / "log/error").read_text()
            assert not until.expired, "cupsd did not start in time"
            CLOCK.sleep(0.05)
        running.tell("lpadmin", "-p", "till", "-v", "till:/paper", "-E")
        yield running
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def hands(cups) -> Hands:
    return Hands(cups.address)


def jobs(cups: Cups, *texts: str) -> None:
    for text in texts:
        file = cups.paper.with_name("job")
        file.write_text(text)
        assert "request id" in cups.tell("lp", "-o", "raw", "-d", "till", str(file))


def test_a_stopped_queue_prints_what_waits_and_is_stopped_again(cups, hands):
    cups.tell("cupsdisable", "-r", "cover open", "till")
    jobs(cups, "first", "second")
    plan = hands.plan("queue.resume")
    assert (plan.words["jobs"], plan.undo["reason"], plan.needless) == ("2", "cover open", False)
    assert not cups.paper.exists()  # a plan only looks
    assert hands.run(plan).ok
    cups.printed("second")
    assert hands.plan("queue.resume").needless
    for _time in range(2):
        assert hands.undo(plan).ok
        assert "disabled" in cups.tell("lpstat", "-p", "till")
        assert "cover open" in cups.tell("lpstat", "-p", "till")
    assert "till accepting" in cups.tell("lpstat", "-a", "till")


def test_a_queue_that_takes_nothing_takes_jobs_again(cups, hands):
    cups.tell("cupsreject", "-r", "no paper", "till")
    plan = hands.plan("queue.resume")
    assert plan.undo["accepting"] == "no"
    assert hands.run(plan).ok
    jobs(cups, "taken")
    assert hands.undo(plan).ok
    assert "till not accepting" in cups.tell("lpstat", "-a", "till")


def test_waiting_jobs_are_cleared_and_what_came_later_is_printed(cups, hands):
    cups.tell("cupsdisable", "till")
    jobs(cups, "stuck", "stuck too")
    plan = hands.plan("queue.clear")
    assert plan.words["jobs"] == "2"
    jobs(cups, "came after the question")
    assert hands.run(plan).ok
    assert hands.run(plan).ok  # after an end that nobody saw
    assert hands.plan("queue.clear").words["jobs"] == "1"
    assert hands.run(hands.plan("queue.resume")).ok
    cups.printed("came after the question")
    assert "stuck" not in cups.paper.read_text()


def test_a_queue_that_is_not_there_and_a_server_that_is_gone(cups, hands):
    with pytest.raises(UsageError) as caught:
        hands.plan("queue.clear", "tell")
    assert (caught.value.key, caught.value.args_by_name["nearest"]) == ("action.no-such-queue", "till")
    cups.process.terminate()
    cups.process.wait(10)
    with pytest.raises(SupportctlError, match="print-service-down"):
        hands.plan("queue.clear")
