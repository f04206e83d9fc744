"""The SIP codec: what may be asked, what an answer says, and what was rewritten on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols.sip import (
    LocalProtocolError,
    RemoteProtocolError,
    Request,
    Via,
    encode,
    message_size,
    parse,
    rewritten,
)
from probes.protocols.sip_digest import Challenge, authorization, read_challenge

ASKED = Request(
    "OPTIONS", "192.0.2.4:5060", "192.0.2.9:40000", "UDP", "776asdhds", "1928301774", "a84b4c76e66710"
)
ANSWER = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.9:40000;rport=40000;received=192.0.2.9;branch=z9hG4bK776asdhds\r\n"
    b"From: <sip:supportctl@192.0.2.9:40000>;tag=1928301774\r\n"
    b"To: <sip:192.0.2.4:5060>;tag=93810874\r\n"
    b"Call-ID: a84b4c76e66710\r\nCSeq: 1 OPTIONS\r\n"
    b'Contact: "A, B" <sip:a@192.0.2.4;x=1,2>;expires=5, sip:c@192.0.2.5\r\n'
    b"Server: PBX 9\r\nContent-Length: 3\r\n\r\nabc"
)


def test_a_question_has_what_the_standard_wants():
    lines = encode(ASKED).decode().split("\r\n")
    assert lines[0] == "OPTIONS sip:192.0.2.4:5060 SIP/2.0"
    assert "Via: SIP/2.0/UDP 192.0.2.9:40000;rport;branch=z9hG4bK776asdhds" in lines
    assert {"Max-Forwards: 70", "CSeq: 1 OPTIONS", "Content-Length: 0"} <= set(lines)
    assert lines[-2:] == ["", ""]


def test_a_registration_is_only_asked_for():
    text = encode(ASKED._replace(method="REGISTER", user="101 a")).decode()
    assert "\r\nTo: <sip:101%20a@192.0.2.4:5060>\r\n" in text
    assert "contact" not in text.lower()


@pytest.mark.parametrize(
    "method", ["INVITE", "BYE", "MESSAGE", "NOTIFY", "CANCEL", "options", "OPTIONS\r\nX: y"]
)
def test_nothing_else_can_be_encoded(method):
    with pytest.raises(LocalProtocolError):
        encode(ASKED._replace(method=method))


@pytest.mark.parametrize(
    "changed",
    [
        {"branch": "a\r\nContact: x"},
        {"tag": ""},
        {"call_id": "a b"},
        {"them": "h\r\nContact: x"},
        {"me": "a;b"},
        {"authorization": ("Authorization", "Digest\r\nContact: x")},
    ],
)
def test_no_part_breaks_out_of_its_line(changed):
    with pytest.raises(LocalProtocolError):
        encode(ASKED._replace(**changed))


def test_an_answer():
    answer = parse(ANSWER)
    assert (answer.status, answer.reason, answer.program) == (200, "OK", "PBX 9")
    assert answer.answers(ASKED)
    assert not answer.answers(ASKED._replace(call_id="x"))
    assert not answer.answers(ASKED._replace(cseq=2))
    assert answer.vias == [Via("UDP", "192.0.2.9:40000", "z9hG4bK776asdhds", "192.0.2.9", "40000")]
    assert answer.contacts == ['"A, B" <sip:a@192.0.2.4;x=1,2>;expires=5', "sip:c@192.0.2.5"]
    short = ANSWER.replace(b"Via:", b"v :").replace(b"Call-ID:", b"i:").replace(b"From:", b"f:")
    assert parse(short).headers == parse(ANSWER).headers
    folded = ANSWER.replace(b"Server: PBX 9", b"Server: PBX\r\n 9")
    assert parse(folded).program == "PBX 9"
    assert not parse(ANSWER.replace(b"200 OK", b"100 Trying")).answers(ASKED)


@pytest.mark.parametrize(
    ("old", "new", "header"),
    [
        (b"", b"", ""),
        (b"UDP 192.0.2.9:40000", b"UDP 203.0.113.7:1024", "Via"),
        (b"z9hG4bK776asdhds", b"z9hG4bKother", "Via"),
        (b"Via: SIP", b"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx, SIP", "Via"),
        (b"supportctl@192.0.2.9:40000", b"supportctl@203.0.113.7:1024", "From"),
        (b"rport=40000;received=192.0.2.9", b"rport=9;received=203.0.113.7", ""),  # NAT, no ALG
    ],
)
def test_what_was_rewritten(old, new, header):
    assert rewritten(parse(ANSWER.replace(old, new)), ASKED) == header


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
        b"SIP/2.0 200 OK\r\nno colon\r\n\r\n",
        b"SIP/2.0 401 No\r\nWWW-Authenticate: Digest " + b"a" * 60_000 + b"\r\n\r\n",  # took half a minute
    ],
)
def test_other_messages(message):
    with pytest.raises(RemoteProtocolError):
        parse(message)


@given(st.integers(0, len(ANSWER)))
def test_a_stream_may_be_cut_anywhere(cut):
    assert message_size(ANSWER[:cut]) == (len(ANSWER) if cut == len(ANSWER) else None)
    assert message_size(b"\r\n\r\n" + ANSWER + ANSWER[:cut]) == len(ANSWER) + 4


@given(st.binary(max_size=200))
def test_random_bytes_raise_only_the_codecs_error(data):
    for message in (data, b"SIP/2.0 200 OK\r\n" + data, ANSWER[:120] + data):
        for read in (parse, message_size):
            try:
                found = read(message)
            except RemoteProtocolError:
                continue
            if read is parse:
                rewritten(found, ASKED)
                assert isinstance(found.contacts, list)


def test_digest_of_the_standards():
    # RFC 2617, 3.5
    rfc2617 = read_challenge(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
        ' opaque="5ccc069c403ebaf9f0171e9517f40e41"',
        proxy=False,
    )
    name, value = authorization(
        rfc2617,
        user="Mufasa",
        password="Circle Of Life",
        method="GET",
        uri="/dir/index.html",
        cnonce="0a4f113b",
    )
    assert name == "Authorization"
    assert 'response="6629fae49393a05397450978507c4ef1"' in value
    # RFC 7616, 3.9.1
    sha = Challenge(
        "http-auth@example.org",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "SHA-256",
        qop=True,
        proxy=True,
    )
    name, value = authorization(
        sha, user="Mufasa", password="Circle of Life", method="GET", uri="/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )  # fmt: skip
    assert name == "Proxy-Authorization"
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic realm=x",
        'Digest realm="x"',
        'Digest nonce="x", algorithm=SHA-1',
        'Digest nonce="x", qop="auth-int"',
        'Digest nonce="\n"',
    ],
)
def test_challenges_that_cannot_be_met(value):
    assert read_challenge(value, proxy=False) is None
