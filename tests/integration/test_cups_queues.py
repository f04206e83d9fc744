"""`queue.resume` and `queue.clear` on a real CUPS: an instance of its own, on a port of its own.

And runs of a playbook on it, with nothing pretended but the person: what does not verify is brought back.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from run_bench import Person

from playbooks.actions.registry import action
from playbooks.actions.system import this_computer
from playbooks.engine.events import Acted, Consented, Undone
from playbooks.engine.journal import read
from playbooks.engine.state import Outcome
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.app.playbook import RunRequest, start_run
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


PLAYBOOK = """\
schema: supportctl.playbook/1
name: held-queue
version: 1
owner: first-line
title: {en: The queue holds the jobs back, ru: Очередь держит задания}
about: {en: A test., ru: Проверка.}
symptoms: {en: [nothing prints], ru: [не печатает]}
roles:
  queue: {title: {en: Queue, ru: Очередь}, protocols: [ipp]}
  printer: {title: {en: Printer, ru: Принтер}, protocols: [escpos]}
steps:
  - id: resume
    act: {action: queue.resume, params: {queue: till}}
    verify:
      check: {targets: [queue, printer]}
      expect: '!found("printer.paused") && !found("printer.paper-out")'
  - {id: over, hand_over: {reason: {en: It did not help., ru: Не помогло.}}}
"""


@pytest.fixture
def held(cups, tmp_path, monkeypatch):
    """Return a function that runs the playbook while the queue is stopped, beside a printer with a fault."""
    cups.tell("cupsdisable", "-r", "cover open", "till")
    # an action starts its programs in a clean environment; of ours it keeps the home folder
    (tmp_path / ".cups").mkdir()
    (tmp_path / ".cups/client.conf").write_text(f"ServerName {cups.address}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    playbook = tmp_path / "held-queue.yaml"
    playbook.write_text(PLAYBOOK)

    def run(*faults: str, consent: bool = True):
        config = tmp_path / "supportctl.yaml"
        config.write_text(f"playbooks: {{runs: {tmp_path / 'runs'}}}\n")
        spec = DeviceSpec("paper", "escpos", ("tcp",), faults=faults)
        person = Person(SimpleNamespace(advance=lambda _seconds: None), {"resume": consent})
        with Lab.from_scenario(Scenario("one", (spec,))) as lab:
            where = (f"queue=ipp://{cups.address}/printers/till", f"printer={lab.url('paper')}")
            request = RunRequest(str(playbook), settings=where, config=config)
            played = start_run(request, lambda _graph, _header, _since: person)
        record = read(played.path)
        changes = [each for each in record.events if isinstance(each, Consented | Acted | Undone)]
        return played.result.state.finish, changes, record.plans()

    return run


def test_an_action_that_does_not_verify_is_undone_on_the_real_service(cups, held):
    """The queue goes on, but the printer behind it has no paper: the queue is stopped again, as it was."""
    finish, changes, plans = held("paper-out")
    assert finish.outcome is Outcome.HANDED_OVER
    assert [type(each) for each in changes] == [Consented, Acted, Undone]
    assert changes[1].ok  # it was really done, before it was brought back
    assert changes[2].ok
    plan, _needless = plans["resume"]  # what was written before it was done, to bring it back after a crash
    assert (plan.action, plan.undo["reason"]) == ("queue.resume", "cover open")
    shown = cups.tell("lpstat", "-p", "till")
    assert "disabled" in shown
    assert "cover open" in shown


def test_an_action_that_verifies_stays(cups, held):
    finish, changes, _plans = held()
    assert finish.outcome is Outcome.SOLVED
    assert [type(each) for each in changes] == [Consented, Acted]
    assert "enabled" in cups.tell("lpstat", "-p", "till")


def test_without_consent_the_real_service_is_left_alone(cups, held):
    finish, changes, plans = held("paper-out", consent=False)
    assert finish.outcome is Outcome.HANDED_OVER
    assert ([type(each) for each in changes], plans) == ([Consented], {})
    assert "cover open" in cups.tell("lpstat", "-p", "till")
