"""A wrong clock shows itself at every TLS target, and is one finding."""

from __future__ import annotations

from probes.causes import one_cause_one_finding
from supportctl.core.finding import Finding, Status


def test_the_clock_of_this_computer_is_told_once() -> None:
    told = [
        Finding("host.clock-drift", Status.FAULT, "host:///"),
        Finding("net.tls-expired", Status.SKIPPED, "tls+tcp://a.example:443", because="host.clock-drift"),
        Finding("host.clock-drift", Status.FAULT, "host:///"),
        Finding("host.clock-drift", Status.WARNING, "ntp+udp://b.example:123"),
    ]
    found = one_cause_one_finding(told)
    assert [finding.status for finding in found] == [Status.FAULT, *[Status.SKIPPED] * 3]
    assert {finding.because for finding in found[1:]} == {"host.clock-drift"}
