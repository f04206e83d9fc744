"""A printer's SNMP state: pure checks, and the conversation with small agents that behave badly."""

from __future__ import annotations

import pytest

from probes.protocols import snmp
from probes.services import snmp_facts
from probes.services.conditions import settle
from probes.services.snmp_agent import MAX_ROWS
from probes.services.snmp_facts import Alert, Input, PrinterFacts
from probes.services.snmp_printer import SnmpPrinterProbe, complaints
from supportctl.core.finding import Status

RUNNING, WARNING, DOWN = snmp_facts.RUNNING, snmp_facts.WARNING, snmp_facts.DOWN


def found(**facts):
    """Return code and status of what a printer with these facts complains of."""
    return {condition.code: condition.status.value for condition in settle(complaints(PrinterFacts(**facts)))}


@pytest.mark.parametrize(
    ("octets", "code", "status"),
    [
        ("80", "printer.paper-near-end", "warning"),
        ("40", "printer.paper-out", "fault"),
        ("20", "printer.toner-low", "warning"),
        ("10", "printer.toner-out", "fault"),
        ("08", "printer.cover-open", "fault"),
        ("04", "printer.paper-jam", "fault"),
        ("02", "printer.offline", "fault"),
        ("01", "printer.service-needed", "warning"),
        ("0080", "printer.tray-missing", "fault"),
        ("0040", "printer.tray-missing", "fault"),
        ("0020", "printer.toner-out", "fault"),
        ("0010", "printer.output-full", "warning"),
        ("0008", "printer.output-full", "fault"),
        ("0004", "printer.paper-near-end", "warning"),
        ("0002", "printer.service-needed", "warning"),
    ],
)
def test_each_bit(octets, code, status):
    assert found(error_state=bytes.fromhex(octets), device_status=RUNNING) == {code: status}


@pytest.mark.parametrize("octets", ["", "00", "0000", "000000", "0001"])
def test_healthy(octets):
    assert found(error_state=bytes.fromhex(octets), device_status=RUNNING) == {}


def test_several_bits_at_once():
    assert found(error_state=b"\x4a", device_status=DOWN) == {
        "printer.paper-out": "fault",
        "printer.cover-open": "fault",
    }


def test_down_without_a_word_is_offline():
    assert found(error_state=b"\x00", device_status=DOWN) == {"printer.offline": "fault"}


def test_one_empty_tray_of_two_is_a_warning_while_it_prints():
    trays = (Input(0, 250), Input(120, 500))
    assert found(error_state=b"\x40", device_status=WARNING, inputs=trays) == {
        "printer.paper-near-end": "warning"
    }
    assert found(error_state=b"\x40", device_status=DOWN, inputs=trays) == {"printer.paper-out": "fault"}
    assert found(error_state=b"\x40", device_status=WARNING, inputs=trays[:1]) == {
        "printer.paper-out": "fault"
    }


def test_alerts():
    assert found(alerts=(Alert(3, 6, 3, "Cover open"),)) == {"printer.cover-open": "fault"}
    assert found(alerts=(Alert(4, 8, 12, "Tray 1 low"),)) == {"printer.paper-near-end": "warning"}
    assert found(alerts=(Alert(3, 11, 13, "Black toner"),)) == {"printer.toner-out": "fault"}
    assert found(alerts=(Alert(4, 1, 504, "Power saver"),)) == {}


def test_an_alert_that_only_warns_is_no_fault():
    assert found(alerts=(Alert(4, 13, 8, "Jam in tray 2, go on"),)) == {"printer.attention": "warning"}


def test_an_unknown_critical_alert_is_shown_in_its_own_words():
    (condition,) = complaints(PrinterFacts(alerts=(Alert(3, 1, 25000, "Fan 2 stopped"),)))
    assert (condition.code, condition.said) == ("printer.attention", "Fan 2 stopped")
    assert found(alerts=(Alert(3, 1, 25000, "Fan"),), device_status=RUNNING) == {}


def test_cover_table():
    assert found(covers=(4, 3), device_status=DOWN) == {"printer.cover-open": "fault"}
    assert found(covers=(4, 6), device_status=DOWN) == {"printer.offline": "fault"}
    assert found(covers=(3,), device_status=RUNNING) == {}  # a door of a part that is not there


# --- the conversation ---

STATE = (*snmp_facts.HR_PRINTER_DETECTED_ERROR_STATE, 1)
MIB = {
    (*snmp_facts.SYS_DESCR, 0): b"Receipt printer 9",
    (*snmp_facts.HR_DEVICE_STATUS, 1): 2,
    (*snmp_facts.HR_PRINTER_STATUS, 1): 3,
    STATE: b"\x00",
}


