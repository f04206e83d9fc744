"""`ssh-keygen -Y` as the other one that signs and verifies: each takes what the other makes."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from supportctl.app.playbook_signing import load_signing_key, sign_playbooks
from supportctl.core.errors import UsageError
from supportctl.remote.signers import Signers, read_signers
from supportctl.remote.signing import NAMESPACE, verify
from supportctl.remote.sshsig import SigningError, sign

DATA = "schema: supportctl.playbook/1\nname: печать\n".encode()
NOW = datetime.now(UTC)
pytestmark = pytest.mark.peer("ssh-keygen")


def keygen(peer_path, *words, given=b""):
    return subprocess.run(
        [peer_path("ssh-keygen"), *map(str, words)], input=given, capture_output=True, check=False, timeout=20
    )


@pytest.fixture(params=["ed25519", "ecdsa", "rsa"])
def key(request, peer_path, tmp_path) -> Path:
    path = tmp_path / "id"
    bits = ["-b", "2048"] if request.param == "rsa" else []
    assert keygen(peer_path, "-q", "-t", request.param, *bits, "-N", "", "-f", path).returncode == 0
    return path


def signers(key: Path, options="") -> Signers:
    line = f"anna@example.org {options}{key.with_suffix('.pub').read_text()}"
    return Signers(read_signers([line], "list"))


def theirs(peer_path, key: Path, namespace=NAMESPACE) -> str:
    made = keygen(peer_path, "-Y", "sign", "-n", namespace, "-f", key, given=DATA)
    assert made.returncode == 0, made.stderr
    return made.stdout.decode()


def test_ours_verifies_theirs(peer_path, key):
    assert verify(DATA, theirs(peer_path, key), signers(key), NOW).names == "anna@example.org"
    with pytest.raises(SigningError, match=r"signing\.mismatch"):
        verify(DATA + b" ", theirs(peer_path, key), signers(key), NOW)
    with pytest.raises(SigningError, match=r"signing\.other-namespace"):
        verify(DATA, theirs(peer_path, key, "file"), signers(key), NOW)


def test_theirs_verifies_ours(peer_path, key, tmp_path):
    signing = load_signing_key(key, lambda: "")
    (tmp_path / "sig").write_text(sign(DATA, NAMESPACE, signing.key, signing.signed))
    allowed = tmp_path / "allowed"
    allowed.write_text(f"anna@example.org {key.with_suffix('.pub').read_text()}")

    def checked(data: bytes, namespace=NAMESPACE) -> int:
        words = [
            "-Y",
            "verify",
            "-f",
            allowed,
            "-I",
            "anna@example.org",
            "-n",
            namespace,
            "-s",
            tmp_path / "sig",
        ]
        return keygen(peer_path, *words, given=data).returncode

    assert checked(DATA) == 0
    assert checked(DATA + b" ") != 0
    assert checked(DATA, "file") != 0


@pytest.mark.parametrize(
    "options",
    ['valid-before="20200101" ', 'valid-after="20990101" ', 'namespaces="file" ',
     'namespaces="supportctl-*" ', 'valid-after="202001011200Z",valid-before="20990101120000" '],
)  # fmt: skip
def test_both_understand_the_same_allowed_signers(peer_path, tmp_path, options):
    key = tmp_path / "id"
    keygen(peer_path, "-q", "-t", "ed25519", "-N", "", "-f", key)
    allowed, text = tmp_path / "allowed", theirs(peer_path, key)
    allowed.write_text(f"anna@example.org {options}{key.with_suffix('.pub').read_text()}")
    (tmp_path / "sig").write_text(text)
    words = ["-Y", "verify", "-f", allowed, "-I", "anna@example.org", "-n", NAMESPACE, "-s", tmp_path / "sig"]
    they = keygen(peer_path, *words, given=DATA).returncode == 0
    try:
        verify(DATA, text, signers(key, options), NOW)
    except SigningError:
        assert not they
    else:
        assert they


def test_a_key_with_a_passphrase(peer_path, tmp_path):
    key = tmp_path / "id"
    keygen(peer_path, "-q", "-t", "ed25519", "-N", "correct horse", "-f", key)
    signing = load_signing_key(key, lambda: "correct horse")
    assert verify(DATA, sign(DATA, NAMESPACE, *signing), signers(key), NOW)
    with pytest.raises(UsageError, match=r"signing\.key-passphrase"):
        load_signing_key(key, lambda: "battery")


def test_a_shipped_playbook_is_signed_and_verified_by_both(peer_path, tmp_path):
    key = tmp_path / "id"
    keygen(peer_path, "-q", "-t", "ed25519", "-N", "", "-f", key)
    (written,) = sign_playbooks(["printer-paper"], load_signing_key(key, lambda: ""), None, tmp_path)
    assert written == tmp_path / "printer-paper.yaml.sig"
    library = Path(__file__).parents[2] / "playbooks/library/printer-paper.yaml"
    assert verify(library.read_bytes(), written.read_text(), signers(key), NOW)
    checked = keygen(
        peer_path, "-Y", "check-novalidate", "-n", NAMESPACE, "-s", written, given=library.read_bytes()
    )
    assert checked.returncode == 0


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_that_the_agent_holds(peer_path, tmp_path, monkeypatch, kind):
    key, socket = tmp_path / "id", tmp_path / "agent"
    keygen(peer_path, "-q", "-t", kind, "-N", "", "-f", key)
    folder = Path(peer_path("ssh-keygen")).parent
    agent = subprocess.Popen([folder / "ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE)
    try:
        assert agent.stdout.readline(), "it says its address when it listens"
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        with pytest.raises(UsageError, match=r"signing\.key-not-in-agent"):
            load_signing_key(key.with_suffix(".pub"), lambda: "")
        added = subprocess.run([folder / "ssh-add", "-q", key], capture_output=True, check=False, timeout=20)
        assert added.returncode == 0, added.stderr
        public = key.rename(tmp_path / "moved").with_name("id.pub")
        signing = load_signing_key(public, lambda: "")
        assert verify(DATA, sign(DATA, NAMESPACE, *signing), signers(key), NOW)
    finally:
        agent.kill()
        agent.wait(10)
        agent.stdout.close()
