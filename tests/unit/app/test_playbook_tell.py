"""One issue for a run and one message a chat, whatever the tracker and the network do; the packet stays."""

from __future__ import annotations

import json

import pytest
from playbook_runs import HANDED_OVER, HEADER, INTENTS, graph

from integrations.lab.house import PortalHouse, Wanted
from playbooks.engine.events import HandOverNow, Resumed
from playbooks.engine.journal import Record
from playbooks.engine.records import line_of
from supportctl.app import playbook_tell
from supportctl.app.config_file import read_config
from supportctl.app.playbook_handover import hand_over, lines
from supportctl.app.playbook_tell import fingerprint, tell
from supportctl.catalog import Catalog
from supportctl.core.clock import FakeClock

GRAPH = graph()
STOPPED = (*HANDED_OVER[:4], HandOverNow(50.0))
GONE_ON = (*STOPPED, Resumed(60.0, 300.0), *HANDED_OVER[4:-4], HandOverNow(200.0))


class Shop:
    """A run, its configuration, and the lab's Redmine and chat."""

    def __init__(self, house, folder, **escalation):
        self.house = house
        self.folder = folder
        self.clock = FakeClock()
        sections = dict(house.sections())
        sections["escalation"] = {**sections.get("escalation", {}), **escalation}
        path = folder / "supportctl.yaml"
        path.write_text(
            json.dumps({"site": {"id": "shop-12", "name": "Lenin"}, **sections}), encoding="utf-8"
        )
        self.configuration = read_config(path)
        assert self.configuration.config is not None, self.configuration.problems

    def over(self, events=STOPPED, telling=True, **header):
        made = HEADER._replace(**header)
        path = self.folder / f"{made.run}.jsonl"
        path.write_text("\n".join(map(line_of, events)), encoding="utf-8")
        record = Record(path, made, tuple(events), tuple((0, each) for each in INTENTS))
        return hand_over(record, GRAPH, "en", self.configuration, self.clock, telling=telling)

    @property
    def issues(self):
        return self.house.portal("dev").state()["issues"]

    @property
    def messages(self):
        return self.house.portal("oncall").messages


@pytest.fixture(scope="module")
def houses():
    with PortalHouse((Wanted("dev", "redmine", "trackers"), Wanted("oncall", "chat", "notify"))) as found:
        yield found


@pytest.fixture
def shop(houses, tmp_path):
    for name in houses.names:
        houses.clear(name)
    houses.portal("dev").issues.clear()
    houses.portal("oncall").messages.clear()
    return Shop(houses, tmp_path)


def test_one_issue_and_one_message_however_often_it_is_told(shop):
    first, again = shop.over(), shop.over()
    (issue,) = shop.issues
    (message,) = shop.messages
    assert first.told.issue == again.told.issue
    assert f"[fp:{fingerprint(HEADER.run)}]" in issue["title"]
    assert "The receipt printer is out of paper" in issue["title"]
    assert f"supportctl playbook resume {HEADER.run}" in issue["text"]
    assert "SN-0815" in issue["text"]
    assert not set("`*#<>@") & set(issue["text"])  # plain: Redmine may be set to Textile
    assert first.told.issue.link in message["message"]
    said = lines(first, Catalog("en"), 60.0)
    assert any("Issue: dev 1" in line for line in said)
    assert any(str(first.packet.markdown) in line for line in said)


@pytest.mark.parametrize("fault", ["lost-answer", "torn"])
def test_an_answer_that_is_lost_after_the_work_was_done_makes_one_issue(shop, fault):
    shop.house.portal("dev").switch(fault, on=True, operations="issue.create")
    told = shop.over().told
    shop.house.clear("dev")
    assert len(shop.issues) == 1
    shop.clock.advance(300)
    assert (shop.over().told.issue.number, len(shop.issues)) == ("1", 1)
    assert told.issue is None or told.issue.number == "1"


