"""A printer's IPP state: pure checks, and web servers that are no printer or behave badly."""

from __future__ import annotations

import pytest
from pyipp.enums import IppOperation
from pyipp.serializer import construct_attribute

from probes.services.conditions import settle
from probes.services.ipp_printer import IppFacts, IppPrinterProbe, complaints, facts_of
from supportctl.core.finding import Status

IDLE, PROCESSING, STOPPED = 3, 4, 5
assert IppOperation.GET_PRINTER_ATTRIBUTES == 0x000B


def found(*reasons, state=IDLE, **facts):
    """Return code and status of what a printer with these facts complains of."""
    said = IppFacts(state=state, reasons=reasons, **facts)
    return {condition.code: condition.status.value for condition in settle(complaints(said))}


@pytest.mark.parametrize(
    ("reason", "code", "status"),
    [
        ("media-empty-error", "printer.paper-out", "fault"),
        ("media-empty", "printer.paper-out", "fault"),
        ("media-empty-report", "printer.paper-out", "fault"),  # so says CUPS's own printer while it is idle
        ("media-empty-warning", "printer.paper-out", "fault"),
        ("media-needed-error", "printer.paper-out", "fault"),
        ("media-low-warning", "printer.paper-near-end", "warning"),
        ("media-low-report", "printer.paper-near-end", "warning"),
        ("media-jam-error", "printer.paper-jam", "fault"),
        ("cover-open-error", "printer.cover-open", "fault"),
        ("door-open", "printer.cover-open", "fault"),
        ("cover-open-warning", "printer.cover-open", "fault"),
        ("marker-supply-empty-error", "printer.toner-out", "fault"),
        ("toner-low-warning", "printer.toner-low", "warning"),
        ("output-area-full-error", "printer.output-full", "fault"),
        ("offline-report", "printer.offline", "fault"),
        ("paused", "printer.paused", "fault"),
        ("hold-new-jobs", "printer.paused", "fault"),
        ("com.example.flux-capacitor-error", "printer.attention", "warning"),
    ],
)
def test_each_reason(reason, code, status):
    assert found(reason) == {code: status}


@pytest.mark.parametrize(
    "reasons", [(), ("none",), ("cups-ipp-conformance-failure-report",), ("com.example.polished-report",)]
)
def test_healthy(reasons):
    assert found(*reasons) == {}
    assert found(*reasons, accepting=True, queued=3, state=PROCESSING) == {}


def test_a_warning_of_a_printer_that_prints_is_a_warning():
    assert found("cover-open-warning", state=PROCESSING) == {"printer.attention": "warning"}
    assert found("media-empty-warning", state=PROCESSING) == {"printer.paper-near-end": "warning"}
    assert found("media-empty-warning", "media-needed-warning", state=PROCESSING) == {
        "printer.paper-out": "fault"
    }


def test_one_empty_tray_of_two_is_a_warning():
    assert found("media-empty-report", trays=(0, 120)) == {"printer.paper-near-end": "warning"}
    assert found("media-empty-report", trays=(0, -3)) == {"printer.paper-near-end": "warning"}
    assert found("media-empty-report", trays=(0, -2)) == {"printer.paper-out": "fault"}
    assert found("media-empty-report", trays=(-2, 100)) == {
        "printer.paper-out": "fault"
    }  # not of a tray here
    assert found("media-empty-error", trays=(0, 120), state=STOPPED) == {"printer.paper-out": "fault"}


def test_connecting_is_news_only_while_it_lasts():
    assert found("connecting-to-device", state=PROCESSING) == {"printer.attention": "warning"}


def test_a_warning_is_a_fault_once_the_printer_has_stopped():
    assert found("media-empty-warning", state=STOPPED) == {"printer.paper-out": "fault"}


def test_stopped_beside_a_cause_is_no_finding():
    assert found("paused", "cover-open-error", "media-empty-error", state=STOPPED) == {
        "printer.cover-open": "fault",
        "printer.paper-out": "fault",
    }


def test_stopped_without_a_cause():
    assert found("none", state=STOPPED) == {"printer.paused": "fault"}


