"""Digest authentication against the examples of the RFCs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols.digest import DigestError, authorization, challenge

RFC2617 = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def test_the_example_of_rfc_2617():
    header = authorization(
        challenge(RFC2617), "Mufasa", "Circle Of Life", "/dir/index.html", count=1, cnonce="0a4f113b"
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in header
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in header
    assert "qop=auth, nc=00000001" in header


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm, response):
    asked = challenge(RFC7616.format(algorithm))
    header = authorization(asked, "Mufasa", "Circle of Life", "/dir/index.html", count=1, cnonce=CNONCE)
    assert f'response="{response}"' in header


def test_without_quality_of_protection_it_is_rfc_2069():
    # response = MD5(MD5(A1) : nonce : MD5(A2)); RFC 2069's own example, as its erratum 749 corrects it
    asked = challenge('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    header = authorization(asked, "Mufasa", "CircleOfLife", "/dir/index.html", count=1, cnonce="x")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
    assert "cnonce" not in header
    assert "qop" not in header


def test_what_a_challenge_says():
    asked = challenge('Basic realm="a, b", Digest realm="x, y", nonce="n", stale=TRUE, charset=UTF-8')
    assert (asked.realm, asked.nonce, asked.stale, asked.charset, asked.qop) == (
        "x, y",
        "n",
        True,
        "utf-8",
        "",
    )
    asked = challenge('Digest nonce="n", realm="", qop="auth", Basic realm="z"')
    assert (asked.realm, asked.stale, asked.qop, asked.algorithm) == ("", False, "auth", "MD5")


@pytest.mark.parametrize(
    "header",
    ["", "Basic realm=x", 'Digest realm="x"', 'Digest realm="x", nonce="n", algorithm=SHA-512-256',
     'Digest realm="x", nonce="n", qop="auth-int"'],
)  # fmt: skip
def test_what_cannot_be_answered(header):
    with pytest.raises(DigestError):
        challenge(header)


def test_a_name_stays_in_its_quotes():
    for user in ('a"b', "a\r\nb", "a\\"):
        with pytest.raises(DigestError):
            authorization(challenge(RFC2617), user, "p", "/", count=1, cnonce="c")


@given(st.text(max_size=200))
def test_any_header_is_read_or_refused(text):
    try:
        asked = challenge("Digest " + text)
    except DigestError:
        return
    authorization(asked, "user", "пароль", "/cgi/state", count=7, cnonce="c")
