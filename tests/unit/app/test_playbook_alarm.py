"""The alarm's file, what it concerns, and lists of sites."""

from __future__ import annotations

from datetime import timedelta

import pytest

from playbooks.engine.needs import Role
from playbooks.engine.ports import tally
from supportctl.app.config_file import load_config
from supportctl.app.playbook_alarm import affected, alarm_path, concerns, current, turn_off, turn_on
from supportctl.app.playbook_hands import RealHands
from supportctl.app.playbook_sites import MAX_SITES
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.errors import UsageError
from supportctl.core.finding import Finding, Status

SITES = Role(title={"en": "Sites", "ru": "Точки"}, many=True, optional=True)
MANY = "".join(f"escpos+tcp://h{n}:1\n" for n in range(MAX_SITES + 1))
ONE = Role(title={"en": "Printer", "ru": "Принтер"}, protocols=("escpos",))


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "supportctl.yaml"
    path.write_text(f"playbooks: {{runs: {tmp_path / 'runs'}}}\n")
    return load_config(path)


@pytest.fixture
def hands():
    return RealHands(None, None, "en", SystemClock())


def test_an_alarm_is_on_until_it_is_off_or_its_time_is_over(config):
    clock = FakeClock()
    made = turn_on(config, "We know.", "Мы знаем.", until="2h", clock=clock)
    assert current(config, clock) == made
    assert (made.text("ru"), made.text("en")) == ("Мы знаем.", "We know.")
    clock.advance(2 * 3600)
    assert current(config, clock) is None
    assert turn_off(config)
    assert not turn_off(config)


def test_whoever_may_look_into_the_folder_may_read_the_alarm(config):
    folder = alarm_path(config).parent
    folder.mkdir()
    folder.chmod(0o770)
    turn_on(config, "a", "б")
    assert alarm_path(config).stat().st_mode & 0o777 == 0o660


def test_the_end_may_be_a_time_of_day_or_a_moment(config):
    now = SystemClock().now().astimezone()
    day = turn_on(config, "a", "б", until="18:30").until
    assert day is not None
    assert (day.astimezone().hour, day.astimezone().minute) == (18, 30)
    assert now < day <= now + timedelta(days=1, minutes=1)
    moment = (now + timedelta(hours=3)).replace(tzinfo=None, microsecond=0)
    assert turn_on(config, "a", "б", until=moment.isoformat()).until == moment.astimezone()


@pytest.mark.parametrize("until", ["yesterday", "99d", "2001-01-01", "25:00", "-1h", ""])
def test_an_end_that_is_none_is_refused(config, until):
    if not until:
        assert turn_on(config, "a", "б", until=until).until is None
        return
    with pytest.raises(UsageError, match=r"alarm\.bad-time"):
        turn_on(config, "a", "б", until=until)


@pytest.mark.parametrize("texts", [("", "б"), ("a", " "), ("a" * 2000, "б")])
def test_a_text_that_is_none_is_refused(config, texts):
    with pytest.raises(UsageError, match=r"alarm\.bad-value"):
        turn_on(config, *texts)


def test_a_tag_that_no_playbook_has_is_refused_with_the_nearest(config):
    with pytest.raises(UsageError) as caught:
        turn_on(config, "a", "б", tags=("printr",))
    assert caught.value.key == "alarm.unknown-tag"
    assert "printer" in str(caught.value.args_by_name["nearest"])


def test_it_concerns_playbooks_with_its_tags_never_itself(config):
    by_tag = turn_on(config, "a", "б", tags=("printer",))
    assert concerns(by_tag, "printer-paper", config)
    assert not concerns(by_tag, "calls-missing", config)
    everything = turn_on(config, "a", "б")
    assert concerns(everything, "calls-missing", config)
    assert not concerns(everything, "mass-failure", config)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"text_en": "a"}', "\0", '{"text_en": 1, "text_ru": 2, "since": 3}']
)
def test_a_damaged_file_is_told(config, text):
    turn_on(config, "a", "б")
    alarm_path(config).write_text(text)
    with pytest.raises(UsageError, match=r"alarm\.unreadable"):
        current(config)


