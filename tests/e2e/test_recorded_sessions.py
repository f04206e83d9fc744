"""What both terminals of a session show is kept beside their audit logs, and no secret with it."""

from __future__ import annotations

import json
import re
import stat

import pytest
import yaml
from bastions import SHARE_USER, STAFF_USER
from terminal import Terminal, plain

from supportctl.app.bundle_show import show
from supportctl.app.share_plan import code_session
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.audit_check import check

pytestmark = pytest.mark.peer("bastion")
CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){4}")
SECRET = "canary-till-4711"
PORTAL = f"https://portal.example/rest/1/{SECRET}/"


@pytest.fixture
def desks(bastion, tmp_path):
    """Return the configurations of the customer and of the supporter."""
    place = bastion.bastion()
    where = {
        "host": place.host, "port": place.port, "host_key": place.host_key, "ports": list(place.ports),
        "share_user": SHARE_USER, "staff_user": STAFF_USER,
    }  # fmt: skip
    company = [bastion.company.public("company").strip()]
    till = {"remote": {"bastion": {**where, "share_key": (bastion.folder / "shop").read_text()},
                       "company_keys": company}}  # fmt: skip
    desk = {"remote": {"bastion": where, "key": str(bastion.folder / "ivan")}}
    for name, value in (("till", till), ("desk", desk)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(value))
    return tmp_path


def begin(desks, who, *words):
    config = "till" if who == "customer" else "desk"
    env = {"XDG_STATE_HOME": str(desks / who)}
    return Terminal(["--config", str(desks / f"{config}.yaml"), *words], env)


def kept(desks, who):
    """Return the recording as it is played, as it is read, and the audit log."""
    (cast,) = (desks / who).rglob("*.cast")
    text, log = cast.with_suffix(".txt"), cast.with_suffix(".jsonl")
    for path in (cast, text, log):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    head, *events = map(json.loads, cast.read_text().splitlines())
    assert (head["version"], head["width"], head["height"]) == (2, 100, 40)
    assert head["title"] == f"T-1042, {who}"
    return "".join(event[2] for event in events), text.read_text(), log


def shown(terminal, first, last):
    """Return what a terminal has shown between two places, in lines."""
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.raw).replace("\r\n", "\n")
    return bare[bare.index(first) : bare.index(last)].splitlines()


def test_both_terminals_are_recorded_and_both_logs_bear_witness(desks):
    with begin(desks, "customer", "share", "--ticket", "T-1042") as customer:
        customer.until("Press q")
        code = CODE.search(plain(customer.raw))[0]
        with begin(desks, "supporter", "connect", code) as supporter:
            supporter.until("q ends")
            customer.until("is connected")
            session = code_session(code, desks / "desk.yaml", SystemClock())
            session.open()
            with pytest.raises(SupportctlError):  # no such port; the customer sees what was asked
                session.client.call(
                    "identify", {"target": f"serial:///dev/x?password={SECRET}"}, deadline_s=5
                )
            session.close()
            customer.until(SECRET)
            supporter.press("q")
            assert supporter.ended() == 0
        assert customer.ended() == 0
        assert customer.is_restored()
        places = plain(customer.raw), plain(supporter.raw)
        screens = (
            shown(customer, "What this window shows", "What was shown here"),
            shown(supporter, "What this window shows", "What was shown here"),
        )
    logs = []
    for who, place, screen in zip(("customer", "supporter"), places, screens, strict=True):
        played, read, log = kept(desks, who)
        assert log.with_suffix(".cast").name in re.sub(r"\s", "", place)  # told at the end
        assert SECRET not in played + read
        for line in screen:
            if SECRET not in line:
                assert line.rstrip() in played
                assert line.rstrip() in read
        logs.append(log)
    verdict = check(logs[0], peer=logs[1])
    assert (verdict.status, verdict.problems) == ("ok", ())
    assert check(logs[1], peer=logs[0]).status == "ok"


def test_the_customer_sees_a_bundle_go_and_it_comes_without_secrets(desks, supportctl, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(desks / "supporter"))
    till = yaml.safe_load((desks / "till.yaml").read_text())
    (desks / "till.yaml").write_text(
        yaml.safe_dump({**till, "crm": {"a": {"kind": "bitrix24", "url": PORTAL}}})
    )
    with begin(desks, "customer", "--lang", "ru", "share", "--ticket", "T-1042") as customer:
        customer.until("Нажмите q")
        code = CODE.search(plain(customer.raw))[0]
        words = ("--config", str(desks / "desk.yaml"), "bundle", "create", "--output", str(desks / "b.zip"))
        ended = supportctl(*words, "--deadline", "15", "--on", f"code:{code}")
        assert ended.exit_code == 0, ended.err
        assert "The bundle was made there and is here" in ended.out
        customer.until("архив уходит в поддержку")
        assert "собирает архив для поддержки, без паролей" in plain(customer.raw)
        customer.press("q")
        assert customer.ended() == 0
    shown = show(desks / "b.zip")
    assert "configuration.json" in shown.members
    every = b"".join(shown.members.values())
    for secret in (SECRET, *till["remote"]["bastion"]["share_key"].splitlines()[1:-1]):
        assert secret.encode() not in every
