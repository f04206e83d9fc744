"""Real TLS servers with everything that can be wrong with one, on the loopback."""

from __future__ import annotations

import contextlib
import ssl
import struct
import threading
import warnings
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from probes.context import ProbeContext, ProbeSettings
from probes.links import open_link
from probes.network.answers import WebProbe
from probes.network.tls import TlsProbe
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator
    from pathlib import Path

    from supportctl.core.finding import Finding

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
NAME = "ofd.shop.example"


class Shop(NamedTuple):
    """A certificate authority, and the server certificates that it signs."""

    authority: trustme.CA
    ca: Path

    def server(
        self, *names: str, since: datetime | None = None, until: datetime | None = None
    ) -> ssl.SSLContext:
        issued = self.authority.issue_cert(*(names or (NAME,)), not_before=since, not_after=until)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        return context


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    authority = trustme.CA(organization_name="Shop CA")
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return Shop(authority, path)


@pytest.fixture
def serve() -> Generator[Callable[..., int]]:
    """Return a function that serves TLS (or what a handler does before it) and gives the port."""
    import socket as sockets

    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def talk(raw: socket.socket, context: ssl.SSLContext | None, answer: bytes) -> None:
        raw.settimeout(5)
        with contextlib.closing(raw), contextlib.suppress(OSError):
            if context is None:
                if answer:
                    raw.sendall(answer)
                raw.recv(4096)
                raw.recv(4096)
                return
            with context.wrap_socket(raw, server_side=True) as secure:
                if secure.recv(4096):
                    secure.sendall(answer)

    def accept(listener: socket.socket, context: ssl.SSLContext | None, answer: bytes) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=talk, args=(client, context, answer), daemon=True))
            threads[-1].start()

    def start(context: ssl.SSLContext | None, answer: bytes = b"") -> int:
        listener = sockets.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threads.append(threading.Thread(target=accept, args=(listener, context, answer), daemon=True))
        threads[-1].start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.shutdown(sockets.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(5)


@pytest.fixture
def time_server() -> Generator[int]:
    """Return the port of an NTP server with the right time (RFC 5905, 7.3)."""
    import socket as sockets

    wire = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
    wire.bind(("127.0.0.1", 0))

    def run() -> None:
        while (received := wire.recvfrom(512))[0] != b"stop":
            question, source = received
            seconds = (datetime.now(UTC) - datetime(1900, 1, 1, tzinfo=UTC)).total_seconds()
            now = struct.pack("!II", int(seconds), int(seconds % 1 * 2**32))
            head = struct.pack("!BBBbII4s", 4 << 3 | 4, 1, 6, -20, 0, 0, b"GPS\0")
            wire.sendto(head + now + question[40:48] + now + now, source)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield wire.getsockname()[1]
    wire.sendto(b"stop", wire.getsockname())
    thread.join(5)
    wire.close()


def ask(url: str, probe=None, *, seconds: float = 10, **settings) -> list[Finding]:
    clock = SystemClock()
    context = ProbeContext(
        parse_target(url), Deadline.after(seconds, clock), clock, open_link, ProbeSettings(**settings)
    )
    probe = probe or TlsProbe()
    found = list(probe.run(context))
    assert {finding.code for finding in found} <= probe.codes
    return found


def told(found: list[Finding]) -> list[tuple[str, Status]]:
    return [(finding.code, finding.status) for finding in found]


def url(port: int, ca: Path | None = None, scheme: str = "tls") -> str:
    return f"{scheme}://127.0.0.1:{port}?name={NAME}" + (f"&ca={ca}" if ca else "")


def web(when: datetime) -> bytes:
    date = format_datetime(when, usegmt=True)
    return f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_healthy_server(shop, serve) -> None:
    (finding,) = ask(url(serve(shop.server(until=NOW + 90 * DAY)), shop.ca))
    assert (finding.code, finding.status) == ("net.tls", Status.OK)
    assert finding.args["days"] in {89, 90}
    assert finding.evidence[0].got.startswith("TLSv1.3")


def test_a_certificate_that_ends_soon(shop, serve) -> None:
    assert told(ask(url(serve(shop.server(until=NOW + 10 * DAY)), shop.ca))) == [
        ("net.tls-expiring", Status.WARNING)
    ]


def test_a_certificate_that_has_ended(shop, serve) -> None:
    context = shop.server(since=NOW - 90 * DAY, until=NOW - 2 * DAY)
    assert told(ask(url(serve(context, web(NOW)), shop.ca))) == [("net.tls-expired", Status.FAULT)]
    # the same without a web server behind it, so that nobody tells the time
    assert told(ask(url(serve(context), shop.ca))) == [("net.tls-expired", Status.FAULT)]


def test_a_certificate_of_tomorrow(shop, serve) -> None:
    context = shop.server(since=NOW + 2 * DAY, until=NOW + 90 * DAY)
    assert told(ask(url(serve(context, web(NOW)), shop.ca))) == [("net.tls-not-yet-valid", Status.FAULT)]


@pytest.mark.parametrize(
    ("since", "until", "truth", "code"),
    [
        (NOW + 30 * DAY, NOW + 90 * DAY, NOW + 60 * DAY, "net.tls-not-yet-valid"),
        (NOW - 90 * DAY, NOW - 30 * DAY, NOW - 60 * DAY, "net.tls-expired"),
    ],
)
def test_the_clock_here_is_the_true_cause(shop, serve, since, until, truth, code) -> None:
    found = ask(url(serve(shop.server(since=since, until=until), web(truth)), shop.ca))
    assert told(found) == [("host.clock-drift", Status.FAULT), (code, Status.SKIPPED)]
    clock, skipped = found
    assert clock.target == "host:///"
    assert clock.args["correct"][:10] == truth.strftime("%d.%m.%Y")
    assert skipped.because == "host.clock-drift"


def test_a_certificate_for_another_name(shop, serve) -> None:
    (finding,) = ask(url(serve(shop.server("other.example", until=NOW + 90 * DAY)), shop.ca))
    assert (finding.code, finding.status) == ("net.tls-name", Status.FAULT)
    assert finding.args["names"] == "other.example"


def test_an_unknown_authority(shop, serve) -> None:
    (finding,) = ask(url(serve(shop.server(until=NOW + 90 * DAY))))
    assert (finding.code, finding.status) == ("net.tls-untrusted", Status.FAULT)
    assert finding.args["issuer"] != "-"


def _own(tmp_path: Path, issuer: str | None) -> ssl.SSLContext:
    """A server certificate, signed by itself or in the name of `issuer`, as an interceptor makes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    signer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]) if issuer else subject
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(signer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY).not_valid_after(NOW + 90 * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_self_signed_certificate(serve, tmp_path) -> None:
    (finding,) = ask(url(serve(_own(tmp_path, None))))
    assert (finding.code, finding.status) == ("net.tls-untrusted", Status.FAULT)
    assert "self-signed" in finding.evidence[0].got


def test_an_antivirus_in_the_middle_is_named(serve, tmp_path) -> None:
    (finding,) = ask(url(serve(_own(tmp_path, "Kaspersky Anti-Virus Personal Root Certificate"))))
    assert (finding.code, finding.status) == ("net.tls-intercepted", Status.FAULT)
    assert finding.args["product"] == "Kaspersky"


def test_an_antivirus_that_the_system_trusts_is_a_warning(serve, tmp_path) -> None:
    authority = trustme.CA(organization_name="AO Kaspersky Lab")
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    port = serve(Shop(authority, ca).server(until=NOW + 90 * DAY))
    assert told(ask(url(port, ca))) == [("net.tls-intercepted", Status.WARNING)]


def test_a_port_that_speaks_no_tls(serve) -> None:
    found = ask(url(serve(None, b"220 mail.example ESMTP\r\n")))
    assert told(found) == [("net.not-tls", Status.FAULT)]
    assert bytes.fromhex(found[0].evidence[0].got).startswith(b"220 mail")


def test_a_handshake_that_hangs(serve) -> None:
    assert told(ask(url(serve(None)), seconds=0.5)) == [("link.silent", Status.FAULT)]


def test_a_server_that_speaks_old_protocols_only(shop, serve) -> None:
    context = shop.server(until=NOW + 90 * DAY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    (finding,) = ask(url(serve(context), shop.ca))
    assert (finding.code, finding.status) == ("net.tls-old", Status.FAULT)
    assert finding.args["version"] in {"TLSv1", "TLSv1.1"}


def test_a_server_that_refuses(shop, serve) -> None:
    context = shop.server(until=NOW + 90 * DAY)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-PSK-AES128-CBC-SHA256")  # a cipher for shared secrets, which we have not
    assert told(ask(url(serve(context), shop.ca))) == [("net.tls-refused", Status.FAULT)]


def test_a_closed_port(serve) -> None:
    assert told(ask(url(1))) == [("link.refused", Status.FAULT)]


def test_an_authority_file_that_is_none(shop, serve, tmp_path) -> None:
    port = serve(shop.server(until=NOW + 90 * DAY))
    assert told(ask(url(port, tmp_path / "missing.pem"))) == [("net.tls-untrusted", Status.UNKNOWN)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (web(NOW), [("net.tls", Status.OK), ("net.http", Status.OK)]),
        (b"HTTP/1.1 503 Busy\r\n\r\n", [("net.tls", Status.OK), ("net.http-status", Status.FAULT)]),
    ],
    ids=["answers", "busy"],  # the moment of the answer is no name: workers must collect the same
)
def test_a_web_service_over_tls(shop, serve, answer, expected) -> None:
    port = serve(shop.server(until=NOW + 90 * DAY), answer)
    assert told(ask(url(port, shop.ca, "https"), WebProbe())) == expected


def test_a_web_service_whose_port_speaks_no_tls_is_one_finding(serve) -> None:
    assert told(ask(url(serve(None, b"HTTP/1.1 400 Bad\r\n\r\n"), scheme="https"), WebProbe())) == [
        ("net.not-tls", Status.FAULT)
    ]


def test_a_wrong_name_and_an_unknown_authority_are_both_told(shop, serve) -> None:
    found = ask(url(serve(shop.server("other.example", until=NOW + 90 * DAY), web(NOW)), None))
    assert {finding.code for finding in found} == {"net.tls-name", "net.tls-untrusted"}


def test_a_time_server_is_believed_before_the_service_itself(shop, serve, time_server) -> None:
    context = shop.server(since=NOW - 90 * DAY, until=NOW - 30 * DAY)
    # the service's own clock stands still where its certificate was good
    port = serve(context, web(NOW - 60 * DAY))
    found = ask(url(port, shop.ca), ntp_servers=(f"127.0.0.1:{time_server}",))
    assert told(found) == [("net.tls-expired", Status.FAULT)]