def agent(mib, *, versions=(0, 1)):
    """Return an answerer for `UdpServer` over an object tree, built with the library's own classes."""
    from pyasn1.codec.ber import decoder, encoder
    from pysnmp.proto import api

    def answer(datagram):
        version = int(api.decodeMessageVersion(datagram))
        if version not in versions:
            return []
        module = api.PROTOCOL_MODULES[version]
        message, _ = decoder.decode(datagram, asn1Spec=module.Message())
        request = module.apiMessage.get_pdu(message)
        response = module.apiMessage.get_response(message)
        pdu = module.apiMessage.get_pdu(response)
        binds = []
        for number, (oid, value) in enumerate(module.apiPDU.get_varbinds(request), 1):
            key = tuple(oid)
            if request.isSameTypeWith(module.GetNextRequestPDU()):
                key = next((known for known in sorted(mib) if known > key), None)
            if key not in mib:
                if version == 0:
                    module.apiPDU.set_error_status(pdu, 2)
                    module.apiPDU.set_error_index(pdu, number)
                    binds = [(oid, value) for oid, value in module.apiPDU.get_varbinds(request)]
                    break
                binds.append(
                    (oid, module.EndOfMibView("")) if hasattr(module, "EndOfMibView") else (oid, value)
                )
                continue
            found = mib[key]
            typed = module.Integer(found) if isinstance(found, int) else module.OctetString(found)
            binds.append((key, typed))
        module.apiPDU.set_varbinds(pdu, binds)
        return [encoder.encode(response)]

    return answer


def serve(servers, answer):
    return f"snmp://127.0.0.1:{servers.udp(answer).port}"


def said(findings):
    return {finding.code: finding.status.value for finding in findings}


@pytest.mark.parametrize("versions", [(0,), (1,), (0, 1)])
def test_healthy_printer_whatever_version_it_speaks(ask, servers, versions):
    findings = ask(SnmpPrinterProbe(), serve(servers, agent(MIB, versions=versions)))
    assert set(said(findings).values()) == {"ok"}
    assert {"printer.paper", "printer.cover", "printer.online"} <= set(said(findings))


def test_faults_with_their_evidence(ask, servers):
    mib = {**MIB, STATE: b"\x48", (*snmp_facts.HR_DEVICE_STATUS, 1): 5}
    findings = ask(SnmpPrinterProbe(), serve(servers, agent(mib)))
    faults = {f.code: f for f in findings if f.status is Status.FAULT}
    assert set(faults) == {"printer.paper-out", "printer.cover-open"}
    seen = faults["printer.paper-out"].evidence[0]
    assert "hrPrinterDetectedErrorState" in seen.asked
    assert seen.args == {"said": "noPaper"}
    assert "040148" in seen.got  # the octet itself, in the answer that is shown
    assert seen.sent
    assert seen.got


def test_any_index_of_the_printer_is_found(ask, servers):
    mib = {(*snmp_facts.SYS_DESCR, 0): b"x", (*snmp_facts.HR_PRINTER_STATUS, 9100): 1}
    mib[(*snmp_facts.HR_PRINTER_DETECTED_ERROR_STATE, 9100)] = b"\x40"
    mib[(*snmp_facts.HR_DEVICE_STATUS, 9100)] = 5
    assert said(ask(SnmpPrinterProbe(), serve(servers, agent(mib))))["printer.paper-out"] == "fault"


def test_only_reads_are_sent(ask, servers):
    url = serve(servers, agent(MIB))
    ask(SnmpPrinterProbe(), url)
    kinds = {datagram[datagram.index(b"public") + 6] for datagram in servers[0].heard}
    assert kinds <= {0xA0, 0xA1}


def test_a_switch_is_another_device(ask, servers):
    (finding,) = ask(
        SnmpPrinterProbe(), serve(servers, agent({(*snmp_facts.SYS_DESCR, 0): b"Switch\x1b[2J"}))
    )
    assert finding.code == "link.wrong-device"
    assert finding.args["found"] == "Switch\\x1b[2J"


def test_closed_port_is_refused(ask, servers):
    url = serve(servers, agent(MIB))
    servers.pop().close()
    (finding,) = ask(SnmpPrinterProbe(), url)
    assert (finding.code, finding.status) == ("link.refused", Status.FAULT)