def test_accepts_no_jobs():
    assert found("none", accepting=False) == {"printer.paused": "fault"}


def test_facts_of_attributes_in_any_shape():
    facts = facts_of({"printer-state": 5, "printer-state-reasons": ["paused", "media-empty-error"]})
    assert facts == IppFacts(state=5, reasons=("paused", "media-empty-error"))
    trays = ["type=other;level=-2;status=0;name=auto", "type=other;maxcapacity=250;level=100"]
    assert facts_of({"printer-input-tray": trays}).trays == (-2, 100)
    assert facts_of({"printer-state": "5", "printer-is-accepting-jobs": "yes"}) == IppFacts()


# --- the conversation ---


def ipp_message(status, **attributes):
    from pyipp.enums import IppTag

    tags = {int: IppTag.ENUM, bool: IppTag.BOOLEAN, str: IppTag.KEYWORD, list: IppTag.KEYWORD}
    body = bytes.fromhex("0101") + status.to_bytes(2, "big") + bytes(3) + b"\x01\x01"
    body += construct_attribute("attributes-charset", "utf-8")
    if attributes:
        body += b"\x04"
    for name, value in attributes.items():
        body += construct_attribute(name.replace("_", "-"), value, tags[type(value)])
    return body + b"\x03"


def http(body, status="200 OK", kind="application/ipp", extra=""):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


HEALTHY = ipp_message(0, printer_state=3, printer_state_reasons="none", printer_is_accepting_jobs=True)
HOSTILE = bytes.fromhex("0101 0000 00000001 01 47 fff8 0000 03")  # a length that leads backwards
EMPTY = ipp_message(0, printer_state=5, printer_state_reasons=["media-empty-error", "paused"])


def url(server, path="/ipp/print"):
    return f"ipp://127.0.0.1:{server.port}{path}"


def said(findings):
    return {finding.code: finding.status.value for finding in findings}


def test_healthy_printer(ask, servers):
    findings = ask(IppPrinterProbe(), url(servers.tcp(lambda _request: [http(HEALTHY)])))
    assert set(said(findings).values()) == {"ok"}
    assert b"POST /ipp/print HTTP/1.1\r\n" in servers[0].heard[0]


def test_a_printer_that_tells_no_state_is_not_called_healthy(ask, servers):
    answer = http(ipp_message(0, printer_is_accepting_jobs=True))
    findings = ask(IppPrinterProbe(), url(servers.tcp(lambda _request: [answer])))
    assert said(findings) == {"printer.status-not-supported": "unknown"}
    assert findings[0].evidence[0].meaning == "ipp.no-state"


def test_fault_with_its_evidence(ask, servers):
    findings = ask(IppPrinterProbe(), url(servers.tcp(lambda _request: [http(EMPTY)])))
    fault = findings[0]
    assert (fault.code, fault.status) == ("printer.paper-out", Status.FAULT)
    assert fault.evidence[0].args == {"said": "media-empty-error"}
    assert "printer-state-reasons media-empty-error,paused" in fault.evidence[0].got
    assert "printer.paused" not in said(findings)


def test_one_byte_at_a_time(ask, servers):
    answer = http(EMPTY)
    server = servers.tcp(lambda _request: [answer[i : i + 1] for i in range(len(answer))])
    assert said(ask(IppPrinterProbe(), url(server)))["printer.paper-out"] == "fault"


def test_an_answer_that_ends_with_the_connection(ask, servers):
    old = b"HTTP/1.0 200 OK\r\nContent-Type: application/ipp\r\n\r\n" + EMPTY
    assert (
        said(ask(IppPrinterProbe(), url(servers.tcp(lambda _request: [old]))))["printer.paper-out"] == "fault"
    )


def test_the_usual_paths_are_tried_when_none_is_given(ask, servers):
    def answer(request):
        return [http(EMPTY)] if request.startswith(b"POST /ipp HTTP") else [http(b"", "404 Not Found")]

    assert said(ask(IppPrinterProbe(), url(servers.tcp(answer), "")))["printer.paper-out"] == "fault"
    assert len(servers[0].heard) == 2


