"""Services of the till software: recorded outputs of systemd and of Windows, and programs by their names."""

from __future__ import annotations

import json
import sys

import psutil
import pytest

from probes.host import till_services
from probes.host.commands import Output
from probes.host.till_services import (
    ServicesProbe,
    check_services,
    from_windows,
    parse_systemctl_show,
    read_services,
)
from supportctl.core.finding import Status

NAMES = ["frontol", "utm", "kkt", "scales", "till-migrate", "nope", "postgresql", "modem"]


def said(services):
    return {v.args["service"]: (v.code, v.status, v.meaning) for v in check_services(services)}


@pytest.fixture
def systemd(recorded):
    return parse_systemctl_show(recorded("systemctl-show.txt"), NAMES)


def test_systemd(systemd):
    assert said(systemd) == {
        "utm": ("host.service-down", Status.FAULT, "host.service-crashed"),
        "kkt": ("host.service-down", Status.FAULT, "host.service-crashed"),
        "scales": ("host.service-down", Status.FAULT, "host.service-disabled"),
        "nope": ("host.service-not-found", Status.FAULT, "host.no-such-service"),
        "postgresql": ("host.service-down", Status.WARNING, "host.service-changing"),
        "modem": ("host.service-down", Status.FAULT, "host.service-disabled"),
    }


def test_systemd_evidence_is_in_its_own_words(systemd):
    verdict = next(v for v in check_services(systemd) if v.args["service"] == "utm")
    assert verdict.got == "ActiveState=failed SubState=failed Result=exit-code ExecMainStatus=203"


def test_all_run(systemd):
    (verdict,) = check_services([systemd[0], systemd[4]])
    assert (verdict.code, verdict.status) == ("host.services", Status.OK)


def test_windows(recorded):
    services = [
        from_windows(name, said) for name, said in json.loads(recorded("windows-services.json")).items()
    ]
    assert said(services) == {
        "Transport": ("host.service-down", Status.FAULT, "host.service-stopped"),
        "EoU": ("host.service-down", Status.FAULT, "host.service-disabled"),
        "MSSQL$SQLEXPRESS": ("host.service-down", Status.WARNING, "host.service-changing"),
    }


@pytest.mark.skipif(sys.platform == "win32", reason="systemd")
def test_names_are_single_arguments(here, monkeypatch, recorded):
    asked = []

    def run(command, _deadline):
        asked.append(command)
        return Output(0, recorded("systemctl-show.txt"))

    monkeypatch.setattr("probes.host.commands.run", run)
    read_services(["--now", "a; reboot", "x.timer"], here().deadline)
    (command,) = asked
    assert command[-4:] == ["--", "--now.service", "a; reboot.service", "x.timer"]
    assert command[1] == "show"


@pytest.mark.skipif(sys.platform == "win32", reason="no systemd is the question")
@pytest.mark.parametrize(
    "out", [Output(None, problem="missing"), Output(1, ""), Output(None, problem="late")]
)
def test_without_systemd_a_running_program_counts(here, monkeypatch, out):
    monkeypatch.setattr("probes.host.commands.run", lambda _command, _deadline: out)
    running = {"frontol": (17, "Frontol.exe")}
    monkeypatch.setattr(till_services, "_running_programs", lambda: running)
    services = read_services(["Frontol.exe", "utm"], here().deadline)
    assert [(s.manager, s.installed) for s in services] == [("process", True), ("process", False)]
    assert services[0].detail == "Frontol.exe (pid 17)"


def test_a_real_program(here):
    (finding,) = ServicesProbe().run(here(services=(psutil.Process().name(),)))
    assert (finding.code, finding.status) == ("host.services", Status.OK)


def test_nothing_configured_nothing_said(here):
    assert list(ServicesProbe().run(here())) == []


def test_a_name_that_is_nowhere(here):
    (finding,) = ServicesProbe().run(here(services=("no-such-till-software",)))
    assert (finding.code, finding.status) == ("host.service-not-found", Status.FAULT)


@pytest.mark.parametrize("text", ["", "\n\n", "garbage", "=\n=", "ActiveState", "\x00\xff" * 50])
def test_garbage_of_systemctl(text):
    for service in parse_systemctl_show(text, ["frontol"]):
        assert not service.installed