def test_silence(ask, servers):
    url = serve(servers, lambda _datagram: [])
    (finding,) = ask(SnmpPrinterProbe(), url)
    assert (finding.code, finding.status) == ("link.silent", Status.FAULT)
    assert len(servers[0].heard) == 3  # a lost datagram is sent again
    assert {datagram[4] for datagram in servers[0].heard} == {0, 1}  # in both versions


def test_a_deadline_too_short_to_know_is_unknown(ask, servers):
    (finding,) = ask(SnmpPrinterProbe(), serve(servers, lambda _datagram: []), seconds=0.2)
    assert (finding.code, finding.status) == ("link.silent", Status.UNKNOWN)


def test_noise_is_another_device(ask, servers):
    (finding,) = ask(SnmpPrinterProbe(), serve(servers, lambda _datagram: [b"hello"] * 40))
    assert finding.code == "link.wrong-device"
    assert finding.evidence[0].got


def test_a_lost_datagram_costs_nothing_but_time(ask, servers):
    healthy, calls = agent(MIB), []

    def answer(datagram):
        calls.append(datagram)
        return [] if len(calls) == 1 else healthy(datagram)

    assert set(said(ask(SnmpPrinterProbe(), serve(servers, answer))).values()) == {"ok"}


def test_late_answers_to_older_questions_are_overlooked(ask, servers):
    healthy, before = agent(MIB), []

    def answer(datagram):
        replies = before + healthy(datagram)
        before[:] = healthy(datagram)
        return replies

    assert set(said(ask(SnmpPrinterProbe(), serve(servers, answer))).values()) == {"ok"}


def test_a_table_without_end_is_bounded(ask, servers):
    healthy = agent(MIB)
    row = iter(range(1, 100_000))

    def answer(datagram):
        request = snmp_request(datagram)
        if request.startswith(snmp_facts.PRT_COVER_STATUS):
            return agent({(*snmp_facts.PRT_COVER_STATUS, 1, next(row)): 4})(
                snmp.get_next(
                    [snmp_facts.PRT_COVER_STATUS],
                    version=snmp.Version.V1,
                    community="public",
                    request_id=request.id,
                )
            )
        return healthy(datagram)

    ask(SnmpPrinterProbe(), serve(servers, answer))
    assert (
        len([d for d in servers[0].heard if snmp_request(d).startswith(snmp_facts.PRT_COVER_STATUS)])
        <= MAX_ROWS
    )


def test_an_agent_that_walks_in_a_circle_is_left(ask, servers):
    healthy = agent(MIB)
    circle = agent({(*snmp_facts.PRT_COVER_STATUS, 1, 1): 4})

    def answer(datagram):
        request = snmp_request(datagram)
        if not request.startswith(snmp_facts.PRT_COVER_STATUS):
            return healthy(datagram)
        return circle(
            snmp.get_next(
                [snmp_facts.PRT_COVER_STATUS],
                version=snmp.Version.V1,
                community="public",
                request_id=request.id,
            )
        )

    assert set(said(ask(SnmpPrinterProbe(), serve(servers, answer))).values()) == {"ok"}
    assert len([d for d in servers[0].heard if snmp_request(d).startswith(snmp_facts.PRT_COVER_STATUS)]) <= 3


def test_silence_at_a_table_leaves_the_state_known(ask, servers):
    healthy = agent({**MIB, STATE: b"\x40"})

    def answer(datagram):
        return (
            []
            if snmp_request(datagram).startswith(snmp_facts.PRT_ALERT_SEVERITY_LEVEL)
            else healthy(datagram)
        )

    assert said(ask(SnmpPrinterProbe(), serve(servers, answer)))["printer.paper-out"] == "fault"


class snmp_request:  # noqa: N801  reads like the function that it is
    """The first object and the id of a request."""

    def __init__(self, datagram):
        from pyasn1.codec.ber import decoder
        from pysnmp.proto import api

        module = api.PROTOCOL_MODULES[int(api.decodeMessageVersion(datagram))]
        message, _ = decoder.decode(datagram, asn1Spec=module.Message())
        pdu = module.apiMessage.get_pdu(message)
        self.id = int(module.apiPDU.get_request_id(pdu))
        self.oid = tuple(module.apiPDU.get_varbinds(pdu)[0][0])

    def startswith(self, oid):
        return self.oid[: len(oid)] == oid


def test_an_agent_without_any_object_is_no_printer(ask, servers):
    (finding,) = ask(SnmpPrinterProbe(), serve(servers, agent({})))
    assert finding.code == "link.wrong-device"
