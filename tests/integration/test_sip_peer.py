"""SIPp, a SIP program that we did not write: it answers our questions, and puts its own to our exchange."""

from __future__ import annotations

import socket
import subprocess

import pytest

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from probes.registry import BUILT_IN
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

pytestmark = pytest.mark.peer("sipp")
START_S = 10.0

SERVER = """<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="answers OPTIONS">
  <recv request="OPTIONS" crlf="true"/>
  <send><![CDATA[
SIP/2.0 {answer}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Server: SIPp
Content-Length: 0

  ]]></send>
</scenario>
"""
CLIENT = """<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="asks OPTIONS">
  <send><![CDATA[
OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
Max-Forwards: 70
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 OPTIONS
Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def sipp(peer_path, tmp_path):
    """Start SIPp as a server that gives one answer; returns its port."""
    running = []

    def start(answer, transport):
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        port = free_port(kind)
        scenario = tmp_path / "server.xml"
        scenario.write_text(SERVER.format(answer=answer))
        command = [
            peer_path("sipp"), "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-nostdin",
            "-t", "u1" if transport == "udp" else "t1", "-m", "1",
        ]  # fmt: skip
        with (tmp_path / "log").open("wb") as log:
            running.append(subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log))
        clock = SystemClock()
        until = Deadline.after(START_S, clock)
        while not listens(kind, port):
            assert running[-1].poll() is None, (tmp_path / "log").read_text(errors="replace")
            assert not until.expired, "SIPp did not start in time"
            clock.sleep(0.02)
        return port

    yield start
    for process in running:
        process.kill()
        process.wait(10)


def listens(kind, port):
    """Return whether the port is taken; nothing is sent, for SIPp would count it as a call."""
    with socket.socket(socket.AF_INET, kind) as attempt:
        if kind == socket.SOCK_STREAM:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("200 OK", {"sip.answers": "ok", "sip.path": "ok"}),
        ("405 Method Not Allowed", {"sip.answers": "ok", "sip.path": "ok"}),
        ("486 Busy Here", {"sip.answers": "ok", "sip.path": "ok"}),
        ("503 Service Unavailable", {"sip.overloaded": "warning", "sip.path": "ok"}),
    ],
)
def test_we_understand_their_answer(sipp, answer, found, transport):
    target = parse_target(f"sip+{transport}://127.0.0.1:{sipp(answer, transport)}")
    (entry,) = (e for e in BUILT_IN if e.asks(target))
    clock = SystemClock()
    findings = Runner(open_link, clock).run([Job(entry, target)], Deadline.after(10, clock)).findings
    assert {f.code: f.status.value for f in findings} == found


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_they_understand_the_answer_of_our_exchange(peer_path, tmp_path, transport):
    scenario = tmp_path / "client.xml"
    scenario.write_text(CLIENT)
    with Lab(Scenario("telephones", (DeviceSpec("exchange", "sip", (transport,)),))) as lab:
        place = lab.url("exchange").partition("://")[2]
        command = [
            peer_path("sipp"), place, "-sf", str(scenario), "-i", "127.0.0.1", "-nostdin", "-timeout", "10s",
            "-t", "u1" if transport == "udp" else "t1", "-m", "3", "-r", "50",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=30)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
        assert lab.device("exchange").opcodes == ["OPTIONS"] * 3
