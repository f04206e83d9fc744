"""The pages of cgi registers: what may be asked, and every shape of the answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import cgi_register as cgi


@pytest.mark.parametrize(
    "page",
    [
        "/cgi/proc/printreport",
        "/cgi/proc/printreport?0",
        "/cgi/proc/openbox",
        "/cgi/proc/setclock",
        "/cgi/proc/sound",
        "/cgi/proc/register",
        "/cgi/proc/state?x",
        "/cgi/chk",
        "/cgi/proc/../proc/openbox",
        "",
    ],
)
def test_nothing_else_is_asked(page):
    with pytest.raises(cgi.LocalProtocolError):
        cgi.request(page, "10.0.0.9")


def test_a_request_is_a_get_without_a_body():
    sent = cgi.request(cgi.STATE, "10.0.0.9", 'Digest username="1"')
    assert sent.startswith(b"GET /cgi/state HTTP/1.1\r\nHost: 10.0.0.9\r\n")
    assert b'Authorization: Digest username="1"\r\n' in sent
    assert sent.endswith(b"\r\n\r\n")
    with pytest.raises(cgi.LocalProtocolError):
        cgi.request(cgi.STATE, "10.0.0.9", "Digest\r\nX: y")


def test_documents_in_both_encodings():
    for encoding in ("utf-8", "cp1251"):
        assert cgi.document('{"model": "Титан"}'.encode(encoding)) == {"model": "Титан"}
    for body in (b"", b"<html>", b"{", b"[" * 10_000):
        assert cgi.document(body) is None


@pytest.mark.parametrize(
    ("err", "found"),
    [
        ([{"e": "x25"}, {"e": "xC6", "line": 1}], [(0x25, "x25"), (0xC6, "xC6")]),
        ("x8b", [(0x8B, "x8b")]),
        ([{"e": "No fiscal printer mode"}], [(None, "No fiscal printer mode")]),
        (0x41, [(0x41, "65")]),
        ("25", [(None, "25")]),  # hex or decimal? shown, not guessed
        ("xZZ", [(None, "xZZ")]),
        ([], []),
        (None, []),
        ("", []),
        (False, []),
        (0, []),
        ([{"f": 1}, None, ""], []),
    ],
)
def test_errors_in_all_their_shapes(err, found):
    assert list(cgi.mistakes({"err": err})) == found
    assert cgi.mistakes([err]) == ()


def test_the_state_page():
    told = cgi.state({"serial": "A1", "currZ": "57", "IsWrk": "1", "Fiscalization": True, "SKNOState": 3})
    assert told == cgi.State(None, None, "A1", 57, True, True, 3)
    assert cgi.state({"model": "M", "IsWrk": 0}).shift_open is False
    assert cgi.state({"Status": "ok"}) is None
    assert cgi.state([]) is None


def test_rooms_and_documents():
    assert cgi.room({"Total": 2000, "Free": 150}) == (2000, 150)
    assert cgi.room([2000, 0]) == (2000, 0)
    assert cgi.room([150, 2000]) is None
    assert cgi.room({"err": []}) is None
    assert cgi.document_open({"a": 0x21, "b": 1, "c": 2, "d": 3}) is True
    assert cgi.document_open([0, 1, 2, 3]) is False
    assert cgi.document_open([0]) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["err", "e", "serial", "model", "IsWrk", "currZ", "Fiscalization", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_document_can_be_read(read):
    body = json.dumps(read).encode()
    for reader in (cgi.mistakes, cgi.state, cgi.room, cgi.document_open):
        reader(cgi.document(body))


@given(st.binary(max_size=120))
def test_any_bytes_can_be_read(body):
    cgi.document(body)
