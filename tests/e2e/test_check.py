"""`supportctl check` as its users run it, against the lab."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario

COMMAND = [sys.executable, "-m", "supportctl"]


@pytest.fixture
def lab():
    devices = (
        DeviceSpec("front", "escpos", ("tcp",)),
        DeviceSpec("back", "escpos", ("tcp",), faults=("wire-silent",)),
    )
    with Lab.from_scenario(Scenario("two", devices)) as running:
        yield running


def codes(ended):
    return {finding["code"]: finding["status"] for finding in json.loads(ended.out)["findings"]}


def test_only_a_question_tells_its_answer_whatever_it_is(lab, supportctl):
    url = lab.url("front")
    ended = supportctl("check", url, "--only", "printer.paper", "--format", "json")
    assert (ended.exit_code, codes(ended)) == (0, {"printer.paper": "ok"})
    lab.fault("front", "paper-out")
    lab.fault("front", "cover-open")
    ended = supportctl("check", url, "--only", "printer.paper", "--format", "json")
    assert (ended.exit_code, codes(ended)) == (3, {"printer.paper-out": "fault"})


def test_a_filter_never_hides_that_nothing_answers(lab, supportctl):
    ended = supportctl("check", lab.url("back"), "--only", "printer.paper", "--format", "json")
    assert (ended.exit_code, codes(ended)) == (3, {"link.silent": "fault"})


def test_skip_leaves_out_what_matches(lab, supportctl):
    lab.fault("front", "paper-out")
    ended = supportctl("check", lab.url("front"), "--skip", "printer.paper*", "--format", "json")
    assert ended.exit_code == 0
    assert not [code for code in codes(ended) if code.startswith("printer.paper")]


def test_filters_that_leave_nothing_are_wrong_usage(lab, supportctl):
    ended = supportctl("check", lab.url("front"), "--only", "fiscal.nonsense", "--format", "json")
    assert ended.exit_code == 2
    assert json.loads(ended.out)["error"]["code"] == "check.nothing-to-ask"


def test_targets_of_the_configuration_by_name(lab, supportctl, tmp_path):
    config = tmp_path / "supportctl.yaml"
    config.write_text(
        f"site: {{id: s1, timezone: Asia/Tokyo}}\ntargets:\n  - {{name: till, url: '{lab.url('front')}'}}\n"
    )
    ended = supportctl("--config", str(config), "check", "till", "--format", "json")
    report = json.loads(ended.out)
    assert ended.exit_code == 0
    assert {finding["name"] for finding in report["findings"]} == {"till"}
    assert report["site"] == "s1"
    assert report["started_at"].endswith("+09:00")
    ended = supportctl("--config", str(config), "check", "tull", "--format", "json")
    assert ended.exit_code == 2
    assert "till" in json.loads(ended.out)["error"]["hint"]


def test_a_secret_of_a_target_is_used_and_never_shown(lab, supportctl, monkeypatch):
    monkeypatch.setenv("SHOP_COMMUNITY", "very-secret-words")
    url = f"{lab.url('front')}?password=secret://env/SHOP_COMMUNITY"
    ended = supportctl("check", url, "--format", "json")
    assert ended.exit_code == 0
    assert "very-secret-words" not in ended.out
    assert "password=***" in ended.out
    monkeypatch.delenv("SHOP_COMMUNITY")
    ended = supportctl("check", url, "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, "secret.missing")


def test_one_device_stays_silent_and_the_other_is_reported(lab, supportctl):
    ended = supportctl("check", lab.url("front"), lab.url("back"), "--format", "json")
    assert ended.exit_code == 3
    found = codes(ended)
    assert (found["link.silent"], found["printer.paper"]) == ("fault", "ok")


def test_a_target_without_a_protocol_is_identified_and_asked(lab, supportctl):
    lab.fault("front", "paper-out")
    url = lab.url("front").removeprefix("escpos+")
    ended = supportctl("check", url, "--format", "json")
    found = codes(ended)
    assert (ended.exit_code, found["device.identity"], found["printer.paper-out"]) == (3, "ok", "fault")


def test_the_report_goes_whole_into_a_file(lab, supportctl, tmp_path):
    page = tmp_path / "report.html"
    ended = supportctl("check", lab.url("front"), "--format", "html", "--output", str(page))
    assert (ended.exit_code, ended.out) == (0, "")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert str(page) in ended.err
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    ended = supportctl("check", lab.url("front"), "--output", str(tmp_path / "nowhere" / "x"))
    assert ended.exit_code == 2


def test_ctrl_c_gives_the_report_so_far(lab, wait_until):
    command = [
        *COMMAND,
        "check",
        lab.url("front"),
        lab.url("back"),
        "--format",
        "json",
        "--log-level",
        "info",
    ]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: lab.device("front").opcodes)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=10)
    report = json.loads(out)
    statuses = {finding["code"]: finding["status"] for finding in report["findings"]}
    assert report["interrupted"] is True
    assert statuses["check.interrupted"] == "unknown"
    assert "Traceback" not in err


def test_progress_on_a_terminal_names_what_is_waited_for(lab):
    screen, child = pty.openpty()
    try:
        ended = subprocess.run(
            [*COMMAND, "check", lab.url("back")], stdout=subprocess.PIPE, stderr=child, check=False,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )  # fmt: skip
        os.close(child)
        drawn = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", os.read(screen, 65536)).decode()
    finally:
        os.close(screen)
    assert ended.returncode == 3
    assert "0 of 1 checks done" in drawn
    assert lab.url("back")[:40] in drawn


def test_nothing_is_drawn_when_piped(lab):
    ended = subprocess.run([*COMMAND, "check", lab.url("back")], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stderr == ""


def test_watch_tells_only_what_changes(lab, wait_until):
    command = [*COMMAND, "check", lab.url("front"), "--watch", "1", "--format", "json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        first = json.loads(running.stdout.readline())
        assert (first["schema"], first["verdict"]) == ("supportctl.report/1", "ok")
        lab.fault("front", "paper-out")
        change = json.loads(running.stdout.readline())
        assert "printer.paper-out" in json.dumps(change)
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=10)
    assert running.returncode == 3


def test_the_schema_is_printed(supportctl):
    ended = supportctl("check", "--schema")
    assert (ended.exit_code, json.loads(ended.out)["title"]) == (0, "Report")


@pytest.fixture
def wait_until():
    from supportctl.core.clock import SystemClock
    from supportctl.core.deadline import Deadline

    def wait(condition, seconds=10):
        clock = SystemClock()
        until = Deadline.after(seconds, clock)
        while not condition():
            assert not until.expired, "what was waited for did not happen"
            clock.sleep(0.02)

    return wait


def test_two_printers_that_have_swapped_their_places_are_noticed(lab, supportctl, tmp_path):
    config = tmp_path / "supportctl.yaml"
    target = f"{{name: till, url: '{lab.url('front')}', expect: {{model: TM-T88}}}}"
    config.write_text(f"site: {{id: s1}}\ntargets:\n  - {target}\n")
    ended = supportctl("--config", str(config), "check", "till", "--format", "json")
    assert (ended.exit_code, codes(ended)["device.other-unit"]) == (4, "warning")
    config.write_text(config.read_text().replace("TM-T88", "tm-t20"))
    assert supportctl("--config", str(config), "check", "till").exit_code == 0
