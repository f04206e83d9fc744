"""Which beginnings of files are sound, what is said of others, and where nothing is fetched from."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sync.fetching import HeadFetcher
from integrations.sync.recordings import HEAD_BYTES, Head, Recording, candidate, is_sound, judge_head, verify
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

MP3_FRAME = bytes.fromhex("fffb9064")
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
SOUNDS = {
    "wav": WAV, "mp3": MP3_FRAME, "mp3 with a tag": b"ID3\x04", "mpeg 2 layer 3": bytes.fromhex("fff384c4"),
    "ogg": b"OggS\x00", "flac": b"fLaC", "amr": b"#!AMR\n", "m4a": b"\x00\x00\x00\x20ftypM4A ",
    "webm": b"\x1aE\xdf\xa3",
    "aac": bytes.fromhex("fff15080"), "mp3 after zeros": b"\0" * 40 + MP3_FRAME,
}  # fmt: skip


@pytest.mark.parametrize("name", SOUNDS)
def test_sound(name):
    assert is_sound(SOUNDS[name] + bytes(20))


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (Head(200, WAV), ("sound", "")),
        (Head(206, MP3_FRAME, size=90_000), ("sound", "")),
        (Head(404, b"<html>"), ("broken", "gone")),
        (Head(410, b""), ("broken", "gone")),
        (Head(200, b""), ("broken", "empty")),
        (Head(206, b"", size=0), ("broken", "empty")),
        (Head(416, b""), ("broken", "empty")),
        (Head(200, b"\xef\xbb\xbf <!DOCTYPE html>", "text/html"), ("broken", "web-page")),
        (Head(200, b'{"error": "no file"}'), ("broken", "no-sound")),
        (Head(200, b"RIFF\x24\x00\x00\x00AVI LIST"), ("broken", "no-sound")),
        (Head(200, b"\xff\xff\xff\xff"), ("broken", "no-sound")),
        (Head(401, b""), ("unverified", "http-401")),
        (Head(403, b""), ("unverified", "http-403")),
        (Head(503, b""), ("unverified", "http-503")),
    ],
)
def test_verdict(head, said):
    assert judge_head(head) == said


@given(st.binary(max_size=40))
def test_any_bytes_are_judged(body):
    assert judge_head(Head(200, body))[0] in {"sound", "broken"}


def test_text_is_no_sound():
    assert not any(is_sound(text.encode()) for text in ("hello world", "<html>", '{"a":1}', "", " ", "ÿ"))


def test_order_is_kept_and_few_at_once():
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(4, timeout=5)

    def fetch(url):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1
        return "connection" if url.endswith("7") else Head(200, WAV)

    asked = [Recording(n, f"https://x.example/{n}", "crm") for n in range(20)]
    verdicts = list(verify(asked, fetch, workers=4))
    assert [v.key for v in verdicts] == list(range(20))
    assert [v.key for v in verdicts if v.state == "unverified"] == [7, 17]
    assert most == 4


def test_not_all_recordings_are_taken_before_the_first_verdict():
    taken = []

    def endless():
        for n in range(10**9):
            taken.append(n)
            yield Recording(n, "https://x.example/", "crm")

    found = verify(endless(), lambda _: Head(404, b""), workers=2)
    assert next(found).reason == "gone"
    assert len(taken) <= 5
    found.close()


def test_whose_link_is_looked_at(words):
    both = (
        words.call("a", 0, recording_url="https://t.example/1"),
        words.record("1", 0, recording_url="https://c.example/1"),
    )
    assert candidate(4, *both) == Recording(4, "https://c.example/1", "crm")
    assert candidate(4, both[0], words.record("1", 0)) == Recording(4, "https://t.example/1", "telephony")
    assert candidate(4, words.call("a", 0, recording_url="/var/spool/1.wav"), words.record("1", 0)) is None


def test_broken_recording_is_a_gap_that_says_whose_it_is(words):
    from integrations.sync.compare import Comparison

    link = "https://t.example/"
    calls = [
        words.call(n, 900 * i, recording_url=link + n)
        for i, n in enumerate(("good", "gone", "missing", "lost"))
    ]
    records = [
        words.record("1", 0, external_id="good"),
        words.record("2", 900, external_id="gone"),
        words.record("3", 1800, external_id="missing", recording=False),
    ]
    asked = []

    def fetch(url):
        asked.append(url)
        return Head(404, b"") if url.endswith("gone") else Head(200, WAV)

    with Comparison(words.WINDOW, words.settings(), words.NOW) as comparison:
        comparison.take_calls(calls)
        comparison.take_records(records)
        result = comparison.result(verify=lambda some: verify(some, fetch))
        assert words.told(result) == [
            ("call-missing", "lost"),
            ("recording-broken", "gone"),
            ("recording-missing", "missing"),
        ]
        (broken,) = (gap for gap in result.gaps if gap.code == "sync.recording-broken")
    assert sorted(asked) == [link + "gone", link + "good"]
    assert broken.details == {"side": "telephony", "reason": "gone"}
    assert broken.document()["resendable"] is False  # what the telephony has not got cannot be sent


class _Files(BaseHTTPRequestHandler):
    asked: list[tuple[str, str]]

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Range", "")))
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.partition("?")[2])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = WAV + bytes(100_000)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # only the beginning was wanted

    def log_message(self, *args):
        pass


@contextmanager
def files():
    handler = type("Files", (_Files,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", f"localhost:{server.server_port}", handler.asked
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def fetcher(*own):
    clock = SystemClock()
    with HeadFetcher(clock, Deadline.after(10, clock), own) as fetch:
        yield fetch


def test_only_the_beginning_is_fetched_from_the_accounts_own_host():
    with files() as (host, _, asked), fetcher("127.0.0.1") as fetch:
        head = fetch(f"http://{host}/a.wav")
        assert (head.status, len(head.body), head.size) == (200, HEAD_BYTES, len(WAV) + 100_000)
        assert asked == [("/a.wav", "bytes=0-511")]


def test_nothing_is_asked_of_the_local_network():
    with files() as (host, name, asked), fetcher("pbx.example") as fetch:
        assert fetch(f"http://{host}/a.wav") == "private-address"
        assert fetch(f"http://{name}/a.wav") == "private-address"  # a name that leads inside
        for inside in (
            "10.0.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "100.64.0.1",
            "0.0.0.0",
        ):
            assert fetch(f"http://{inside}/a.wav") == "private-address"
        assert asked == []


def test_redirect_leads_nobody_inside():
    with files() as (host, name, asked), fetcher("localhost") as fetch:
        assert fetch(f"http://{name}/to?/b.wav").body.startswith(WAV)
        assert fetch(f"http://{name}/to?http://{host}/b.wav") == "private-address"
        assert fetch(f"http://{name}/to?file:///etc/passwd") == "redirect"
        assert fetch(f"http://{name}/to?/to?/to?/to?/to?/to?/c.wav") == "redirect"
        assert fetch("http://[/x") == "bad-address"
        assert {path for path, _ in asked if path.endswith("c.wav")} != {"/c.wav"}