def test_an_index_that_lags_after_a_lost_answer_makes_no_second_issue(shop):
    portal = shop.house.portal("dev")
    portal.switch("lost-answer", on=True, operations="issue.create")
    portal.switch("slow-index", on=True)
    first = shop.over()
    assert (first.told.issue, first.told.unclear) == (None, ("dev",))
    assert any("It is not known whether dev has it" in line for line in lines(first, Catalog("en"), 60.0))
    assert shop.over().told.unclear == ("dev",)  # nothing is created before it had time to show
    portal.switch("slow-index", on=False)
    portal.switch("lost-answer", on=False)
    assert (shop.over().told.issue.number, len(shop.issues)) == ("1", 1)
    assert shop.house.portal("dev").state()["issues"][0]["comments"] == []


@pytest.mark.parametrize("point", range(6))
def test_killed_at_any_write_and_told_again_there_is_one_issue(shop, monkeypatch, point):
    class Killed(BaseException):
        pass

    written, real = [], playbook_tell.write_private

    def dies(path, data):
        if len(written) == point:
            raise Killed
        written.append(path)
        real(path, data)

    monkeypatch.setattr(playbook_tell, "write_private", dies)
    try:
        shop.over()
    except Killed:
        pass
    else:
        assert point >= 3
    monkeypatch.setattr(playbook_tell, "write_private", real)
    shop.clock.advance(300)
    assert shop.over().told.issue.number == "1"
    assert len(shop.issues) == 1
    assert 1 <= len(shop.messages) <= 2  # a chat cannot be asked what it has


def test_a_tracker_that_refuses_never_loses_the_packet(shop):
    shop.house.switch("dev", "key-revoked", on=True)
    handed = shop.over()
    assert handed.told.failed["dev"].startswith("http-401")
    assert handed.packet.bundle.exists()
    assert any("--tell" in line and "http-401" in line for line in lines(handed, Catalog("en"), 60.0))
    assert len(shop.messages) == 1  # the chat hears of it all the same
    shop.house.clear("dev")
    assert shop.over().told.issue.number == "1"
    assert len(shop.messages) == 1


def test_a_run_that_went_on_is_a_comment_once(shop):
    shop.over()
    shop.over(GONE_ON)
    shop.over(GONE_ON)
    (issue,) = shop.issues
    assert len(issue["comments"]) == 1
    assert "The packet has changed since" in json.dumps(issue["comments"])
    assert len(shop.messages) == 2


def test_nobody_is_told_if_not_wanted(shop):
    assert shop.over(telling=False).told is None
    assert shop.over(dry_run=True).told.issue is None
    assert (shop.issues, shop.messages) == ([], [])


def test_people_look_where_the_routes_say(houses, shop, tmp_path):
    routed = Shop(houses, tmp_path, tracker=None, routes={"other-company": "dev"})
    assert routed.over(STOPPED).told.issue is None  # for the second line
    assert routed.over(HANDED_OVER).told.issue.number == "1"  # a service engineer is another company


def test_an_issue_in_the_language_of_the_configuration(houses, shop, tmp_path):
    handed = Shop(houses, tmp_path, language="ru").over()
    (issue,) = shop.issues
    assert "В чековом принтере закончилась бумага" in issue["title"]
    assert "What is wrong" in handed.packet.markdown.read_text("utf-8")


def test_a_missing_secret_is_said_and_nothing_is_lost(shop, tmp_path):
    text = json.loads((tmp_path / "supportctl.yaml").read_text())
    text["trackers"]["dev"]["key"] = "secret://env/NOT_THERE_AT_ALL"
    (tmp_path / "supportctl.yaml").write_text(json.dumps(text))
    shop.configuration = read_config(tmp_path / "supportctl.yaml")
    handed = shop.over()
    assert "secret.missing" in json.dumps(handed.told.failed)
    assert handed.packet.document.exists()


def test_two_at_once_do_not_tell_twice(shop):
    handed = shop.over(telling=False)
    with playbook_tell._alone(handed.packet.bundle.with_name(f"{HEADER.run}.told.lock")):
        told = tell(shop.configuration.config, handed.packet, shop.clock)
    assert "handover.telling" in told.failed["-"]
    assert shop.issues == []
