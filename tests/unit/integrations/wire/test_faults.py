"""What networks and servers do to a request. The deadline holds, and the class of the failure is right."""

from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc

import pytest

from integrations import wire
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure

SOON = 0.25
LATE = SOON + 5  # a shared machine is slow at times; without the deadline it would be for ever


def after_request(do):
    def script(talk):
        talk.request()
        do(talk)

    return script


def head(text=""):
    return f"HTTP/1.1 200 OK\r\n{text}".encode()


ENDLESS = {
    "silent": lambda t: t.hang(),
    "drips-status": lambda t: t.drip(b"H"),
    "drips-header": lambda t: (t.say(head("X: ")), t.drip()),
    "drips-headers": lambda t: (t.say(head()), t.drip(b"X: y\r\n")),
    "drips-body": lambda t: (t.say(head("Content-Length: 1000\r\n\r\n")), t.drip()),
    "drips-chunks": lambda t: (t.say(head("Transfer-Encoding: chunked\r\n\r\n")), t.drip(b"1\r\nx\r\n")),
    "drips-to-the-end": lambda t: (t.say(head("\r\n")), t.drip()),
    "body-stops": lambda t: (t.say(head("Content-Length: 1000\r\n\r\nhalf")), t.hang()),
    "continues-for-ever": lambda t: t.drip(b"HTTP/1.1 100 Continue\r\n\r\n", every=0.001),
}


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("fault", ENDLESS)
def test_what_never_ends_ends_by_the_deadline(peer, client, fault, reads):
    error = client.fails(peer(after_request(ENDLESS[fault])).url, SOON, reads=reads)
    assert client.took < LATE
    assert error.code == "timeout"
    assert error.failure is (Failure.RETRY if reads else Failure.AMBIGUOUS)
    assert error.sent


def test_the_same_over_tls(peer, client, tls, authority, tmp_path, monkeypatch):
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    client.http._session.verify = str(bundle)
    script = after_request(lambda t: (t.say(head("Content-Length: 1000\r\n\r\n")), t.drip()))
    error = client.fails(peer(script, tls("127.0.0.1")).url, SOON, reads=False)
    assert client.took < LATE
    assert (error.code, error.failure) == ("timeout", Failure.AMBIGUOUS)


def test_a_handshake_that_drips_ends_by_the_deadline(peer, client):
    address = peer(lambda talk: talk.drip(b"\x16")).url.replace("http:", "https:")
    error = client.fails(address, SOON, reads=False)
    assert client.took < LATE
    assert not error.sent


def test_a_peer_that_does_not_take_the_request(peer, client):
    error = client.fails(peer(lambda t: t.hang()).url, SOON, reads=False, body=b"x" * 50_000_000)
    assert client.took < LATE
    assert (error.code, error.failure) == ("timeout", Failure.AMBIGUOUS)


TORN = {
    "body-ends-early": lambda t: t.say(head("Content-Length: 100\r\n\r\n{}")),
    "chunk-ends-early": lambda t: t.say(head("Transfer-Encoding: chunked\r\n\r\n100\r\n{}")),
    "no-last-chunk": lambda t: t.say(head("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")),
    "bad-chunk-size": lambda t: t.say(head("Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")),
    "gzip-ends-early": lambda t: t.answer(gzip.compress(b"{}" * 99)[:-9], "200 OK", "Content-Encoding: gzip"),
    "gzip-is-none": lambda t: t.answer(b"{}", "200 OK", "Content-Encoding: gzip"),
    "packing-we-did-not-ask-for": lambda t: t.answer(b"{}", "200 OK", "Content-Encoding: br"),
    "long-header": lambda t: t.say(head(f"X: {'y' * 70_000}\r\n\r\n")),
    "many-headers": lambda t: t.say(head("X: y\r\n" * 200 + "\r\n")),
    "no-http": lambda t: t.say(b"SSH-2.0-OpenSSH_9.2\r\n"),
}


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("fault", TORN)
def test_an_answer_that_is_none_is_no_success(peer, client, fault, reads):
    error = client.fails(peer(after_request(TORN[fault])).url, reads=reads)
    assert error.code == "broken-answer"
    assert error.failure is (Failure.RETRY if reads else Failure.AMBIGUOUS)


LOST = {
    "reset": lambda t: t.reset(),
    "closed": lambda t: None,
    "reset-in-the-body": lambda t: (t.say(head("Content-Length: 100\r\n\r\n{}")), t.reset()),
}


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_leaves_a_write_in_doubt(peer, client, fault, reads):
    one = peer(after_request(LOST[fault]))
    error = client.fails(one.url, reads=reads)
    assert error.failure is (Failure.RETRY if reads else Failure.AMBIGUOUS)
    assert error.code in {"connection", "broken-answer"}
    assert len(one.requests) == 1


def test_a_request_that_was_half_sent_is_in_doubt(peer, client):
    def script(talk):
        talk.wire.recv(10)
        talk.reset()

    error = client.fails(peer(script).url, 5, reads=False, body=b"x" * 20_000_000)
    assert (error.code, error.failure, error.sent) == ("connection", Failure.AMBIGUOUS, True)


def test_a_write_is_never_repeated(peer, client):
    one = peer(after_request(lambda t: t.reset()))
    client.fails(one.url, 5, reads=False)
    assert (len(one.requests), one.connections) == (1, 1)


