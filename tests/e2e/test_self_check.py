"""The customer's command, as a customer runs it: no options, another program's output, a real terminal."""

from __future__ import annotations

import http.server
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from supportctl.app.self_check import PAGE_NAME

EXIT_USAGE, EXIT_FAULT = 2, 3
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
COMMAND = [sys.executable, "-m", "supportctl", "self-check"]


@pytest.fixture
def nobody():
    """A port of this computer where nobody listens, held so that it stays so."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def open_internet():
    """The page that shows an open internet, on this computer: the test must not leave it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def time_server():
    """A time server on this computer that agrees with its clock."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve():
            while (question := server.recvfrom(512))[0] != b"end":
                now = struct.pack(">II", int(time.time()) + NTP_EPOCH, 0)
                head = struct.pack(
                    ">BBbbII4s", 0x24, 1, 6, -20, 0, 0, b"TEST"
                )  # RFC 5905, 7.3: version 4, server
                server.sendto(head + now + question[0][40:48] + now + now, question[1])

        thread = threading.Thread(target=serve)
        thread.start()
        address = server.getsockname()
        yield f"127.0.0.1:{address[1]}"
        server.sendto(b"end", address)
        thread.join()


@pytest.fixture
def till(tmp_path, nobody, open_internet, time_server):
    """A folder with the configuration of a till whose printer refuses connections."""
    (tmp_path / "supportctl.yaml").write_text(
        "site: {id: shop-12}\n"
        f"targets: [{{name: bar-printer, url: 'escpos+tcp://127.0.0.1:{nobody}'}}]\n"
        f"network: {{connectivity_urls: ['http://{open_internet}/204'], ntp: ['{time_server}'], "
        f"hosts: ['{open_internet}']}}\n",
        encoding="utf-8",
    )
    return tmp_path


def run(folder, *words):
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("lang", "do", "page"), [("en", "Do this: ", "file: "), ("ru", "Что сделать: ", "файле: ")]
)
def test_five_lines_then_the_rest_and_the_page(till, lang, do, page):
    done = run(till, "--lang", lang)
    assert done.returncode == EXIT_FAULT, done.stderr
    first, _, rest = done.stdout.partition("\n\n")
    lines = first.splitlines()
    assert len(lines) <= 5
    assert any(line.startswith(do) for line in lines)
    assert f"{page}{till / PAGE_NAME}" in rest
    assert f'<html lang="{lang}">' in (till / PAGE_NAME).read_text(encoding="utf-8")
    assert done.stderr == ""  # no progress where nobody watches
    for technical in ("://", "127.0.0.1", "link.", "escpos"):
        assert technical not in first


def test_json_is_one_document_and_the_page_is_written_all_the_same(till):
    done = run(till, "--format", "json")
    document = json.loads(done.stdout)
    assert done.returncode == EXIT_FAULT
    assert document["verdict"] == "fault"
    assert "link.refused" in {finding["code"] for finding in document["findings"]}
    assert str(till / PAGE_NAME) in done.stderr
    assert (till / PAGE_NAME).is_file()


def test_somebody_elses_file_of_that_name_is_kept(till):
    (till / PAGE_NAME).write_text("accounts of the year")
    run(till)
    assert (till / PAGE_NAME).read_text() == "accounts of the year"
    assert len(list(till.glob("supportctl-report-*.html"))) == 1


@pytest.mark.parametrize(("answer", "packed"), [(b"\n", 0), (b"n\n", 0), (b"y\n", 1)])
def test_on_a_terminal_it_says_what_it_does_in_plain_words_and_offers_a_bundle(till, answer, packed):
    pty = pytest.importorskip("pty")  # Windows has none
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "--lang", "en"], cwd=till, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # Linux: the other end is closed
                break
            if not piece:
                break
            if b"[y/N]" in shown + piece and b"[y/N]" not in shown:
                os.write(ours, answer)
            shown += piece
    os.close(ours)
    bundles = list(till.glob("supportctl-bundle-*.zip"))
    assert len(bundles) == packed
    assert all(str(path) in shown.decode().replace("\r\n", "") for path in bundles)
    text = shown.decode()
    assert process.returncode == EXIT_FAULT
    assert text.startswith("Checking. Nothing is changed and nothing is printed.")
    assert "Checked " in text
    assert PAGE_NAME in text
    progress = text.partition("Do this: ")[0]
    assert "bar-printer" not in progress
    assert "://" not in progress


def test_a_broken_configuration_is_said_kindly(tmp_path):
    (tmp_path / "supportctl.yaml").write_text("targets: [{name: x, ulr: y}]\n")
    done = run(tmp_path, "--lang", "ru")
    assert done.returncode == EXIT_USAGE
    assert "Что делать:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / PAGE_NAME).exists()
