"""A playbook that comes over a session: signed, asked about at the customer's terminal, or not run at all."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from signed_runs import ACTING, Customer, Shop
from signed_wishes import denied, refused, wish, wish_of, wish_unsigned

from playbooks.engine.journal import read
from playbooks.engine.state import Outcome
from supportctl.core.errors import SupportctlError
from supportctl.remote.methods import METHODS


@pytest.fixture
def shop(tmp_path):
    """Return what makes the two computers."""
    made: list[Shop] = []

    def make(*answers: bool, **more) -> Shop:
        made.append(Shop(tmp_path, Customer(*answers), **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


# --- consent ----------------------------------------------------------------------------------------------


def test_with_consent_it_is_done_and_both_sides_have_the_journal(shop):
    shop = shop(True, True)
    shop.write()
    played = shop.run()
    assert shop.port == "COM4"
    assert played.result.state.finish.outcome is Outcome.SOLVED
    assert shop.supporter.ended.outcome is Outcome.SOLVED
    first, second = shop.customer.questions
    assert "Порт" in first.title
    assert "anna@example.org" in first.source
    assert "COM4" in second.steps[0]
    assert first.steps == ("изменить одно значение в настройках драйвера",)
    ours = read(played.path)
    (theirs,) = (shop.folder / "their-runs").glob("*.jsonl")
    assert ours.events == read(theirs).events
    assert ours.header.digest == read(theirs).header.digest
    assert ours.header.run != read(theirs).header.run or played.path != theirs


def test_no_means_that_nothing_runs(shop):
    shop = shop(False)
    shop.write()
    assert refused(shop) == "remote.denied"
    assert shop.supporter.seen == []


def test_no_to_the_action_means_that_it_is_not_done(shop):
    shop = shop(True, False)
    shop.write()
    played = shop.run()
    assert shop.port == "COM3"
    assert played.result.state.finish.outcome is Outcome.HANDED_OVER
    assert ("failed", "signing.customer-refused") in shop.supporter.seen


def test_what_does_not_verify_is_undone(shop):
    shop = shop(True, True)
    shop.hands.heals = "COM5"
    shop.write()
    before = shop.file.read_bytes()
    played = shop.run()
    assert shop.file.read_bytes() == before
    assert played.result.state.finish.outcome is Outcome.HANDED_OVER
    assert ("looking", "UndoAction") in shop.supporter.seen


def test_the_supporter_can_want_and_not_allow(shop):
    """The answers of the wire are wishes: whatever they say, the customer's terminal decides."""
    shop = shop(True, False)
    shop.write()
    told = []

    def say_all(message):
        told.append(message)
        if "plan" in message:
            for kind, value in (("consent", "yes"), ("granted", "yes"), ("key", "yes"), ("wish", "true")):
                params = {"run": message["run"], "number": message["number"], "kind": kind, "value": value}
                with pytest.raises(SupportctlError, match=r"signing\.bad-answer"):
                    shop.client.call("playbook.answer", params)
        if "asks" in message:
            kind = "wish" if "plan" in message else "text"
            params = {"run": message["run"], "number": message["number"], "kind": kind, "value": "yes"}
            shop.client.call("playbook.answer", params)
            with pytest.raises(SupportctlError, match=r"signing\.not-asked"):
                shop.client.call("playbook.answer", params)

    answer = shop.client.call("playbook.run", wish(shop), deadline_s=20, on_progress=say_all)
    assert answer["outcome"] == "handed-over"
    assert shop.port == "COM3"
    assert len(shop.customer.questions) == 2


def test_the_supporter_who_does_not_want_it_bothers_nobody(shop):
    shop = shop(True, True)
    shop.supporter.wishes = False
    shop.write()
    shop.run()
    assert shop.port == "COM3"
    assert len(shop.customer.questions) == 1


@pytest.mark.parametrize("how", [{"read_only": True}, {"can_ask": False}])
def test_where_nobody_can_be_asked_nothing_runs(shop, how):
    shop = shop(True, True, **how)
    shop.write()
    assert refused(shop) == "remote.denied"
    assert shop.customer.questions == []


def test_there_is_no_method_that_consents():
    names = {
        name for name in METHODS if any(word in name for word in ("consent", "grant", "allow", "confirm"))
    }
    assert names == set()
    assert set(METHODS["playbook.answer"].params) == {"run", "number", "kind", "value"}