@pytest.mark.parametrize(
    ("answer", "code", "status", "meaning"),
    [
        (http(b"<html>", kind="text/html"), "link.wrong-device", "fault", "ipp.not-ipp"),
        (http(b"", "404 Not Found"), "link.wrong-device", "fault", "ipp.not-ipp"),
        (http(b"", "401 Unauthorized"), "printer.status-not-supported", "unknown", "ipp.needs-password"),
        (http(b"", "503 Busy"), "printer.status-not-supported", "unknown", "ipp.http-status"),
        (http(ipp_message(0x0406)), "link.wrong-device", "fault", "ipp.no-queue"),
        (http(ipp_message(0)), "link.wrong-device", "fault", "ipp.no-queue"),
        (http(ipp_message(0x0401)), "printer.status-not-supported", "unknown", "ipp.needs-password"),
        (http(ipp_message(0x0500)), "printer.status-not-supported", "unknown", "ipp.refused"),
        (http(HOSTILE), "link.wrong-device", "fault", "ipp.not-ipp"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "link.wrong-device", "fault", "ipp.not-http"),
        (http(HEALTHY)[:-9], "link.wrong-device", "fault", "ipp.not-http"),
    ],
)  # fmt: skip
def test_other_answers(ask, servers, answer, code, status, meaning):
    (finding,) = ask(IppPrinterProbe(), url(servers.tcp(lambda _request: [answer])))
    assert (finding.code, finding.status.value) == (code, status)
    assert finding.evidence[0].meaning == meaning


def test_megabytes_of_noise_are_bounded(ask, servers):
    server = servers.tcp(lambda _request: (b"\x00" * 65536 for _ in range(500)), then_close=False)
    (finding,) = ask(IppPrinterProbe(), url(server))
    assert finding.code == "link.wrong-device"
    assert len(finding.evidence[0].got) < 200


def test_an_endless_page_is_bounded(ask, servers):
    page = b"HTTP/1.1 200 OK\r\n\r\n"
    server = servers.tcp(lambda _request: (page + b"x" * 65536 for _ in range(500)), then_close=False)
    (finding,) = ask(IppPrinterProbe(), url(server))
    assert finding.code == "link.wrong-device"


def test_silence(ask, servers):
    server = servers.tcp(lambda _request: [], then_close=False)
    (finding,) = ask(IppPrinterProbe(), url(server), seconds=1.5)
    assert finding.code == "link.silent"


def test_closed_before_the_answer(ask, servers):
    (finding,) = ask(IppPrinterProbe(), url(servers.tcp(lambda _request: [])))
    assert finding.code == "link.closed"


def test_closed_port(ask, servers):
    server = servers.tcp(lambda _request: [])
    servers.pop().close()
    (finding,) = ask(IppPrinterProbe(), url(server))
    assert finding.code == "link.refused"


def test_no_tls_on_the_other_side(ask, servers):
    server = servers.tcp(lambda _request: [b"HTTP/1.0 400 Bad Request\r\n\r\n"])
    (finding,) = ask(IppPrinterProbe(), f"ipp+https://127.0.0.1:{server.port}/ipp/print")
    assert finding.code == "link.wrong-device"
    assert finding.evidence[0].meaning == "ipp.no-tls"


def test_silent_tls(ask, servers):
    server = servers.tcp(lambda _request: [], then_close=False)
    (finding,) = ask(IppPrinterProbe(), f"ipp+https://127.0.0.1:{server.port}/ipp/print", seconds=1.0)
    assert finding.code == "link.silent"


def test_device_texts_are_made_safe(ask, servers):
    body = ipp_message(0, printer_state=3, printer_state_reasons="evil\x1b[2J\u202e-error")
    (finding, *_rest) = ask(IppPrinterProbe(), url(servers.tcp(lambda _request: [http(body)])))
    assert finding.code == "printer.attention"
    assert finding.args["said"] == "evil\\x1b[2J\\u202e-error"