def test_an_end_without_a_zone_is_told(config):
    turn_on(config, "a", "б")
    text = '{"text_en": "a", "text_ru": "b", "since": "2026-11-22T10:00:00", "until": "2026-11-22T10:00:00"}'
    alarm_path(config).write_text(text)
    with pytest.raises(UsageError, match=r"alarm\.unreadable"):
        current(config)


def test_journals_of_others_and_damaged_ones_affect_nobody(tmp_path, config):
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "a.jsonl").write_text('{"playbook": "printer-paper"}\n')
    (runs / "b.jsonl").write_text("no json\n")
    (runs / "c.jsonl").write_text('{"playbook": "mass-failure"}\n')
    assert config is not None
    assert list(affected(tmp_path / "supportctl.yaml", "7d")) == []


# --- lists of sites -----------------------------------------------------------------------------------------


def test_a_list_of_sites_has_targets_and_names(tmp_path, hands):
    path = tmp_path / "sites.txt"
    path.write_text("# chain\n\nescpos+tcp://10.0.0.1:9100 Shop 1\nescpos+tcp://10.0.0.2:9100\tМагазин № 2\n")
    found = hands.candidates("sites", SITES, f"@{path}")
    assert found == ("escpos+tcp://10.0.0.1:9100", "escpos+tcp://10.0.0.2:9100")


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("", "run.sites-empty", 1),
        ("# nobody\n", "run.sites-empty", 1),
        ("escpos+tcp://10.0.0.1:9100\nescpos+tcp://10.0.0.1:9100 again\n", "run.sites-twice", 2),
        ("escpos+tcp://10.0.0.1:9100, Shop\n", "run.sites-bad-line", 1),
        ("escpos+tcp://10.0.0.1:9100 " + "x" * 81, "run.sites-bad-line", 1),
        ("\nescpso+tcp://10.0.0.1:9100\n", "target.", 2),
        (
            "".join(f"escpos+tcp://h{n}:1\n" for n in range(MAX_SITES + 1)),
            "run.sites-too-many",
            MAX_SITES + 1,
        ),
    ],
)
def test_a_wrong_line_is_told_with_its_place(tmp_path, hands, text, key, line):
    path = tmp_path / "sites.txt"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        hands.candidates("sites", SITES, f"@{path}")
    assert caught.value.key.startswith(key)
    assert caught.value.args_by_name["where"] == f"{path}:{line}"


@pytest.mark.parametrize("data", [None, b"x" * 300_000, "Магазин".encode("cp1251"), b"a\0b"])
def test_a_list_that_is_no_text_is_refused(tmp_path, hands, data):
    path = tmp_path / "sites.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=r"run\.sites-unreadable"):
        hands.candidates("sites", SITES, f"@{path}")


def test_a_role_of_one_takes_no_list(tmp_path, hands):
    with pytest.raises(UsageError, match=r"run\.sites-one"):
        hands.candidates("printer", ONE, f"@{tmp_path}/sites.txt")


def test_without_a_list_nothing_is_searched_for(hands):
    assert hands.candidates("sites", SITES, None) == ()


def test_a_tally_counts_devices_with_a_fault():
    urls = tuple(f"escpos+tcp://h{n}:1" for n in range(20))
    found = [Finding("printer.paper-out", Status.FAULT, url) for url in urls[:12] for _ in range(2)]
    found += [Finding("printer.paper-near-end", Status.WARNING, urls[15])]
    told = tally(found, urls)
    assert (told["asked"], told["hit"]) == (20.0, 12.0)
    assert str(told["hit-some"]).endswith("… +2")
    assert tally(found, urls[:1]) == {}
    assert tally(found, ("bitrix24:acme", "uis:pbx")) == {}
