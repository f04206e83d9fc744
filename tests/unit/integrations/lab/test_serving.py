"""A portal on a real socket: asked by the standard library's client and by hand, byte by byte."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from types import MappingProxyType

import pytest
import requests
import trustme

from integrations.http import Http, Request, by_status
from integrations.lab.inprocess import InProcess
from integrations.lab.portal import COMMON_FAULTS, Portal, Said, document
from integrations.lab.serve import PortalServer
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure, ServiceError

EVIL = "<script>alert('x')</script>\"&"


class Echo(Portal):
    """Says what it was asked, and remembers it."""

    kind = "echo"
    own_faults = MappingProxyType({"own": f"a fault of its own {EVIL}"})
    slow_s = 0.15

    def __init__(self, clock, name="echo"):
        super().__init__(clock, name)
        self.seen = []

    def operation(self, asked):
        return asked.path.strip("/") or "root"

    def answer(self, asked, operation):
        self.seen.append(asked)
        if operation == "broken":
            raise RuntimeError("the lab has a mistake")
        if operation == "nothing":
            return Said(204)
        if self._hits("own", operation):
            return document({"error": "own"}, 403)
        shown = {
            "method": asked.method,
            "path": asked.path,
            "query": asked.query,
            "body": asked.body.decode("latin-1"),
            "type": asked.headers["content-type"],
            "x": asked.headers.get("x-y"),
        }
        return document(shown, 200, ("X-Twice", "a"), ("X-Twice", "b"))

    def state(self):
        return {
            "calls": [{"id": number, "evil": EVIL} for number in range(120)],
            "empty": [],
            "name": EVIL,
            "people": {"1": {"a": 1}},
            "words": ["a", EVIL],
        }

    def account(self, base_url):
        return {"url": base_url}


@pytest.fixture
def served():
    with PortalServer(Echo(SystemClock())) as server:
        yield server


@pytest.fixture
def client(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    yield connection
    connection.close()


def ask(client, method="GET", path="/a", body=None, **headers):
    client.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = client.getresponse()
    return answer, answer.read()


def test_a_request_arrives_as_it_was_sent(client):
    answer, body = ask(
        client, "POST", "/a%20b/%D1%8F?x=1&x=&y=%26", b"\x00\xff", Content_Type="text/x", X_Y="z"
    )
    assert json.loads(body) == {
        "method": "POST",
        "path": "/a b/я",
        "query": [["x", "1"], ["x", ""], ["y", "&"]],
        "body": "\x00\xff",
        "type": "text/x",
        "x": "z",
    }
    assert answer.headers.get_all("X-Twice") == ["a", "b"]


def test_a_body_in_chunks(client):
    client.request(
        "POST", "/a", iter([b"one", b"two"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True
    )
    assert json.loads(client.getresponse().read())["body"] == "onetwo"


def test_a_connection_is_kept(client):
    ask(client)
    wire = client.sock
    for _ in range(20):
        ask(client, "POST", body=b"{}")
    assert client.sock is wire is not None


def test_nothing_and_head_have_no_body(client):
    assert ask(client, path="/nothing")[1] == b""
    answer, body = ask(client, "HEAD")
    assert (body, int(answer.headers["Content-Length"]) > 0) == (b"", True)
    assert ask(client)[0].status == 200


def test_a_mistake_of_the_lab_is_seen(client, served):
    answer, body = ask(client, path="/broken")
    assert answer.status == 500
    assert b"the lab has a mistake" in body
    assert "RuntimeError" in served.complaints[0]
    assert ask(client)[0].status == 200


def by_hand(port, request=b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"):
    """Return what came back, and how it ended: `reset` or `end`."""
    with socket.create_connection(("127.0.0.1", port), 5) as wire:
        wire.sendall(request)
        got = b""
        while True:
            try:
                piece = wire.recv(65536)
            except ConnectionResetError:
                return got, "reset"
            if not piece:
                return got, "end"
            got += piece


@pytest.mark.parametrize(("fault", "done"), [("reset", 0), ("lost-answer", 1)])
def test_a_reset_is_one(served, client, fault, done, capfd):
    served.portal.switch(fault, on=True)
    assert by_hand(served.port) == (b"", "reset")
    assert len(served.portal.seen) == done
    with pytest.raises(ConnectionResetError):
        ask(client)
    served.portal.switch(fault, on=False)
    client.close()
    assert ask(client)[0].status == 200
    assert capfd.readouterr() == ("", "")


def test_a_torn_answer_breaks_off_in_the_middle(served, client, capfd):
    served.portal.switch("torn", on=True)
    got, how = by_hand(served.port)
    head, _, body = got.partition(b"\r\n\r\n")
    assert how == "reset"
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert len(body) == size // 2
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        ask(client)
    assert capfd.readouterr() == ("", "")


def test_an_endless_answer_does_not_end_until_the_server_does():
    server = PortalServer(Echo(SystemClock()))
    server.portal.switch("never-ending", on=True)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", "/a")
    answer = connection.getresponse()
    first = answer.read1()
    assert first.startswith(b"{")
    assert answer.read1() == b" "
    server.close()
    connection.close()
    assert_no_thread_is_left()


def test_a_slow_answer_is_slow(served, client):
    served.portal.switch("slow", on=True, times=1)
    started = time.monotonic()
    ask(client)
    assert time.monotonic() - started >= Echo.slow_s
    started = time.monotonic()
    ask(client)
    assert time.monotonic() - started < Echo.slow_s


@pytest.mark.parametrize(
    ("fault", "status"), [("not-json", 200), ("unavailable", 503), ("server-error", 500)]
)
def test_pages_of_proxies(served, client, fault, status):
    served.portal.switch(fault, on=True)
    answer, body = ask(client)
    assert (answer.status, body[:5]) == (status, b"<html")
    assert not served.portal.seen


def test_every_common_fault_is_one_for_our_own_client(served):
    """What `Http` makes of each, on a wire and in process: the same class."""
    session = requests.Session()
    session.mount("https://inside.example", InProcess(served.portal))
    clock = SystemClock()
    with Http(clock, by_status) as outside, Http(clock, by_status, session=session) as inside:
        for fault in COMMON_FAULTS:
            served.portal.switch(fault, on=True)
            classes = set()
            for http_, url in ((outside, served.url), (inside, "https://inside.example")):
                http_.clock = FakeClock() if http_ is inside else clock
                served.portal.clock = http_.clock
                try:
                    reply = http_.send(
                        Request("POST", f"{url}/a", "a", reads=False), Deadline.after(0.1, http_.clock)
                    )
                except ServiceError as error:
                    classes.add((error.failure, error.sent))
                else:
                    classes.add(reply.body[:5])
            served.portal.switch(fault, on=False)
            expected = b"<html" if fault == "not-json" else (Failure.AMBIGUOUS, True)
            assert classes == {expected}, fault


def test_tls(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with PortalServer(
        Echo(SystemClock()), certificate=(tmp_path / "both.pem", tmp_path / "both.pem")
    ) as server:
        assert server.url.startswith("https://")
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=5, context=context)
        for _ in range(3):
            assert ask(connection)[0].status == 200
        server.portal.switch("lost-answer", on=True)
        with pytest.raises((ConnectionResetError, ssl.SSLError)):
            ask(connection)
        connection.close()
        with pytest.raises(ssl.SSLError):
            ask(http.client.HTTPSConnection("127.0.0.1", server.port, timeout=5))
        assert not any("Traceback" in complaint for complaint in server.complaints.copy())


def assert_no_thread_is_left():
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "portal" in name or "Server" in name]


def test_starting_and_stopping_is_quick_and_leaves_nothing():
    before = threading.active_count()
    times = []
    for _ in range(5):
        started = time.monotonic()
        server = PortalServer(Echo(SystemClock()))
        ready = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        ask(connection)
        stopping = time.monotonic()
        server.close()
        server.close()
        times.append((ready - started, time.monotonic() - stopping))
        connection.close()
    assert threading.active_count() == before
    assert min(start for start, _ in times) < 0.05
    assert min(stop for _, stop in times) < 0.05


def test_a_port_in_use(served):
    with pytest.raises(OSError, match="in use"):
        PortalServer(Echo(SystemClock()), served.port)


def test_many_clients_at_once(served):
    wrong = []

    def work(number):
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
        for place in range(20):
            _, body = ask(connection, "POST", f"/{number}/{place}", b"x" * number)
            if json.loads(body)["path"] != f"/{number}/{place}":
                wrong.append(number)
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(served.portal.operations) == 320


# --- the control page ---


def test_the_page_shows_everything_and_runs_nothing(client, served):
    served.portal.switch("own", on=True, operations=EVIL, times=3)
    ask(client, path="/%3Cscript%3Ealert('x')%3C/script%3E")
    answer, page = ask(client, path="/_lab/")
    text = page.decode()
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in text
    assert "3 more times" in text
    assert all(f"<code>{fault}</code>" in text for fault in served.portal.faults)
    assert "the first 50 shown" in text


def test_a_form_switches_and_leads_back(client, served):
    form = "application/x-www-form-urlencoded"
    answer, _ = ask(client, "POST", "/_lab/fault", b"fault=own&on=1&operations=&times=", Content_Type=form)
    assert (answer.status, answer.headers["Location"]) == (303, "/_lab/")
    assert served.portal.active == ("own",)
    assert ask(client)[0].status == 403
    ask(client, "POST", "/_lab/fault", b"fault=own&on=0", Content_Type=form)
    assert served.portal.active == ()


@pytest.mark.parametrize("off", [{"on": False}, {"on": 0}, {"on": "false"}, {"on": None}, {}])
def test_programs_switch_by_json(client, served, off):
    wanted = {"fault": "slow", "on": True, "operations": "b*", "times": 2}
    answer, body = ask(client, "POST", "/_lab/fault", json.dumps(wanted))
    assert (answer.status, json.loads(body)) == (200, {"active": ["slow"]})
    assert served.portal.switched["slow"][1:] == ("b*", 2)
    ask(client, "POST", "/_lab/fault", json.dumps({"fault": "slow", **off}))
    assert served.portal.active == ()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("[]", 400),
        ("nonsense", 400),
        ("{}", 404),
        ('{"fault": "no"}', 404),
        ('{"fault": ["own"]}', 404),
        ('{"fault": "own", "on": true, "times": 0}', 400),
        ('{"fault": "own", "on": true, "times": -1}', 400),
        ('{"fault": "own", "on": true, "times": [1]}', 400),
        ('{"fault": "own", "on": true, "times": "x"}', 400),
    ],
)
def test_wrong_wishes(client, served, body, status):
    answer, said = ask(client, "POST", "/_lab/fault", body)
    assert answer.status == status
    assert "error" in json.loads(said)
    assert served.portal.active == ()


def test_the_state_whole_and_in_parts(client, served):
    assert json.loads(ask(client, path="/_lab/state")[1]) == served.portal.state()
    part = json.loads(ask(client, path="/_lab/state?section=calls&offset=100&limit=3")[1])
    assert [call["id"] for call in part["calls"]] == [100, 101, 102]
    assert ask(client, path="/_lab/state?section=no")[0].status == 404


def test_the_faults_as_json(client, served):
    served.portal.switch("own", on=True, times=3)
    rows = {row["fault"]: row for row in json.loads(ask(client, path="/_lab/faults")[1])["faults"]}
    assert set(rows) == set(served.portal.faults)
    assert (rows["own"]["on"], rows["own"]["times"], rows["slow"]["on"]) == (True, 3, False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_lab/fault", 405),
        ("POST", "/_lab/", 405),
        ("GET", "/_lab/no", 404),
        ("GET", "/_labour", 200),
        ("GET", "/_lab", 200),
    ],
)
def test_other_pages(client, served, method, path, status):
    assert ask(client, method, path)[0].status == status


def test_the_control_page_is_no_request_of_the_portal(client, served):
    served.portal.switch("reset", on=True)
    assert ask(client, path="/_lab/")[0].status == 200
    assert served.portal.operations == []
