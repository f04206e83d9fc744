"""The judgement of certificates; the handshakes are in tests/integration/test_tls_broken.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.network import certificates, interceptors
from probes.network.certificates import Certificate, covers, validity
from probes.network.tls import Seen, judge
from probes.network.tls_handshake import Peer, looks_like_tls
from supportctl.core.finding import Status

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def certificate(**changes) -> Certificate:
    good = Certificate(
        "shop.example", "Public CA", ("Public CA",), ("shop.example",), NOW - 10 * DAY, NOW + 60 * DAY, False
    )
    return good._replace(**changes)


def seen(distrust: str = "", dates: str = "") -> Seen:
    return Seen(Peer("TLSv1.3", b""), distrust, dates)


@pytest.mark.parametrize(
    ("names", "asked", "covered"),
    [
        (["shop.example"], "shop.example", True),
        (["Shop.Example."], "shop.example", True),
        (["*.example.org"], "a.example.org", True),
        (["*.example.org"], "a.b.example.org", False),
        (["*.example.org"], "example.org", False),
        (["*.org"], "example.org", False),
        (["w*.example.org"], "www.example.org", False),
        (["192.0.2.1"], "192.0.2.1", True),
        (["*.0.2.1"], "192.0.2.1", False),
        (["2001:db8::1"], "2001:0db8::1", True),
        (["xn--80ak6aa92e.xn--p1ai"], "аррӏе.рф", True),
        ([], "shop.example", False),
    ],
)
def test_names(names, asked, covered) -> None:
    assert covers(names, asked) is covered


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_name_is_covered_or_not(name: str, asked: str) -> None:
    assert covers([name], asked) in {True, False}


def test_dates() -> None:
    assert validity(certificate(), NOW).code == ""
    assert validity(certificate(), NOW + 31 * DAY).code == "net.tls-expiring"
    assert validity(certificate(), NOW + 61 * DAY).code == "net.tls-expired"
    assert validity(certificate(), NOW - 11 * DAY).code == "net.tls-not-yet-valid"


def problems(
    found: Certificate, what: Seen, asked: str = "shop.example", product: str = ""
) -> list[tuple[str, Status]]:
    interceptor = interceptors.find([product]) if product else None
    return [tuple(p) for p in judge(found, what, asked, NOW, interceptor)]


def test_a_good_certificate() -> None:
    assert problems(certificate(), seen()) == []


def test_everything_that_is_wrong_is_told() -> None:
    found = problems(certificate(not_after=NOW - DAY), seen("self-signed certificate"), "other.example")
    assert [code for code, _ in found] == ["net.tls-expired", "net.tls-name", "net.tls-untrusted"]


def test_an_issuer_that_has_expired_is_not_the_service_s_own_date() -> None:
    assert problems(certificate(), seen(dates="certificate has expired")) == [
        ("net.tls-untrusted", Status.FAULT)
    ]


def test_an_interceptor_is_one_finding() -> None:
    found = certificate(not_after=NOW - DAY)
    product = "Kaspersky Anti-Virus Personal Root Certificate"
    assert problems(found, seen("unable to get local issuer certificate"), "x", product) == [
        ("net.tls-intercepted", Status.FAULT)
    ]
    # the system trusts it, but the till's own programs may bring their own list
    assert problems(found, seen(), "x", product) == [("net.tls-intercepted", Status.WARNING)]


@pytest.mark.parametrize(
    ("issuer", "product"),
    [
        ("Kaspersky Anti-Virus Personal Root Certificate", "Kaspersky"),
        ("ESET SSL Filter CA", "ESET"),
        ("Dr.Web Personal CA", "Dr.Web"),
        ("avast! Web/Mail Shield Root", "Avast"),
        ("AVG Web/Mail Shield Root", "AVG"),
        ("Bitdefender Personal CA.Net-Defender", "Bitdefender"),
        ("FortiGate CA", "Fortinet FortiGate"),
        ("FGT60E4Q16000000", "Fortinet FortiGate"),
        ("Zscaler Intermediate Root CA (zscalertwo.net)", "Zscaler"),
        ("DO_NOT_TRUST_FiddlerRoot", "Fiddler"),
        ("mitmproxy", "mitmproxy"),
        ("UserGate Root CA", "UserGate"),
    ],
)
def test_interceptors_are_known_by_their_issuer(issuer, product) -> None:
    found = interceptors.find([issuer])
    assert found is not None
    assert found.product == product


@pytest.mark.parametrize(
    "issuer",
    [
        "R11", "Let's Encrypt", "GlobalSign RSA OV SSL CA 2018", "DigiCert TLS RSA SHA256 2020 CA1",
        "Sectigo RSA Domain", "E5", "Amazon RSA", "GTS CA 1C3",
        "Russian Trusted Sub CA", "The Ministry of Digital Development and Communications",
        "Yandex LLC", "Microsoft Azure RSA TLS Issuing CA 03", "Cloudflare Inc ECC CA-3",
        "Shop Internal CA",
    ],
)  # fmt: skip
def test_public_and_own_authorities_are_no_interceptors(issuer) -> None:
    assert interceptors.find([issuer]) is None


@given(st.binary(max_size=200))
def test_garbage_is_no_certificate(der: bytes) -> None:
    assert certificates.read(der) is None


def test_the_beginning_of_tls() -> None:
    assert looks_like_tls(b"\x16\x03\x03")
    assert looks_like_tls(b"\x15\x03\x01\x00\x02")
    assert not looks_like_tls(b"HTTP/1.1")
    assert not looks_like_tls(b"\x16")
    assert not looks_like_tls(b"")
