"""Guesses about noise: each from the bytes that the fault really makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.links.garble import GARBLED, WRONG_DEVICE, explain_noise
from supportctl.catalog import Catalog

SCALE_LINE = b"ST,GS,+  1.234kg\r\n"


def with_parity(text: bytes, odd: int = 0) -> bytes:
    return bytes(byte | (0x80 if (byte.bit_count() & 1) != odd else 0) for byte in text)


def heard_at(text: bytes, factor: int) -> bytes:
    """Return what a port hears that samples `factor` times too fast."""
    bits = [
        bit for byte in text for bit in (0, *((byte >> n) & 1 for n in range(8)), 1) for _ in range(factor)
    ]
    bits += [1] * 20
    heard, at = bytearray(), 0
    while at < len(bits) - 10:
        if bits[at]:
            at += 1
            continue
        heard.append(sum(bit << n for n, bit in enumerate(bits[at + 1 : at + 9])))
        at += 10
    return bytes(heard)


@pytest.mark.parametrize(
    ("got", "code", "guess"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", WRONG_DEVICE, "link.web-server"),
        (b"<!doctype html><html>", WRONG_DEVICE, "link.web-server"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", WRONG_DEVICE, "link.ssh-server"),
        (b"220 ftp ready\r\n", WRONG_DEVICE, "link.ftp-server"),
        (b"220 mail.example ESMTP Postfix\r\n", WRONG_DEVICE, "link.mail-server"),
        (b"+OK POP3 ready\r\n", WRONG_DEVICE, "link.mail-server"),
        (b"\xff\xfd\x18\xff\xfd\x20", WRONG_DEVICE, "link.telnet-server"),
        (b"\x15\x03\x01\x00\x02\x02\x46", WRONG_DEVICE, "link.tls-server"),
        (b"RFB 003.008\n", WRONG_DEVICE, "link.vnc-server"),
        (b"\r\nDebian GNU/Linux 12 till ttyS0\r\n\r\ntill login: ", WRONG_DEVICE, "link.login-prompt"),
        (b"\r\nERROR\r\n", WRONG_DEVICE, "link.modem"),
        (b"$GPRMC,,V,,,,,,,,,,N*53\r\n", WRONG_DEVICE, "link.gps-receiver"),
        (b"\x15", WRONG_DEVICE, "link.refuses-question"),
        (b"kg\r\n" + SCALE_LINE * 4 + b"ST,G", WRONG_DEVICE, "link.stream"),
        (b"Ready to print\r\n", WRONG_DEVICE, "link.other-text"),
        (with_parity(SCALE_LINE), GARBLED, "link.wrong-parity"),
        (with_parity(SCALE_LINE, odd=1), GARBLED, "link.wrong-parity"),
        (bytes(byte | 0x80 for byte in SCALE_LINE), GARBLED, "link.wrong-parity"),
        (b"\xff\x95\xfe\x00\xd5\xff\xea\x80\xab\x00", GARBLED, "link.wrong-speed"),
        (b"\x10\x04\x01\x10\x04\x01", GARBLED, "link.echo"),
        (b"\x01\x17\x42\x03\x11\x19", GARBLED, "link.unreadable"),
        (b"", GARBLED, "link.unreadable"),
    ],
)  # fmt: skip
def test_guess(got, code, guess):
    noise = explain_noise(b"\x10\x04\x01", got)
    assert (noise.code, noise.guess) == (code, guess)


@pytest.mark.parametrize(("odd", "name"), [(0, "even"), (1, "odd")])
def test_parity_is_named_and_the_text_is_readable(odd, name):
    noise = explain_noise(b"W", with_parity(SCALE_LINE, odd))
    assert noise.args == {"parity": name, "text": "ST,GS,+  1.234kg"}


@pytest.mark.parametrize("factor", [2, 3, 4, 6, 12])
def test_a_port_that_listens_too_fast(factor):
    assert explain_noise(b"W\r", heard_at(SCALE_LINE * 2, factor)).guess == "link.speed-too-high"


def test_a_binary_answer_is_not_mistaken_for_another_speed():
    frame = bytes.fromhex("021a110000a9c405d3021e0064c7a5b1")
    assert explain_noise(b"\x05", frame).guess in {"link.unreadable", "link.wrong-speed"}


def test_russian_text_is_no_seven_bit_text():
    assert explain_noise(b"", "Ошибка бумаги".encode("cp866")).guess != "link.wrong-parity"


@given(st.binary(max_size=80), st.binary(max_size=2000))
def test_any_bytes_give_a_guess_that_has_its_words(sent, got):
    noise = explain_noise(sent, got)
    assert noise.code in {GARBLED, WRONG_DEVICE}
    for lang in ("en", "ru"):
        text = Catalog(lang).meaning(noise.guess, noise.args)
        assert text.isprintable()
        assert "?" not in text.replace(noise.args.get("text", "?"), "")
