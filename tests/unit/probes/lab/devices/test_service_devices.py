"""The simulated services, asked by the standard library's client, which knows nothing of ours."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.devices.marking import PASSWORD, USER, LocalModule
from probes.lab.devices.ofd_host import OperatorHost
from probes.lab.devices.utm import TransportModule
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.protocols.http1 import basic_auth

WALL = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def lab():
    with Lab(Scenario("x", (DeviceSpec("utm", "utm"), DeviceSpec("marking", "marking")))) as lab:
        yield lab


def get(lab, name, path, **kinds):
    address = lab.url(name).partition("+")[2]
    request = urllib.request.Request(address + path, **kinds)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as answer:
        return answer.read()


@contextlib.contextmanager
def refused(status):
    with pytest.raises(urllib.error.HTTPError) as caught:
        yield
    caught.value.close()
    assert caught.value.code == status


def test_utm_as_a_monitoring_script_reads_it(lab):
    found = json.loads(get(lab, "utm", "/api/info/list"))
    assert list(found) == [
        "version", "contour", "rsaError", "checkInfo", "ownerId", "db", "rsa", "gost", "license",
    ]  # fmt: skip
    assert datetime.strptime(found["gost"]["expireDate"], "%Y-%m-%d %H:%M:%S %z") > datetime.now(UTC)
    assert b"<CN>030000123456</CN>" in get(lab, "utm", "/diagnosis")


def test_marking_as_a_monitoring_template_reads_it(lab):
    found = json.loads(get(lab, "marking", "/api/v1/status"))
    assert (found["status"], found["operationMode"], found["requiresDownload"]) == ("ready", "active", False)
    assert 0 <= datetime.now(UTC).timestamp() - found["lastSync"] / 1000 < 86400


def test_posts_are_writes(lab):
    get(lab, "utm", "/opt/in/ChequeV3", data=b"<a/>", method="POST")
    with refused(404):
        get(lab, "marking", "/api/v1/init", data=b"{}", method="POST")
    assert lab.device("utm").writes == ["POST /opt/in/ChequeV3"]
    assert lab.device("marking").writes == ["POST /api/v1/init"]


def test_a_password_is_wanted(lab):
    lab.fault("marking", "password")
    try:
        with refused(401):
            get(lab, "marking", "/api/v1/status")
        assert get(lab, "marking", "/api/v1/status", headers=basic_auth(USER, PASSWORD))
    finally:
        lab.clear("marking")


def test_a_connection_that_stays_open(lab):
    host = lab.url("utm").rpartition("/")[2]
    client = http.client.HTTPConnection(host, timeout=5)
    for _ in range(3):
        client.request("GET", "/api/info/list")
        assert client.getresponse().read()
    client.close()


@pytest.mark.parametrize("device", [TransportModule, LocalModule, OperatorHost])
def test_unknown_faults(device):
    with pytest.raises(KeyError):
        device().switch("on-fire", on=True, now=0.0)


REQUESTS = st.lists(
    st.sampled_from(
        [
            b"GET /api/info/list HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd",
            b"HEAD / HTTP/1.1\r\n\r\n",
            b"\r\n\r\n",
            b"\x00\xff",
        ]
    ),
    max_size=4,
).map(b"".join)


@given(REQUESTS | st.binary(max_size=100), st.lists(st.integers(0, 300), max_size=8))
def test_any_bytes_in_any_pieces(data, cuts):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    whole, pieces = TransportModule(), TransportModule()
    for device in (whole, pieces):
        device.set_clock(WALL, 0.0)
    answers = b"".join(pieces.receive(data[a:b], 0.0) for a, b in pairwise(edges))
    assert answers == whole.receive(data, 0.0)
    assert (pieces.opcodes, pieces.writes) == (whole.opcodes, whole.writes)
