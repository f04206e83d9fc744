"""Everything that reads what somebody else has written, fed with sound documents that were spoilt, by seeds.

Whatever comes, a parser gives a value or its own error. Documents are spoilt in two ways: bytes anywhere, and
values of a wrong kind where the form is sound (with hashes and check sums made good again: whoever spoils a
file can do that, too).
"""

from __future__ import annotations

import base64
import json
import struct
import zipfile
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)

from supportctl.app.bundle_show import leaks, show
from supportctl.app.bundle_zip import described, packed, unpacked
from supportctl.core.clock import FakeClock
from supportctl.core.errors import UsageError
from supportctl.remote.audit import CUSTOMER, NOTHING, Head, Who, canonical, chained, create
from supportctl.remote.audit_check import check
from supportctl.remote.frames import (
    MAX_BANNER,
    MAX_DEPTH,
    MAX_FRAME,
    MAX_NOISE,
    FrameReader,
    Hello,
    ProtocolError,
    banner,
    frame,
    message,
)
from supportctl.remote.reverse.staff import PRINCIPAL, NotStaffError, read_staff
from supportctl.remote.signers import Signers, good_for, read_signers
from supportctl.remote.signing import NAMESPACE, verify
from supportctl.remote.sshsig import SigningError, sign, signer_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEEDS = (1, *range(8, 15))  # 1 and 8 have each found something that was no error of ours
ROUNDS = 60  # for each seed
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ODD = (
    None, True, False, 0, -1, 2**63, 1e300, "", "x", "\x1b]0;x\x07", "\u202ex", "../../x", "0" * 64,
    "9" * 5000, [], [[]], {}, {"a": {}}, [None] * 300, ["x", {"status": []}], "2026-02-30T25:61:61", "\ud800",
)  # fmt: skip


def spoilt(data: bytes, chance: Random) -> bytes:
    """Return bytes with one to four changes: bits, bytes, pieces cut out, doubled, put elsewhere."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, size = chance.randrange(len(found) + 1), chance.choice((1, 1, 2, 8, 64))
        how = chance.randrange(6)
        if how == 0 and at < len(found):
            found[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            found[at : at + size] = chance.randbytes(size)
        elif how == 2:
            del found[at : at + size]
        elif how == 3:
            found[at:at] = found[at : at + size] * 2
        elif how == 4:
            found[at:at] = chance.choice(
                (b"\0", b"\n", b"\r\n", b"\xff\xff\xff\xff", b'"', b"[" * 200, b"\x1b[2J")
            )
        else:
            piece = found[at : at + size]
            del found[at : at + size]
            there = chance.randrange(len(found) + 1)
            found[there:there] = piece
    return bytes(found)


def wrong(value, chance: Random):
    """Return a JSON value with something of another kind at some place in it."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return {key: inner for key, inner in value.items() if key != name}
        return {**value, name: wrong(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], wrong(value[at], chance), *value[at + 1 :]]
    return chance.choice(ODD)


def pieces(data: bytes, chance: Random):
    at = 0
    while at < len(data):
        size = chance.choice((1, 2, 3, 5, 100, 5000))
        yield data[at : at + size]
        at += size


# --- frames ------------------------------------------------------------------------------------------------

HELLO = Hello(1, "0.1.0", "", "s1", ("observe", "probe"))
MESSAGES = [
    {"id": "1", "method": "ping", "params": {}},
    {"id": "2", "result": {"words": ["касса", 1, None]}},
    {},
]
STREAM = b"Welcome to till-7\r\n" + banner(HELLO) + b"".join(map(frame, MESSAGES))


@pytest.mark.parametrize("seed", SEEDS)
def test_frames_come_whole_however_they_were_cut(seed):
    chance, reader, found = Random(seed), FrameReader(expects_banner=True), []
    for piece in pieces(STREAM, chance):
        found += reader.feed(piece)
    assert (reader.hello, found) == (HELLO, MESSAGES)


def read_by(reader, data, chance):
    """Return the error with which reading ends, None if it does not."""
    try:
        for piece in pieces(data, chance):
            for each in reader.feed(piece):
                assert isinstance(each, dict)
    except ProtocolError as error:
        return error
    return None