def test_a_bomb_is_not_unpacked(peer, client):
    bomb = gzip.compress(b"\0" * 50_000_000)
    one = peer(after_request(lambda t: t.answer(bomb, "200 OK", "Content-Encoding: gzip")))
    tracemalloc.start()
    error = client.fails(one.url, 5, reads=False, max_body=1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (error.code, error.failure) == ("too-big", Failure.AMBIGUOUS)
    assert peak < 8_000_000


def test_a_body_that_is_too_long_is_not_read_to_its_end(peer, client):
    def flood(talk):
        talk.say(head("\r\n"))
        while True:
            talk.say(b"x" * 100_000)

    assert client.fails(peer(after_request(flood)).url, 5, reads=False, max_body=1_000_000).code == "too-big"


@pytest.mark.parametrize("members", [1, 3])
def test_packed_bodies_are_unpacked(peer, client, members):
    body = gzip.compress(b'"' + b"x" * 300_000) + gzip.compress(b"y") * (members - 1)
    one = peer(after_request(lambda t: t.answer(body, "200 OK", "Content-Encoding: gzip")))
    assert client.ask(one.url).body == b'"' + b"x" * 300_000 + b"y" * (members - 1)


def test_nothing_listens(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = client.fails(f"http://127.0.0.1:{port}/", reads=False)
    assert (error.code, error.failure, error.sent) == ("refused", Failure.RETRY, False)


def test_nobody_takes_the_connection(client):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]  # the queue is full: further SYNs are dropped
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        error = client.fails(f"http://127.0.0.1:{listener.getsockname()[1]}/", SOON, reads=False)
        for one in waiting:
            one.close()
    assert client.took < LATE
    assert (error.code, error.failure, error.sent) == ("connect-timeout", Failure.RETRY, False)


def test_a_host_without_address(client, monkeypatch):
    def nothing(host, port, *args, **more):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(wire.socket, "getaddrinfo", nothing)
    error = client.fails("https://acme.example/", reads=False)
    assert (error.code, error.failure, error.sent) == ("dns", Failure.RETRY, False)
    assert error.text == "Name or service not known"


def test_name_servers_that_do_not_answer(client, monkeypatch):
    done = threading.Event()

    def slow(host, port, *args, flags=0, **more):
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "no number")
        done.wait(5)
        return []

    monkeypatch.setattr(wire.socket, "getaddrinfo", slow)
    error = client.fails("https://acme.example/", SOON, reads=False)
    done.set()
    assert client.took < LATE
    assert (error.code, error.failure, error.sent) == ("dns", Failure.RETRY, False)


def test_the_second_address_is_tried(peer, client, monkeypatch):
    one = peer(after_request(lambda t: t.answer()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = listener.getsockname()
    real = socket.getaddrinfo

    def two(host, port, *args, **more):
        if host != "acme.example":
            return real(host, port, *args, **more)
        if more.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "no number")
        row = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*row, dead), (*row, ("127.0.0.1", one.port))]

    monkeypatch.setattr(wire.socket, "getaddrinfo", two)
    assert client.ask(f"http://acme.example:{one.port}/").status == 200


def test_nothing_is_sent_when_the_time_is_over(peer, client):
    one = peer(after_request(lambda t: t.answer()))
    error = client.fails(one.url, 0, reads=False)
    assert (error.code, error.sent, one.connections) == ("deadline", False, 0)


def test_connections_are_kept(peer, client):
    def twice(talk):
        while talk.request():
            talk.answer(b"x" * 100_000)

    one = peer(twice)
    for _ in range(3):
        assert len(client.ask(one.url).body) == 100_000
    assert one.connections == 1


def dies_at_the_second(talk):
    """Answer the first request of the first connection, and close when the second one has come."""
    first = talk.peer.connections == 1
    while talk.request():
        if first and len(talk.peer.requests) > 1:
            return
        talk.answer()


def test_a_kept_connection_that_died_is_replaced_for_a_read(peer, client):
    one = peer(dies_at_the_second)
    client.ask(one.url)
    assert client.ask(one.url, SOON).status == 200  # no pause: there is no time for one
    assert one.connections == 2


def test_a_kept_connection_that_died_leaves_a_write_in_doubt(peer, client):
    one = peer(dies_at_the_second)
    client.ask(one.url)
    error = client.fails(one.url, 5, reads=False, body=b"{}")
    assert (error.failure, error.sent) == (Failure.AMBIGUOUS, True)
    assert (len(one.requests), one.connections) == (2, 1)


def test_a_connection_that_was_closed_meanwhile_is_opened_anew_for_a_write(peer, client):
    closed = threading.Event()

    def once(talk):
        talk.request()
        talk.answer()
        talk.wire.shutdown(socket.SHUT_RDWR)
        closed.set()

    one = peer(once)
    client.ask(one.url, reads=False)
    assert closed.wait(5)
    assert client.ask(one.url, reads=False).status == 200
    assert one.connections == 2


@pytest.mark.parametrize(("reads", "connections"), [(True, 1), (False, 2)])
def test_a_write_does_not_trust_a_connection_that_was_idle(peer, reads, connections, client):
    def serve(talk):
        while talk.request():
            talk.answer()

    one = peer(serve)
    client.clock = FakeClock()
    client.ask(one.url)
    client.clock.advance(5)
    client.ask(one.url, reads=reads)
    assert one.connections == connections


def test_more_than_was_announced_does_not_become_the_next_answer(peer, client):
    said = threading.Event()

    def script(talk):
        while talk.request():
            talk.say(head("Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"))
            said.set()

    one = peer(script)
    assert client.ask(one.url).body == b"{}"
    assert said.wait(5)
    assert client.ask(one.url).body == b"{}"


def test_the_pretended_clock_does_not_hold_a_real_answer_up(peer, client):
    client.clock = FakeClock()
    one = peer(after_request(lambda t: t.answer(b"[1]")))
    assert client.ask(one.url).json() == [1]
    assert Deadline.after(1, client.clock).remaining() == 1
