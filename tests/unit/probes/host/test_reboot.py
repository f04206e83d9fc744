"""Pending restarts."""

from __future__ import annotations

from probes.host import reboot
from probes.host.reboot import RebootProbe, RestartFacts, check_restart, packages, read_facts
from supportctl.core.finding import Status

DAY = 86_400.0


def test_nothing_pending():
    verdict = check_restart(RestartFacts(uptime_s=3.5 * DAY))
    assert (verdict.code, verdict.status, verdict.args) == ("host.reboot", Status.OK, {"days": 3})


def test_pending_with_its_packages(recorded):
    names = packages(recorded("reboot-required.pkgs"))
    assert names == ("linux-image-6.1.0-28-amd64", "dbus", "libc6")
    verdict = check_restart(RestartFacts(("/run/reboot-required",), names, 12 * DAY))
    assert (verdict.code, verdict.status) == ("host.reboot-pending", Status.WARNING)
    assert verdict.got == "/run/reboot-required; linux-image-6.1.0-28-amd64, dbus, libc6"


def test_windows_keys():
    verdict = check_restart(RestartFacts((f"HKLM\\{reboot.WINDOWS_KEYS[0]}",)))
    assert verdict.status is Status.WARNING
    assert verdict.got.endswith("RebootPending")


def test_many_packages_are_cut():
    verdict = check_restart(RestartFacts(("x",), tuple(f"p{n}\x1b" for n in range(900))))
    assert verdict.got == "x; p0\\x1b, p1\\x1b, p2\\x1b, p3\\x1b, p4\\x1b"


def test_files_of_debian(tmp_path, monkeypatch):
    flag, names = tmp_path / "reboot-required", tmp_path / "reboot-required.pkgs"
    monkeypatch.setattr(reboot, "_REQUIRED", flag)
    monkeypatch.setattr(reboot, "_PACKAGES", names)
    flag.write_text("*** System restart required ***\n")
    facts = read_facts(0.0)
    assert facts == RestartFacts((str(flag),), (), 0.0)  # no list of packages is fine, too
    names.write_text("dbus\n")
    facts = read_facts(0.0)
    assert facts is not None
    assert facts.packages == ("dbus",)


def test_this_computer(here):
    assert {finding.code for finding in RebootProbe().run(here())} <= RebootProbe.codes
