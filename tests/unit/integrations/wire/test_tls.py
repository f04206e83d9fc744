"""Certificates: a configuration's fault, never repeated, certainly nothing sent; the text says which one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trustme

from integrations.http import Http, by_status
from supportctl.core.clock import SystemClock
from supportctl.core.failure import Failure

pytestmark = pytest.mark.usefixtures("trusting")


def answers(talk):
    while talk.request():
        talk.answer()


@pytest.fixture
def client(trusting, client):
    client.http.close()
    client.http = Http(SystemClock(), by_status)  # made after the environment
    return client


def refused(client, address):
    error = client.fails(address, 5, reads=False)
    assert (error.failure, error.code, error.sent) == (Failure.CONFIGURATION, "tls", False)
    return error.text


def test_a_good_certificate(peer, client, tls):
    one = peer(answers, tls("127.0.0.1"))
    for _ in range(2):
        assert client.ask(one.url, reads=False).status == 200
    assert one.connections == 1


def test_expired(peer, client, tls):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    one = peer(answers, tls("127.0.0.1", not_after=yesterday))
    assert refused(client, one.url) == "certificate has expired"
    assert not one.requests


def test_another_host(peer, client, tls):
    assert "127.0.0.1" in refused(client, peer(answers, tls("other.example")).url)


def test_a_stranger(peer, client):
    context = __import__("ssl").SSLContext(__import__("ssl").PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    assert "issuer" in refused(client, peer(answers, context).url)


def test_no_tls_at_all(peer, client):
    one = peer(lambda talk: talk.say(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert refused(client, one.url.replace("http:", "https:"))


def test_a_handshake_that_is_cut_off_may_be_tried_again(peer, client):
    one = peer(lambda talk: talk.wire.recv(100))
    error = client.fails(one.url.replace("http:", "https:"), reads=False)
    assert (error.failure, error.sent) == (Failure.RETRY, False)


def test_a_bad_certificate_is_not_tried_again(peer, client, tls):
    one = peer(answers, tls("other.example"))
    client.fails(one.url, 5, reads=True)
    assert one.connections == 1


def test_a_bundle_that_is_not_there(peer, tls, client, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authority.pem")
    client.http = Http(SystemClock(), by_status)
    assert "/nowhere/authority.pem" in refused(client, peer(answers, tls("127.0.0.1")).url)