# --- signatures -------------------------------------------------------------------------------------------


def test_unsigned_is_refused_before_anybody_is_asked(shop):
    shop = shop(True, True)
    shop.write(signed=False)
    assert refused(shop) == "signing.missing"
    assert denied(shop, "playbook.run", {**wish_unsigned(shop)}) == "signing.missing"
    assert shop.customer.questions == []


def test_signed_by_a_stranger(shop):
    shop = shop(True, True)
    shop.write(key=ed25519.Ed25519PrivateKey.generate())
    assert refused(shop) == "signing.unknown-signer"


def test_changed_after_it_was_signed(shop):
    shop = shop(True, True)
    path = shop.write()
    path.write_text(path.read_text().replace("COM4", "COM9"))
    assert refused(shop) == "signing.mismatch"


def test_nothing_is_parsed_before_it_is_verified(shop, monkeypatch):
    shop = shop(True, True)
    shop.write()
    params = wish(shop)
    params["files"]["port-fix.yaml"] = params["files"]["port-fix.yaml"] + " "

    def parsed(*_args):
        raise AssertionError("parsed")

    monkeypatch.setattr("supportctl.app.signed_playbooks.read", parsed)
    assert denied(shop, "playbook.run", params) == "signing.mismatch"


def test_an_include_is_signed_too_and_comes_with_it(shop):
    including = "steps:\n  - {id: fix, include: port-fix}\n"
    shop = shop(True, True)
    inner = shop.write()
    shop.write("outer", including)
    signature = inner.with_name("port-fix.yaml.sig")
    kept = signature.read_text()
    signature.unlink()
    assert refused(shop, "outer") == "signing.missing"
    signature.write_text(kept)
    params = wish(shop, "outer")
    without = {**params, "files": {"outer.yaml": params["files"]["outer.yaml"]}}
    assert denied(shop, "playbook.run", without) == "playbook.unknown"
    swapped = {
        **params,
        "signatures": dict.fromkeys(params["signatures"], params["signatures"]["outer.yaml"]),
    }
    assert denied(shop, "playbook.run", swapped) == "signing.mismatch"
    assert shop.customer.questions == []


def test_a_shipped_name_counts_for_nothing(shop):
    """What lies in the customer's own library takes no part: the run has exactly the files that came."""
    shop = shop(True, True)
    shop.write("outer", "steps:\n  - {id: fix, include: printer-paper}\n")
    params = wish_of(shop, "outer")
    assert denied(shop, "playbook.run", params) == "playbook.unknown"


@pytest.mark.parametrize(
    "file", ["../x.yaml", "a/b.yaml", "Port-fix.yaml", "port-fix.yml", "con .yaml", "x.test.yaml"]
)
def test_names_that_are_paths_are_refused(shop, file):
    shop = shop(True, True)
    shop.write()
    params = wish(shop)
    params = {**params, "files": {file: params["files"]["port-fix.yaml"]}, "signatures": {file: "x"}}
    assert denied(shop, "playbook.run", params) == "signing.bad-files"


def test_under_another_name_it_is_refused(shop):
    shop = shop(True, True)
    shop.write()
    params = wish(shop)
    for part in ("files", "signatures"):
        params[part] = {"other.yaml": params[part]["port-fix.yaml"]}
    assert denied(shop, "playbook.run", {**params, "name": "other"}) == "signing.other-name"


def test_expired(shop):
    shop = shop(True, True)
    shop.write(more="expires: 2026-01-31\n")
    assert refused(shop) == "signing.expired"
    shop.write(more="expires: 2999-01-31\n")
    assert shop.run().result.state.finish.outcome is Outcome.SOLVED


def test_no_older_version_again_and_no_other_under_the_same_number(shop):
    shop = shop(True, True, True, True)
    shop.write(version=2)
    shop.run()
    shop.file.write_text("[Device]\nPort=COM3\n")
    shop.write(version=1)
    assert refused(shop) == "signing.rolled-back"
    shop.write(version=2, body=ACTING.replace("COM4", "COM6"))
    assert refused(shop) == "signing.same-version"
    shop.seen.write_text("{")
    shop.write(version=3)
    assert refused(shop) == "signing.seen-broken"


def test_what_was_refused_is_not_remembered(shop):
    shop = shop(False)
    shop.write(version=9)
    assert refused(shop) == "remote.denied"
    assert not shop.seen.exists()