@pytest.mark.parametrize("seed", SEEDS)
def test_spoilt_frames(seed):
    chance = Random(seed)
    for _ in range(ROUNDS):
        error = read_by(FrameReader(expects_banner=True), spoilt(STREAM, chance), chance)
        if error is not None:
            assert error.code.startswith("remote.")
            assert all(text.isprintable() for text in error.found.values())


@pytest.mark.parametrize("length", [MAX_FRAME + 1, 2**31, 0xFFFFFFFF])
def test_a_frame_that_is_announced_too_big_is_refused_by_its_first_four_bytes(length):
    reader = FrameReader(expects_banner=False)
    with pytest.raises(ProtocolError, match="frame-too-big"):
        list(reader.feed(struct.pack(">I", length)))


@pytest.mark.parametrize(
    "noise", [b"SUPPORTCTL-" * (MAX_NOISE // 10), b"SUPPORTCTL-SESSION " + b"x" * (MAX_BANNER + 1)]
)
def test_noise_without_end_is_left(noise):
    for seed in SEEDS:
        error = read_by(FrameReader(expects_banner=True), noise + b"x" * 5000, Random(seed))
        assert error is not None
        assert error.code == "remote.no-banner"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"NaN", b'{"a":NaN}', b'{"a":Infinity}', b'{"id":1,"id":2}', b'{"a":{"b":1,"b":1}}',
     b"\xff{}", b"{} {}", b"[" * 100_000, b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
     b'{"a":' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_what_is_no_message(body):
    with pytest.raises(ProtocolError, match="bad-message"):
        message(body)


# --- audit logs --------------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "customer.jsonl"
    made = create(path, Who("s1", "T-1", CUSTOMER, "till-7", "anna"), FakeClock())
    made.sign_in("anna", "accepted")
    made.write("intent", method="check", params={"targets": ["till"], "deadline": 5})
    made.peer_head(Head("ab" * 8, 3, "c" * 64))
    made.write("result", method="check", outcome="ok")
    made.close()
    return path


def judged(path):
    """Return the status of a log, the error's key for what is none."""
    try:
        verdict = check(path, path)
    except UsageError as error:
        return error.key
    assert len(verdict.problems) < 50
    return verdict.status


@pytest.mark.parametrize("seed", SEEDS)
def test_a_spoilt_audit_log_is_never_in_order(seed, log, tmp_path):
    chance, whole, other = Random(seed), log.read_bytes(), tmp_path / "other.jsonl"
    assert check(log).status == "ok"
    for _ in range(ROUNDS):
        data = spoilt(whole, chance)
        other.write_bytes(data)
        if data != whole:
            assert judged(other) in {"audit.no-log", "audit.unreadable", "fault"} or whole.startswith(data)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_audit_log_with_good_hashes_and_senseless_values(seed, log, tmp_path):
    """As its owner can write it anew: nothing is found by the chain, and nothing breaks the reader."""
    chance, other = Random(seed), tmp_path / "other.jsonl"
    entries = [json.loads(line) for line in log.read_bytes().splitlines()]
    for _ in range(ROUNDS):
        before, lines = NOTHING, []
        at = chance.randrange(len(entries))
        for place, entry in enumerate(entries):
            found = wrong(entry, chance) if place == at else entry
            rest = {**(found if isinstance(found, dict) else {}), "prev": before}
            rest.pop("hash", None)
            before = chained(before, rest)
            lines.append(canonical({**rest, "hash": before}) + b"\n")
        other.write_bytes(b"".join(lines))
        assert judged(other) in {"ok", "warning", "fault", "unknown", "audit.no-log"}


# --- signatures and signers --------------------------------------------------------------------------------

DATA = "schema: supportctl.playbook/1\nname: касса\n".encode()
SIGNATURE = sign(DATA, NAMESPACE, *signer_of(KEY))
PUBLIC = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
SIGNERS = (
    f"anna@example.org,ivan {PUBLIC} laptop\n"
    f'"desk of the company" namespaces="supportctl-playbook,file",valid-after="20260101",'
    f'valid-before="20271231235959Z" {PUBLIC}\n'
    "# a remark\n\n"
)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_spoilt_signature_signs_nothing(seed):
    chance, signers = Random(seed), Signers(read_signers([f"anna {PUBLIC}"], "list"))
    lines = SIGNATURE.split("\n")
    blob = base64.b64decode("".join(lines[1:-2]))
    for _ in range(ROUNDS):
        told = base64.b64encode(spoilt(blob, chance)).decode()
        inside = "\n".join([lines[0], *(told[i : i + 70] for i in range(0, len(told), 70)), *lines[-2:]])
        outside = spoilt(SIGNATURE.encode(), chance).decode("utf-8", "replace")
        for text in {inside, outside} - {SIGNATURE}:
            with pytest.raises(SigningError) as error:
                verify(DATA, text, signers, NOW)
            assert error.value.key.startswith("signing.")


def signers_in(text):
    """Return who stands there; nobody where a line is refused."""
    with suppress(UsageError):
        return read_signers(text.splitlines(), "list")
    return ()


@pytest.mark.parametrize("seed", SEEDS)
def test_spoilt_signers(seed):
    chance = Random(seed)
    assert [each.key for each in signers_in(SIGNERS)] == [signer_of(KEY)[0]] * 2
    for _ in range(ROUNDS):
        text = spoilt(SIGNERS.encode(), chance).decode("utf-8", "replace")
        for each in signers_in(text):
            assert good_for(each, NAMESPACE, NOW) in {
                "", "signing.not-for-playbooks", "signing.not-yet", "signing.key-expired",
            }  # fmt: skip
            assert len(each.names) <= 80
            assert each.names.isprintable()


def certificate() -> bytes:
    made = (
        SSHCertificateBuilder()
        .public_key(ed25519.Ed25519PrivateKey.from_private_bytes(b"s" * 32).public_key())
        .type(SSHCertificateType.USER)
        .key_id(b"Support desk 7")
        .serial(7)
        .valid_principals([PRINCIPAL.encode()])
        .valid_after(int(NOW.timestamp()) - 60)
        .valid_before(int(NOW.timestamp()) + 3600)
        .sign(KEY)
    )
    return base64.b64decode(made.public_bytes().split()[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_spoilt_certificate_lets_nobody_in(seed):
    chance, sound = Random(seed), certificate()
    assert read_staff(sound, [PUBLIC], NOW.timestamp()).name == "Support desk 7"
    for _ in range(ROUNDS):
        data = spoilt(sound, chance)
        if data != sound:
            with pytest.raises(NotStaffError):
                read_staff(data, [PUBLIC], NOW.timestamp())


# --- bundles -----------------------------------------------------------------------------------------------

REPORT = {
    "schema": "supportctl.report/1",
    "verdict": "fault",
    "findings": [
        {"code": "printer.paper-out", "status": "fault", "name": "till", "target": "x", "title": "No paper"}
    ],
}


def members(report=REPORT) -> dict[str, bytes]:
    return {"report.json": json.dumps(report).encode(), "logs/till.log": b"all is well\n" * 20}


def manifest(inside) -> dict[str, object]:
    return {
        "schema": "supportctl.bundle/1",
        "made_at": NOW.isoformat(),
        "tool_version": "0.1.0",
        "files": [
            {**asdict(described(name, data)), "removed": {"token": 2}} for name, data in inside.items()
        ],
        "not_collected": [{"what": "resend", "why": "nothing there"}],
    }


def read_all(path):
    """Read a bundle as `bundle show` does; return whether it could be read."""
    try:
        shown = show(path)
    except UsageError:
        return False
    leaks(shown)
    assert all(file.name.isprintable() for file in shown.files)
    return True


@pytest.mark.parametrize("seed", SEEDS)
def test_a_spoilt_bundle(seed, tmp_path):
    chance, path = Random(seed), tmp_path / "bundle.zip"
    inside = members()
    whole = packed("bundle-1", inside, manifest(inside))
    path.write_bytes(whole)
    assert read_all(path)
    for _ in range(ROUNDS):
        path.write_bytes(spoilt(whole, chance))
        if read_all(path):  # a change that `zipfile` takes no notice of: dates, attributes
            assert set(unpacked(path).members) == {*inside, "manifest.json"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sound_zip_with_senseless_documents(seed, tmp_path):
    chance, path = Random(seed), tmp_path / "bundle.zip"
    read = 0
    for _ in range(ROUNDS):
        inside = members(wrong(REPORT, chance))
        described_so = wrong(manifest(inside), chance)
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in {**inside, "manifest.json": json.dumps(described_so).encode()}.items():
                archive.writestr(f"bundle-1/{name}", data)
        read += read_all(path)
    assert read
