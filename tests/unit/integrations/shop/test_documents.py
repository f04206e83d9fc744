"""Edits that the owner wants to hear of: at night by the shop's clock, long after, and by people only."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.shop.moysklad.documents import Rules, at_night, groups, without
from integrations.shop.moysklad.facts import MSK, Edit
from supportctl.core.shop_accounts import Hours

ZONE = ZoneInfo("Asia/Yekaterinburg")
NIGHT = Hours(time(23), time(6))
RULES = Rules(NIGHT, ZONE)
DAY = timedelta(days=1)


def at(day, hour, minute=0, zone=ZONE):
    return datetime(2026, 11, day, hour, minute, tzinfo=zone)


def edit(moment, id_="d1", event="update", uid="anna@shop", source="app", **more):
    return Edit("retaildemand", id_, f"0000{id_}", event, uid, source, moment, **more)


def test_one_night_is_one_group_past_midnight():
    found = groups([edit(at(12, 23, 30)), edit(at(13, 2), "d2"), edit(at(13, 2, 5), "d2", "delete")], RULES)
    (group,) = found
    assert (group.uid, group.day, group.at_night) == ("anna@shop", date(2026, 11, 12), True)
    assert (group.changed, group.removed) == (1, 1)


def test_persons_and_nights_are_apart():
    edits = [edit(at(12, 23, 30)), edit(at(13, 23, 30)), edit(at(12, 23, 30), uid="oleg@shop")]
    assert [(g.uid, g.day.day) for g in groups(edits, RULES)] == [
        ("anna@shop", 12),
        ("oleg@shop", 12),
        ("anna@shop", 13),
    ]


def test_the_night_is_the_shops_not_moscows():
    assert groups([edit(at(12, 21, 30, MSK))], RULES)  # 23:30 in the shop
    assert groups([edit(at(12, 4, 30, MSK))], RULES) == []  # 06:30 in the shop


def test_by_day_only_what_is_long_after():
    day = at(12, 15)
    assert groups([edit(day, document_at=day - DAY + timedelta(minutes=1))], RULES) == []
    assert groups([edit(day)], RULES) == []  # its own time is not known
    (group,) = groups([edit(day, document_at=day - DAY)], RULES)
    assert (group.at_night, group.day) == (False, date(2026, 11, 12))


@pytest.mark.parametrize(
    "source", ["import", "remap-1.2", "connectors", "evotor", "clearrecyclebin", "import1c"]
)
def test_systems_are_no_persons(source):
    assert groups([edit(at(12, 23, 30), source=source)], RULES) == []


def test_the_vendors_support_is_no_person_of_the_shop():
    assert groups([edit(at(12, 23, 30), by_support=True)], RULES) == []


def test_people_who_are_left_out():
    rules = RULES._replace(ignore_users=frozenset({"anna@shop"}))
    assert groups([edit(at(12, 23, 30), uid="Anna@shop")], rules) == []


def test_roles():
    found = groups(
        [edit(at(12, 23)), edit(at(12, 23), uid="oleg@shop"), edit(at(12, 23), uid="eva@shop")], RULES
    )
    roles = {"anna@shop": "cashier", "oleg@shop": "admin"}
    kept = without(found, roles, frozenset({"cashier"}))
    assert [group.uid for group in kept] == ["anna@shop", "eva@shop"]  # an unknown role stays
    assert without(found, roles, frozenset()) == found


def test_sums_before_and_after():
    (group,) = groups(
        [
            edit(at(12, 23), sum_before=1000.0, sum_after=600.0),
            edit(at(12, 23, 5), "d2", "delete", sum_before=500.0),
            edit(at(12, 23, 9), "d3"),
        ],
        RULES,
    )
    assert group.sums == (1500.0, 600.0)
    assert groups([edit(at(12, 23))], RULES)[0].sums is None


def test_an_edit_that_was_read_twice_counts_once():
    (group,) = groups([edit(at(12, 23)), edit(at(12, 23), document_at=at(1, 1))], RULES)
    assert len(group.edits) == 1


def test_hours_that_do_not_pass_midnight():
    rules = RULES._replace(night=Hours(time(1), time(5)))
    (group,) = groups([edit(at(13, 1))], rules)
    assert group.day == date(2026, 11, 13)
    assert groups([edit(at(13, 5))], rules) == []


moments = st.integers(0, 366 * 86400).map(lambda second: at(1, 0, zone=MSK) + timedelta(seconds=second))


@given(st.lists(st.builds(edit, moments, st.sampled_from("abc"), st.sampled_from(["update", "delete"]))))
def test_every_edit_at_night_is_in_one_group(edits):
    found = groups(edits, RULES)
    told = [e for group in found for e in group.edits]
    assert len(told) == len({(e.id, e.at, e.event) for e in edits if at_night(e.at, RULES)})
    for group in found:
        assert group.edits[-1].at - group.edits[0].at < timedelta(hours=7)


@given(moments, st.integers(-12, 14))
def test_a_moment_is_the_same_in_every_zone(here, offset):
    assert at_night(here, RULES) == at_night(here.astimezone(timezone(timedelta(hours=offset))), RULES)
