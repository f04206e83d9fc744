"""Silence, noise and broken answers over real wires: the same words for a socket and for a serial port."""

import os
import sys
import threading

import pytest

from probes.context import ProbeContext
from probes.links import LinkError, open_link
from probes.links.exchange import Conversation, exactly
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
ENQ = b"\x05"
SEVEN_EVEN = bytes(byte | 0x80 * (byte.bit_count() & 1) for byte in b"ST,GS,+  1.234kg\r\n")


class Device:
    """Answers the first bytes that come with `answer`, in pieces; None closes the wire."""

    def __init__(self, *answer):
        self.answer = answer

    def on_socket(self, connection):
        connection.recv(100)
        for piece in self.answer:
            if piece is None:
                return
            connection.sendall(piece)
        connection.recv(100)

    def on_pty(self, pty):
        os.read(pty.master, 100)
        for piece in self.answer:
            if piece is None:
                pty.wait_until_read()
                pty.hang_up()
            else:
                os.write(pty.master, piece)


@pytest.fixture(params=["socket", "pty"])
def wired(request, serve, opened, clock, soon):
    """Return a function that connects a device, and gives the conversation with it."""

    def connect(device) -> Conversation:
        if request.param == "socket":
            url = serve(device.on_socket).url
        else:
            pty = request.getfixturevalue("pty")
            url = pty.url
        link = opened(url)
        if request.param == "pty":
            threading.Thread(target=device.on_pty, args=(pty,), daemon=True).start()
        return Conversation(ProbeContext(link.target, soon(), clock, open_link), link)

    return connect


def test_an_answer_in_pieces(wired):
    answer = wired(Device(b"\x02", b"\x03", b"\x04rest")).ask("ENQ", ENQ, exactly(3), wait=10)
    assert (answer.outcome, answer.data) == ("answered", b"\x02\x03\x04")


def test_silent(wired):
    talk = wired(Device())
    found = talk.unanswered(talk.ask("ENQ", ENQ, exactly(1), wait=0.3))
    assert (found.code, found.status) == ("link.silent", Status.FAULT)
    assert found.evidence[0].meaning == "link.no-answer"


@pytest.mark.parametrize(
    ("said", "code", "meaning"),
    [
        (SEVEN_EVEN, "link.garbled", "link.wrong-parity"),
        (bytes.fromhex("ff95fe00d5ffea80ab00"), "link.garbled", "link.wrong-speed"),
        (ENQ * 2, "link.garbled", "link.echo"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "link.wrong-device", "link.web-server"),
    ],
)
def test_noise(wired, said, code, meaning):
    talk = wired(Device(said))
    found = talk.unanswered(talk.ask("ENQ", ENQ, exactly(1000), wait=0.3))
    assert (found.code, found.evidence[0].meaning) == (code, meaning)
    assert (found.evidence[0].sent, found.evidence[0].got) == (ENQ.hex(), said.hex())


@pytest.mark.parametrize(("answer", "meaning"), [((b"\x02", None), "in-answer"), ((None,), "before-answer")])
def test_closed(request, wired, answer, meaning):
    with pytest.raises(LinkError) as caught:
        wired(Device(*answer)).ask("ENQ", ENQ, exactly(5), wait=10)
    meanings = {f"link.closed-{meaning}"}
    if "pty" in request.node.name:  # a terminal that hangs up may lose its last bytes
        meanings.add("link.closed-before-answer")
    assert caught.value.code == "link.closed"
    assert caught.value.evidence[0].meaning in meanings


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize(
    "url",
    [
        "tcp://127.0.0.1:1", "tcp://no-such-host.invalid:9100", "serial:///dev/ttyUSB97", "serial:///dev/null",
        "http://127.0.0.1:1", "usb://dead:beef",
    ],
)  # fmt: skip
def test_no_text_has_a_hole(failure, clock, soon, url, lang):
    """A text asks for `{argument}`: what the link did not give would be shown as a question mark."""
    error = failure(url)
    finding = ProbeContext(parse_target(url), soon(), clock, open_link).link_failed(error)
    told = describe(finding, Catalog(lang))
    texts = [
        told.title,
        told.explanation,
        *(r.text for r in told.remedies),
        *(e.meaning for e in told.evidence),
    ]
    assert not [text for text in texts if "?" in text]
