"""What is sent and what is not: redirects, proxies, passwords, cookies, repetitions; and nothing leaks."""

from __future__ import annotations

import io
import sys

import pytest
import requests

from integrations.http import Http, Reply, Request, by_status
from integrations.pace import Pacer
from supportctl.core import log
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure, ServiceError

SECRET = "tOkEn-5e1f0c"


def answering(*statuses, headers=()):
    """Answer with these statuses in turn, the last one for ever."""

    def script(talk):
        while talk.request():
            status = statuses[min(len(talk.peer.requests), len(statuses)) - 1]
            talk.answer(b"{}", status, *headers)

    return script


def test_a_redirect_is_not_followed_and_its_path_is_not_told(peer, client):
    other = peer(answering("200 OK"))
    one = peer(answering("302 Found", headers=(f"Location: {other.url}/rest/1/{SECRET}/?auth={SECRET}",)))
    error = client.fails(one.url, 5, reads=False, body=b"{}")
    assert (error.failure, error.code, error.status) == (Failure.CONFIGURATION, "redirect", 302)
    assert other.url in error.text
    assert SECRET not in str(error)
    assert other.connections == 0


def test_netrc_is_not_read(peer, client, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    one = peer(answering("200 OK"))
    client.ask(one.url)
    assert b"uthorization" not in one.requests[0]


def test_cookies_are_not_kept(peer, client):
    one = peer(answering("200 OK", headers=("Set-Cookie: session=1; Path=/",)))
    client.ask(one.url)
    client.ask(one.url)
    assert b"ookie" not in one.requests[1]


def test_a_proxy_of_the_environment_is_used_but_not_for_this_computer(peer, monkeypatch):
    proxy = peer(answering("407 Proxy Authentication Required"))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    local = peer(answering("200 OK"))
    with Http(SystemClock(), by_status) as http:
        deadline = Deadline.after(5, SystemClock())
        http.send(Request("GET", local.url, "test", reads=True), deadline)
        assert proxy.connections == 0
        with pytest.raises(ServiceError) as caught:
            http.send(Request("POST", f"https://acme.example/{SECRET}", "test", reads=False), deadline)
    assert proxy.requests[0].startswith(b"CONNECT acme.example:443")
    assert (caught.value.failure, caught.value.code, caught.value.sent) == (
        Failure.CONFIGURATION,
        "proxy",
        False,
    )


def test_a_proxy_that_drips_ends_by_the_deadline(peer, monkeypatch, client):
    monkeypatch.setenv("HTTPS_PROXY", peer(lambda talk: (talk.request(), talk.drip(b"H"))).url)
    error = client.fails("https://acme.example/", reads=False)
    assert client.took < 5  # it drips for ever
    assert not error.sent


def test_a_dead_proxy_is_a_certain_failure(monkeypatch, client):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    error = client.fails("https://acme.example/", reads=False)
    assert (error.failure, error.code, error.sent) == (Failure.RETRY, "proxy", False)


def test_a_socks_proxy_is_a_matter_of_configuration(monkeypatch, client):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    error = client.fails("https://acme.example/", reads=False)
    assert (error.failure, error.code, error.sent) == (Failure.CONFIGURATION, "proxy", False)


NO_ADDRESSES = [
    "http://[bad", "ftp://127.0.0.1/", "no-address", "http://", "http://a b/", "https://\udcff.example/", "",
    "http://127.0.0.1:99999/", f"http://{'a' * 300}/", "http://127.0.0.1:x/",
]  # fmt: skip


@pytest.mark.parametrize("address", NO_ADDRESSES, ids=range(len(NO_ADDRESSES)))
def test_an_address_that_is_none(client, address):
    error = client.fails(address, 5, reads=False)
    assert error.failure in {Failure.CONFIGURATION, Failure.RETRY}
    assert not error.sent


@pytest.mark.parametrize(
    "token", ["tоken", "token\r\nX: y", "token\n"]
)  # the first one has a Cyrillic letter
def test_a_token_that_no_header_can_carry(peer, client, token):
    one = peer(answering("200 OK"))
    error = client.fails(one.url, 5, reads=False, headers={"Authorization": token})
    assert (error.failure, error.code, error.sent) == (Failure.CONFIGURATION, "bad-request", False)
    assert "Authorization" in error.text
    assert "token" not in error.text
    assert not one.requests


def test_what_is_sent(peer, client):
    one = peer(answering("200 OK"))
    client.ask(
        one.url + "/a", params=(("x", "1"), ("x", "é")), headers={"X-Y": "z"}, body=b"\x00\xff", reads=False
    )
    lines = one.requests[0].split(b"\r\n")
    assert lines[0] == b"POST /a?x=1&x=%C3%A9 HTTP/1.1"
    assert {b"User-Agent: supportctl", b"Accept-Encoding: gzip", b"X-Y: z", b"Content-Length: 2"} <= set(
        lines
    )
    assert one.requests[0].endswith(b"\r\n\r\n\x00\xff")


BROKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nbroken header\r\n: x\r\n\r\n"
LEAKS = {
    "refused": lambda peer: "http://127.0.0.1:1",
    "reset": lambda peer: peer(lambda t: (t.request(), t.reset())).url,
    "silent": lambda peer: peer(lambda t: (t.request(), t.hang())).url,
    "broken": lambda peer: peer(lambda t: (t.request(), t.say(BROKEN))).url,
    "status": lambda peer: peer(answering("500 Oops")).url,
    "redirect": lambda peer: peer(answering("301 Moved", headers=(f"Location: /{SECRET}",))).url,
    "no-tls": lambda peer: peer(lambda t: t.say(b"HTTP/1.1 400 Bad\r\n\r\n")).url.replace("http:", "https:"),
    "bad-address": lambda peer: "http://[bad",
    "dns": lambda peer: "https://no-such-host.invalid",
}  # fmt: skip


@pytest.mark.parametrize("fault", LEAKS)
def test_no_secret_is_told_or_logged(peer, client, fault, caplog, monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log.configure("debug", "json")
    caplog.set_level("DEBUG")
    address = LEAKS[fault](peer) + f"/rest/1/{SECRET}/method?auth={SECRET}"
    try:
        error = client.fails(address, reads=False, body=SECRET.encode(), params={"token": SECRET})
    finally:
        log.configure("warning", "text")
    told = f"{error} {error!r} {error.args} {error.code} {written.getvalue()} {caplog.text}"
    assert SECRET not in told
    assert '"operation": "test"' in written.getvalue() or fault == "bad-address"


def test_a_log_line_is_bounded(peer, client, monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log.configure("debug", "json")
    one = peer(answering("200 OK"))
    client.http.send(Request("GET", one.url, "x" * 10_000, reads=True), Deadline.after(5, client.clock))
    log.configure("warning", "text")
    assert 0 < len(written.getvalue()) < 500


class Scripted(requests.adapters.BaseAdapter):
    """Answers from a list, without a wire."""

    def __init__(self, *replies):
        super().__init__()
        self.replies = list(replies)
        self.asked = 0

    def send(self, request, **_):
        self.asked += 1
        status, headers = self.replies.pop(0)
        answer = requests.Response()
        answer.status_code = status
        answer.headers.update(headers)
        answer.raw = __import__("urllib3").HTTPResponse(io.BytesIO(b"{}"), preload_content=False)
        return answer

    def close(self):
        pass


def scripted(clock, *replies, **more):
    session = requests.Session()
    adapter = Scripted(*replies)
    session.mount("https://acme.example", adapter)
    return Http(clock, by_status, session=session, **more), adapter


def request(*, reads):
    return Request("GET", "https://acme.example/", "test", reads=reads)


def test_a_read_is_repeated_with_growing_pauses():
    clock = FakeClock()
    http, adapter = scripted(clock, (503, {}), (502, {}), (200, {}))
    assert http.send(request(reads=True), Deadline.after(60, clock)).status == 200
    assert (adapter.asked, clock.monotonic()) == (3, 1.5)


def test_a_write_is_not():
    http, adapter = scripted(FakeClock(), (503, {}), (200, {}))
    with pytest.raises(ServiceError):
        http.send(request(reads=False), Deadline.after(60, http.clock))
    assert adapter.asked == 1


def test_a_read_gives_up_at_last():
    http, adapter = scripted(FakeClock(), *[(500, {})] * 9)
    with pytest.raises(ServiceError) as caught:
        http.send(request(reads=True), Deadline.after(60, http.clock))
    assert (caught.value.status, adapter.asked) == (500, 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_a_person_has_to_change_is_not_repeated(status):
    http, adapter = scripted(FakeClock(), *[(status, {})] * 9)
    with pytest.raises(ServiceError):
        http.send(request(reads=True), Deadline.after(60, http.clock))
    assert adapter.asked == 1


def test_a_short_limit_is_waited_for():
    clock = FakeClock()
    http, _ = scripted(clock, (429, {"Retry-After": "7"}), (200, {}))
    http.send(request(reads=True), Deadline.after(60, clock))
    assert clock.monotonic() == 7


def test_a_long_limit_is_handed_on():
    clock = FakeClock()
    http, adapter = scripted(clock, (429, {"Retry-After": "600"}), (200, {}))
    with pytest.raises(ServiceError) as caught:
        http.send(request(reads=True), Deadline.after(3600, clock))
    assert (caught.value.retry_at - clock.now()).total_seconds() == 600
    assert (adapter.asked, clock.monotonic()) == (1, 0)


def test_a_limit_holds_for_the_requests_that_follow_too():
    clock = FakeClock()
    http, adapter = scripted(clock, (429, {"Retry-After": "600"}), (200, {}), pacer=Pacer(10, clock))
    with pytest.raises(ServiceError):
        http.send(request(reads=False), Deadline.after(60, clock))
    with pytest.raises(ServiceError) as caught:
        http.send(request(reads=False), Deadline.after(60, clock))
    assert (caught.value.code, caught.value.failure, caught.value.sent) == ("own-limit", Failure.WAIT, False)
    assert (caught.value.retry_at - clock.now()).total_seconds() == 600
    assert adapter.asked == 1


def test_a_limit_of_one_method_does_not_stop_the_others():
    clock = FakeClock()
    pacer = Pacer(10, clock)

    def judge(asked: Request, reply: Reply):
        error = by_status(asked, reply)
        if error:
            error.method = asked.operation
        return error

    session = requests.Session()
    session.mount("https://acme.example", Scripted((429, {"Retry-After": "600"}), (200, {})))
    http = Http(clock, judge, session=session, pacer=pacer)
    with pytest.raises(ServiceError):
        http.send(request(reads=False), Deadline.after(60, clock))
    assert http.send(request(reads=False), Deadline.after(60, clock)).status == 200


def test_a_session_that_is_handed_in_keeps_its_own_adapters():
    http, _ = scripted(FakeClock(), (200, {}))
    assert isinstance(http._session.get_adapter("https://acme.example/x"), Scripted)
    assert type(http._session.get_adapter("https://other.example/")).__module__ == "integrations.wire"
