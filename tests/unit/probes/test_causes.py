"""One cause, one finding, across the targets of one host."""

from probes.causes import one_cause_one_finding
from supportctl.core.finding import Finding, Status


def fault(code, url):
    return Finding(code, Status.FAULT, url)


def test_a_host_that_is_away_is_told_once():
    printer = fault("link.no-route", "escpos+tcp://10.0.0.5:9100")
    snmp = fault("link.no-route", "snmp+udp://10.0.0.5:161")
    first, second = one_cause_one_finding([printer, snmp])
    assert first == printer
    assert (second.status, second.because) == (Status.SKIPPED, "link.no-route")


def test_another_host_is_another_cause():
    findings = [fault("link.timeout", f"escpos+tcp://10.0.0.{n}:9100") for n in (5, 6)]
    assert list(one_cause_one_finding(findings)) == findings


def test_a_refused_port_says_nothing_about_the_other_ports():
    findings = [fault("link.refused", f"escpos+tcp://10.0.0.5:{port}") for port in (9100, 9101)]
    assert list(one_cause_one_finding(findings)) == findings


def test_serial_targets_have_no_host_to_share():
    findings = [fault("link.timeout", f"escpos+serial:///dev/ttyUSB{n}") for n in (0, 1)]
    assert list(one_cause_one_finding(findings)) == findings
