"""supportctl resend worker: what it needs is asked for kindly."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_ledger_in_a_file_is_refused(supportctl: Callable[..., object], tmp_path: Path) -> None:
    config = tmp_path / "supportctl.yaml"
    config.write_text("crm:\n  acme: {kind: webhook, url: 'https://acme.example/calls'}\n")
    ended = supportctl("--config", str(config), "resend", "worker")
    assert ended.exit_code == 2  # type: ignore[attr-defined]
    assert "supportctl resend run" in ended.err  # type: ignore[attr-defined]
    assert "Traceback" not in ended.err  # type: ignore[attr-defined]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from supportctl.app.resend_cluster import run_cluster_worker

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    desk = SimpleNamespace(store=SimpleNamespace(is_sqlite=False))
    with pytest.raises(UsageError) as refused:
        run_cluster_worker(desk, 4)  # type: ignore[arg-type]
    assert refused.value.key == "resend.worker-needs-extra"


def test_waking_costs_nothing_with_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from supportctl.app.resend_wake import wake

    store = SimpleNamespace(is_sqlite=True)
    monkeypatch.setitem(sys.modules, "resend.cluster.wake", None)
    wake(store, ["acme"])  # type: ignore[arg-type]
    wake(SimpleNamespace(is_sqlite=False), ["acme"])  # type: ignore[arg-type]  # without the extra


def test_waking_never_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    from supportctl.app.resend_wake import wake

    def broken(*_: object) -> int:
        raise ConnectionError("gone")

    monkeypatch.setitem(sys.modules, "resend.cluster.wake", SimpleNamespace(wake=broken))
    wake(SimpleNamespace(is_sqlite=False), ["acme"])  # type: ignore[arg-type]
    assert "resend.not-woken" in capsys.readouterr().err
