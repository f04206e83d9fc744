"""The runner: nothing is lost, everything ends, one owner per wire."""

import os
import signal
import threading

import pytest

from probes.registry import ProbeEntry, plan, plugins
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import THIS_COMPUTER, parse_target

PRINTER = parse_target("escpos+tcp://192.0.2.1:9100", "printer")
LOCAL = parse_target("escpos+tcp://127.0.0.1:9100", "local")


class Plain:
    codes = frozenset({"printer.paper"})

    def run(self, context):
        yield context.ok("printer.paper")


class Crashing:
    codes = frozenset({"printer.paper"})

    def run(self, context):
        yield context.ok("printer.paper")
        raise ZeroDivisionError("\x1b[31mboom")


class Stuck:
    codes = frozenset({"printer.paper"})
    release = threading.Event()

    def run(self, context):
        yield context.ok("printer.paper")
        self.release.wait(30)
        yield context.fault("printer.cover-open")


class NoAddress:
    codes = frozenset({"net.no-address"})

    def run(self, context):
        yield context.fault("net.no-address")


class Interrupting:
    codes = frozenset({"printer.paper"})

    def run(self, context):
        yield context.ok("printer.paper")
        os.kill(os.getpid(), signal.SIGINT)
        Stuck.release.wait(30)


class CountingOwners:
    codes = frozenset({"printer.paper"})
    inside = 0
    most = 0
    lock = threading.Lock()
    met = threading.Barrier(2)

    def run(self, context):
        cls = type(self)
        with cls.lock:
            cls.inside += 1
            cls.most = max(cls.most, cls.inside)
        yield context.ok("printer.paper")
        with cls.lock:
            cls.inside -= 1


class Meeting(CountingOwners):
    """Two of these can only end if they run at the same time."""

    def run(self, context):
        self.met.wait(5)
        yield context.ok("printer.paper")


class DeadlineSeen:
    codes = frozenset({"printer.paper"})
    seen: float = -1

    def run(self, context):
        type(self).seen = context.deadline.remaining()
        yield context.ok("printer.paper")


@pytest.fixture(autouse=True)
def _released():
    Stuck.release.clear()
    yield
    Stuck.release.set()


def entry(probe, **keywords):
    keywords.setdefault("protocols", frozenset({"escpos"}))
    return ProbeEntry(keywords.pop("id", "printer.test"), probe, **keywords)


def run(jobs, seconds=5.0):
    clock = SystemClock()
    return Runner(None, clock).run(jobs, Deadline.after(seconds, clock))


def told(result):
    return [(finding.code, finding.status) for finding in result.findings]


def test_findings_come_in_the_order_of_the_jobs():
    result = run([Job(entry(Plain), PRINTER), Job(entry(Plain), LOCAL)])
    assert [finding.name for finding in result.findings] == ["printer", "local"]
    assert not result.interrupted


def test_a_crashed_probe_is_unknown_and_keeps_what_it_had_found():
    result = run([Job(entry(Crashing), PRINTER), Job(entry(Plain), LOCAL)])
    assert told(result) == [
        ("printer.paper", Status.OK),
        ("check.probe-crashed", Status.UNKNOWN),
        ("printer.paper", Status.OK),
    ]
    assert result.findings[1].args["error"] == "ZeroDivisionError: \\x1b[31mboom"


def test_a_stuck_probe_is_unknown_and_the_rest_is_reported():
    result = run([Job(entry(Stuck), PRINTER), Job(entry(Plain), LOCAL)], seconds=0.2)
    assert told(result) == [
        ("printer.paper", Status.OK),
        ("check.probe-stuck", Status.UNKNOWN),
        ("printer.paper", Status.OK),
    ]


def test_what_a_stuck_probe_says_after_the_end_changes_nothing():
    job = Job(entry(Stuck), PRINTER)
    result = run([job], seconds=0.1)
    Stuck.release.set()
    job.done.wait(5)
    assert len(job.findings) == len(result.findings) == 2


def test_ctrl_c_gives_the_report_so_far():
    result = run([Job(entry(Interrupting), PRINTER), Job(entry(Stuck), LOCAL)])
    assert result.interrupted
    assert [code for code, _ in told(result)].count("check.interrupted") == 2
    assert ("printer.paper", Status.OK) in told(result)


def test_a_broken_parent_skips_its_children_and_names_the_cause():
    parent = entry(NoAddress, id="net.address", computer=True)
    child = entry(Plain, needs=("net.address",))
    result = run([Job(child, PRINTER), Job(child, LOCAL), Job(parent, THIS_COMPUTER)])
    assert told(result) == [
        ("check.not-asked", Status.SKIPPED),
        ("printer.paper", Status.OK),  # loopback needs no network
        ("net.no-address", Status.FAULT),
    ]
    assert result.findings[0].because == "net.no-address"


def test_a_grandchild_names_the_first_cause_too():
    parent = entry(NoAddress, id="net.address", computer=True)
    child = entry(Plain, id="net.dns", computer=True, needs=("net.address",))
    grandchild = entry(Plain, needs=("net.dns",))
    result = run([Job(grandchild, PRINTER), Job(child, THIS_COMPUTER), Job(parent, THIS_COMPUTER)])
    assert [finding.because for finding in result.findings] == ["net.no-address", "net.no-address", None]


def test_probes_of_one_wire_run_one_after_another():
    CountingOwners.most = 0
    run([Job(entry(CountingOwners, id=f"printer.{n}"), PRINTER) for n in range(20)])
    assert CountingOwners.most == 1


def test_wires_run_in_parallel():
    result = run([Job(entry(Meeting), PRINTER), Job(entry(Meeting), LOCAL)])
    assert told(result) == [("printer.paper", Status.OK)] * 2


def test_a_probe_gets_the_sooner_of_the_deadline_and_its_budget():
    run([Job(entry(DeadlineSeen, budget_s=0.5), PRINTER)], seconds=20)
    assert 0 < DeadlineSeen.seen <= 0.5


def test_more_targets_than_threads_all_run():
    targets = [parse_target(f"escpos+tcp://127.0.{n // 250}.{n % 250 + 1}:9100") for n in range(400)]
    result = run([Job(entry(Plain), target) for target in targets])
    assert told(result) == [("printer.paper", Status.OK)] * 400


def test_plan_pairs_probes_with_the_targets_they_ask():
    escpos, computer = entry(Plain), entry(Plain, id="host.disk", computer=True, protocols=frozenset())
    assert plan([escpos, computer], [THIS_COMPUTER, PRINTER]) == [
        (computer, THIS_COMPUTER),
        (escpos, PRINTER),
    ]


def test_a_plug_in_adds_rows(tmp_path, monkeypatch):
    info = tmp_path / "shop_probes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-probes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[supportctl.probes]\nfiscal = shop_probes:ENTRIES\n")
    (tmp_path / "shop_probes.py").write_text(
        "from probes.registry import ProbeEntry\n"
        "ENTRIES = [ProbeEntry('shop.custom', 'shop_probes:Custom', frozenset({'scanner'}))]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [row.id for row in plugins([str(tmp_path)])] == ["shop.custom"]
    assert plugins([str(tmp_path / "nowhere")]) == ()
