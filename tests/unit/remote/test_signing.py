"""Signatures over a playbook's bytes: what is taken, and that no byte of it can change."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from supportctl.core.errors import UsageError
from supportctl.remote.signers import Signers, read_signers
from supportctl.remote.signing import NAMESPACE, verify
from supportctl.remote.sshsig import SigningError, fingerprint, read_signature, sign, signer_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DATA = "schema: supportctl.playbook/1\nname: печать\n".encode()
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def line_of(private, options="") -> str:
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"anna@example.org {options}{public} laptop"


def signers(*lines: str, revoked=()) -> Signers:
    return Signers(read_signers(lines or [line_of(KEY)], "list"), frozenset(revoked))


def signed(private=KEY, data=DATA, namespace=NAMESPACE) -> str:
    return sign(data, namespace, *signer_of(private))


def refused(data=DATA, text=None, who=None) -> str:
    with pytest.raises(SigningError) as error:
        verify(data, signed() if text is None else text, who or signers(), NOW)
    return error.value.key


def test_a_signature_says_who():
    by = verify(DATA, signed(), signers(), NOW)
    assert by.names == "anna@example.org"
    assert by.fingerprint == fingerprint(signer_of(KEY)[0])


@pytest.mark.parametrize(
    "private",
    [ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1()),
     ec.generate_private_key(ec.SECP521R1()), rsa.generate_private_key(65537, 2048)],
    ids=["p256", "p384", "p521", "rsa"],
)  # fmt: skip
def test_other_kinds_of_keys(private):
    text = signed(private)
    assert verify(DATA, text, signers(line_of(private)), NOW).names == "anna@example.org"
    assert refused(DATA + b"\n", text, signers(line_of(private))) == "signing.mismatch"


def test_no_byte_of_the_playbook_can_change():
    text, who = signed(), signers()
    for at in range(len(DATA)):
        for bit in (1, 0x20, 0x80):
            changed = bytes([*DATA[:at], DATA[at] ^ bit, *DATA[at + 1 :]])
            assert refused(changed, text, who) == "signing.mismatch"
        assert refused(DATA[:at] + DATA[at + 1 :], text, who) == "signing.mismatch"


def test_no_character_of_the_signature_can_change():
    text, who = signed(), signers()
    for at in range(len(text)):
        for other in ("A", "b", "=", "\n", " ", "\r"):
            if text[at] != other:
                refused(DATA, text[:at] + other + text[at + 1 :], who)
        refused(DATA, text[:at] + text[at + 1 :], who)
        refused(DATA, text[:at] + "\n" + text[at:], who)


def test_no_bit_of_the_signature_itself_can_change():
    lines = signed().split("\n")
    blob = base64.b64decode("".join(lines[1:-2]))
    for at in range(len(blob)):
        for bit in range(8):
            changed = base64.b64encode(bytes([*blob[:at], blob[at] ^ 1 << bit, *blob[at + 1 :]])).decode()
            told = [changed[i : i + 70] for i in range(0, len(changed), 70)]
            refused(DATA, "\n".join([lines[0], *told, *lines[-2:]]))


def test_more_after_the_end_is_refused():
    lines = signed().split("\n")
    blob = base64.b64decode("".join(lines[1:-2])) + b"\0"
    told = base64.b64encode(blob).decode()
    rows = [told[i : i + 70] for i in range(0, len(told), 70)]
    assert refused(DATA, "\n".join([lines[0], *rows, *lines[-2:]])) == "signing.unreadable"
    for text in (signed() + "\n", signed() + signed(), "\n" + signed(), signed().replace("\n", "\r\n"), ""):
        assert refused(DATA, text) == "signing.unreadable"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: base64.b64encode(data).decode()))
def test_anything_else_is_refused_kindly(text):
    armoured = f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"
    for each in (text, armoured):
        with pytest.raises(SigningError):
            read_signature(each)


def test_signed_for_something_else():
    assert refused(DATA, signed(namespace="file")) == "signing.other-namespace"
    assert refused(DATA, signed(namespace="supportctl-playbook ")) == "signing.other-namespace"


def test_nobody_who_may():
    other = ed25519.Ed25519PrivateKey.generate()
    assert refused(DATA, signed(other)) == "signing.unknown-signer"
    assert refused(DATA, signed(), Signers()) == "signing.unknown-signer"


def test_a_key_that_was_taken_back_counts_nowhere():
    key = fingerprint(signer_of(KEY)[0])
    assert refused(DATA, signed(), signers(line_of(KEY), revoked=[key])) == "signing.revoked"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ('namespaces="file,git" ', "signing.not-for-playbooks"),
        ('valid-after="20261122120001Z" ', "signing.not-yet"),
        ('valid-before="20261122120000Z" ', "signing.key-expired"),
        ('namespaces="supportctl-*",valid-before="20200101Z" ', "signing.key-expired"),
    ],
)
def test_a_key_that_is_not_good_for_this_now(options, reason):
    assert refused(DATA, signed(), signers(line_of(KEY, options))) == reason


def test_a_key_that_is_good_by_another_line():
    who = signers(
        line_of(KEY, 'valid-before="20200101Z" '), line_of(KEY, 'namespaces="supportctl-playbook" ')
    )
    assert verify(DATA, signed(), who, NOW).names == "anna@example.org"
    assert signers("# a comment", "", line_of(KEY, 'valid-after="20261122115959Z" ')).allowed


@pytest.mark.parametrize(
    "line",
    ["anna", "anna ssh-ed25519", "anna ssh-ed25519 AAAA", line_of(KEY, "cert-authority "),
     line_of(KEY, 'valid-before="tomorrow" '), line_of(KEY, 'valid-before="20261301" '),
     line_of(KEY, "namespaces "), line_of(KEY, 'nonsense="1" '), line_of(KEY).replace("-ed25519", "-rsa"),
     line_of(KEY, 'valid-before="20200101",valid-before="20300101" ')],
)  # fmt: skip
def test_a_line_that_is_not_understood_stops_all(line):
    with pytest.raises(UsageError) as error:
        signers(line_of(KEY), line)
    assert error.value.key == "signing.bad-signer"
    assert error.value.args_by_name["where"] == "list:2"


def test_short_rsa_is_refused():
    short = rsa.generate_private_key(65537, 1024)
    with pytest.raises(SigningError) as error:
        signer_of(short)
    assert error.value.key == "signing.algorithm"
