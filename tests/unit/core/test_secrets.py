"""Secrets by reference."""

from __future__ import annotations

import sys

import pytest

from supportctl.core import redaction
from supportctl.core.errors import UsageError
from supportctl.core.redaction import redact
from supportctl.core.secrets import is_reference, resolve


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())


def test_environment(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "hunter22")
    assert resolve("secret://env/A_TOKEN") == "hunter22"
    assert redact("it is hunter22") == "it is ***"


def test_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("hunter22\n")
    assert resolve(f"secret://file{file}") == "hunter22"
    assert resolve(f"secret://file/{file}") == "hunter22"


def test_keyring(monkeypatch):
    class Store:
        @staticmethod
        def get_password(service, user):
            return "hunter22" if (service, user) == ("supportctl", "uis") else None

    monkeypatch.setitem(sys.modules, "keyring", Store)
    assert resolve("secret://keyring/supportctl/uis") == "hunter22"
    with pytest.raises(UsageError, match=r"secret\.missing"):
        resolve("secret://keyring/supportctl/other")


def test_keyring_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError, match=r"secret\.no-keyring"):
        resolve("secret://keyring/supportctl/uis")


@pytest.mark.parametrize("reference", ["secret://", "secret://env", "secret://env/", "secret://vault/x"])
def test_malformed(reference):
    with pytest.raises(UsageError, match=r"secret\.malformed"):
        resolve(reference)


def test_missing(monkeypatch, tmp_path):
    monkeypatch.delenv("A_TOKEN", raising=False)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    for reference in (
        "secret://env/A_TOKEN",
        f"secret://file{tmp_path}/none",
        f"secret://file{tmp_path}/binary",
    ):
        with pytest.raises(UsageError, match=r"secret\.missing"):
            resolve(reference)


def test_what_is_a_reference():
    assert is_reference("secret://env/X")
    assert not is_reference("hunter22")
