"""Grants where nobody sits: for one thing, once, in time, in a file that only its owner may touch."""

from __future__ import annotations

import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from signed_runs import Customer, Shop

from playbooks.engine.state import Outcome
from supportctl.app.remote_consent import Granted
from supportctl.app.remote_playbook import RemotePlaybooks
from supportctl.app.signed_playbooks import pack
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.remote.capability import Capability, Wanted
from supportctl.remote.digest import digest_of
from supportctl.remote.grants import ANY_SIGNED, GrantGate, Offer, give, take

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIX = Wanted(Capability.FIX, "printer", "d" * 64)
OFFER = Offer(Capability.FIX, "printer", "d" * 64)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "grants"


def only_file(folder):
    (path,) = folder.glob("*.json")
    return path


def test_once_and_no_more(folder):
    code, until = give(folder, OFFER, NOW)
    assert until == NOW + timedelta(minutes=15)
    assert take(folder, code, FIX, NOW)
    assert not take(folder, code, FIX, NOW)
    assert not list(folder.glob("*.json"))


def test_the_code_may_be_typed_as_people_type(folder):
    code, _ = give(folder, OFFER, NOW)
    assert take(folder, f" {code.lower().replace('-', ' ')}", FIX, NOW)


def test_the_code_is_kept_nowhere(folder):
    code, _ = give(folder, OFFER, NOW)
    path = only_file(folder)
    assert code.replace("-", "") not in path.name.upper() + path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_as_often_as_it_says(folder):
    code, _ = give(folder, OFFER._replace(uses=3), NOW)
    assert [take(folder, code, FIX, NOW) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    "wanted",
    [FIX._replace(target="other"), FIX._replace(target=""), FIX._replace(digest="e" * 64),
     FIX._replace(digest=""), Wanted(Capability.BRIDGE, "printer"),
     FIX._replace(capability=Capability.BRIDGE)],
)  # fmt: skip
def test_for_something_else_it_is_nothing(folder, wanted):
    code, _ = give(folder, OFFER, NOW)
    assert not take(folder, code, wanted, NOW)
    assert take(folder, code, FIX, NOW), "what it was not for has not used it up"


def test_with_other_parameters_it_is_nothing(folder):
    code, _ = give(folder, OFFER._replace(params={"file": "a"}), NOW)
    for params in ({}, {"file": "b"}, {"file": "a", "more": "x"}):
        assert not take(folder, code, FIX, NOW, params)
    assert take(folder, code, FIX, NOW, {"file": "a"})
    code, _ = give(folder, OFFER, NOW)
    assert not take(folder, code, FIX, NOW, {"file": "a"})


def test_any_signed_playbook_and_nothing_but_playbooks(folder):
    code, _ = give(folder, OFFER._replace(digest=ANY_SIGNED), NOW)
    assert not take(folder, code, Wanted(Capability.FIX, "printer", ""), NOW)
    assert take(folder, code, FIX._replace(digest="0" * 64), NOW)


@pytest.mark.parametrize("after", [900, 901, 10**6, -1])
def test_before_and_after_its_time_it_is_nothing(folder, after):
    code, _ = give(folder, OFFER, NOW)
    assert not take(folder, code, FIX, NOW + timedelta(seconds=after))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_nothing(folder, mode):
    code, _ = give(folder, OFFER, NOW)
    only_file(folder).chmod(mode)
    assert not take(folder, code, FIX, NOW)


def test_a_file_of_somebody_else_is_nothing(folder):
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    code, _ = give(folder, OFFER, NOW)
    os.chown(only_file(folder), 65534, 65534)
    assert not take(folder, code, FIX, NOW)


def test_a_folder_that_others_may_write_to_is_nothing(folder):
    code, _ = give(folder, OFFER, NOW)
    folder.chmod(0o777)
    assert not take(folder, code, FIX, NOW)
    with pytest.raises(UsageError, match=r"signing\.grant-place"):
        give(folder, OFFER, NOW)


def test_a_link_is_nothing(folder, tmp_path):
    code, _ = give(folder, OFFER, NOW)
    path = only_file(folder)
    moved = tmp_path / "elsewhere.json"
    path.rename(moved)
    path.symlink_to(moved)
    assert not take(folder, code, FIX, NOW)
    path.unlink()
    os.link(moved, path)
    assert not take(folder, code, FIX, NOW)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"uses": -1},
        {"uses": 10**9},
        {"uses": "1"},
        {"schema": "x"},
        {"expires_at": "never"},
        {"made_at": 3},
        [],
        "{",
    ],
)
def test_a_file_that_makes_no_sense_is_nothing(folder, spoiled):
    code, _ = give(folder, OFFER, NOW)
    path = only_file(folder)
    document = json.loads(path.read_text())
    told = spoiled if isinstance(spoiled, str) else json.dumps(
        document | spoiled if isinstance(spoiled, dict) else spoiled
    )  # fmt: skip
    path.write_text(told)
    assert not take(folder, code, FIX, NOW)


@pytest.mark.parametrize("code", ["", "AAAA", "../../etc/passwd", "A" * 17, "0" * 16, "\0" * 16, "А" * 16])
def test_what_is_no_code_finds_nothing(folder, code):
    give(folder, OFFER, NOW)
    assert not take(folder, code, FIX, NOW)


def test_two_at_once_use_it_once(folder):
    code, _ = give(folder, OFFER, NOW)
    begin, won = threading.Barrier(8), []

    def tries() -> None:
        begin.wait(5)
        if take(folder, code, FIX, NOW):
            won.append(1)

    threads = [threading.Thread(target=tries) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert won == [1]


# --- with an agent that has no terminal -------------------------------------------------------------------


class Direct(Shop):
    """The customer's computer without a person: an agent with a grant's gate."""

    def attach(self) -> bool:
        self.grants = self.folder / "grants"
        self.playbooks = RemotePlaybooks(self.settings(Granted()))
        allowed = [Capability.OBSERVE, Capability.PROBE, Capability.FIX]
        self.gate = GrantGate(
            allowed, self.grants, self.clock.now, self.playbooks.describe, self.customer.told
        )
        return super().attach()

    @property
    def params(self) -> dict[str, str]:
        return {"file": str(self.file)}

    def digest(self) -> str:
        from playbooks.engine.library import Library

        return digest_of(pack(Library([self.library]), "port-fix", None).files)


@pytest.fixture
def direct(tmp_path):
    made = Direct(tmp_path, Customer())
    made.write()
    yield made
    made.close()


def test_without_a_grant_nothing_runs(direct):
    for code in ("", "AAAA-AAAA-AAAA-AAAA"):
        with pytest.raises(SupportctlError, match=r"remote\.denied"):
            direct.run(grant=code)
    assert direct.port == "COM3"
    assert direct.customer.heard == [("playbook.run", "denied")] * 2


def test_with_a_grant_it_runs_once(direct):
    code, _ = give(
        direct.grants, Offer(Capability.FIX, "", direct.digest(), params=direct.params), direct.clock.now()
    )
    assert direct.run(grant=code).result.state.finish.outcome is Outcome.SOLVED
    assert direct.port == "COM4"
    direct.file.write_text("[Device]\nPort=COM3\n")
    with pytest.raises(SupportctlError, match=r"remote\.denied"):
        direct.run(grant=code)
    assert direct.port == "COM3"


def test_a_playbook_that_is_not_good_uses_up_no_grant(direct):
    code, _ = give(
        direct.grants, Offer(Capability.FIX, "", ANY_SIGNED, params=direct.params), direct.clock.now()
    )
    path = direct.write()
    path.write_text(path.read_text() + "\n")
    with pytest.raises(SupportctlError, match=r"signing\.mismatch"):
        direct.run(grant=code)
    direct.sign(path)
    assert direct.run(grant=code).result.state.finish.outcome is Outcome.SOLVED


def test_a_grant_for_another_target_or_playbook(direct):
    offers = [
        Offer(Capability.FIX, "other", ANY_SIGNED, params=direct.params),
        Offer(Capability.FIX, "", "0" * 64, params=direct.params),
        Offer(Capability.FIX, "", ANY_SIGNED, params={"file": "/etc/passwd"}),
        Offer(Capability.FIX, "", ANY_SIGNED),
    ]
    for offer in offers:
        code, _ = give(direct.grants, offer, direct.clock.now())
        with pytest.raises(SupportctlError, match=r"remote\.denied"):
            direct.run(grant=code)
    assert direct.port == "COM3"


def test_the_log_does_not_get_the_code():
    heard = []
    gate = GrantGate([], None, None, None, lambda *told: heard.append(told))
    gate.told("playbook.run", {"grant": "SECRET", "name": "x"}, "begun")
    assert heard == [("playbook.run", {"grant": "***", "name": "x"}, "begun")]
