"""The slip: five lines, short sentences, nothing that a cashier cannot use."""

import re

import pytest

from supportctl.catalog import Catalog
from supportctl.core.finding import Status
from supportctl.core.report import Remedy
from supportctl.report import render

FORBIDDEN = re.compile(
    r"://|/dev/|\bCOM\d|\b0x|\b[0-9a-f]{4,}\b|\b[a-z]+\.[a-z]+-[a-z]+\b|\berror|ошибк|\bfault\b",
    re.IGNORECASE,
)


def lines_of(report, catalog):
    return render(report, "slip", catalog=catalog).splitlines()


def test_at_most_five_lines_of_short_sentences(sample, catalog):
    lines = lines_of(sample[1], catalog)
    assert 1 <= len(lines) <= 5
    for line in lines:
        for sentence in re.split(r"(?<=[.?!])\s+", line):
            assert len(sentence.split()) <= 15, sentence


def test_no_codes_no_ports_no_bytes(sample, catalog):
    for line in lines_of(sample[1], catalog):
        assert not FORBIDDEN.search(line), line


def test_lines_in_their_order(build):
    assert lines_of(build.make("paper-out", "en"), Catalog("en")) == [
        "Till: the receipt printer is out of paper.",
        "How we know (14:02): the printer answered “no paper”.",
        "Do this: open the cover. Put in a new 80 mm roll. Close the cover until it clicks.",
        "Who: you, about 1 minute. Sales wait until this is done. Receipts already printed are not lost.",
        "Then run this check again. Did not help? Call the service engineer.",
    ]


def test_what_only_support_can_do_is_no_step_for_the_cashier(build):
    text = "\n".join(lines_of(build.make("support", "ru"), Catalog("ru")))
    assert "Что сделать: позвоните сервисному инженеру и прочитайте первую строку." in text
    assert "Закажите" not in text


def test_the_cashiers_own_step_comes_before_somebody_elses(build):
    steps = (
        Remedy("Look at the switches.", "first-line", 5, "none", None, None),
        Remedy("Press the power button.", "cashier", 1, "undoable", None, None),
    )
    finding = build.finding("printer.offline", Status.FAULT, "off-line", remedies=steps)
    lines = lines_of(build.report("en", finding), Catalog("en"))
    assert "Do this: press the power button." in lines


def test_a_finding_with_nothing_but_a_code_still_says_what_to_do(build):
    lines = lines_of(build.report("en", build.finding("x.y", Status.FAULT, "broken.")), Catalog("en"))
    assert lines == [
        "Till: broken.",
        "Do this: call support and read them the first line.",
        "Sales can go on.",
        "Run this check again when it is done.",
    ]


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_code_without_texts_is_not_read_to_a_cashier(lang, build):
    lines = lines_of(build.report(lang, build.finding("x.y-z", Status.FAULT, "x.y-z")), Catalog(lang))
    assert not any("x.y-z" in line for line in lines)
    assert len(lines[0].split()) <= 15


def test_devices_are_told_apart_only_where_there_are_several(build):
    def first(*findings):
        return lines_of(build.report("ru", *findings), Catalog("ru"))[0]

    bar = build.finding("printer.paper-out", Status.FAULT, "нет бумаги.", name="bar-printer")
    kitchen = build.finding(
        "printer.paper", Status.OK, "есть", target="escpos+tcp://10.0.0.2:9100", name="kitchen"
    )
    refused = build.finding("link.refused", Status.FAULT, "не отвечает.", name="bar-printer")
    assert first(bar) == "Касса: нет бумаги."
    assert first(bar, kitchen) == "Касса (bar printer): нет бумаги."
    assert first(refused) == "Чековый принтер: не отвечает."
    assert first(refused, kitchen) == "Чековый принтер (bar printer): не отвечает."


@pytest.mark.parametrize(
    "name", ["COM3", "/dev/ttyUSB0", "192.168.1.5", "printer:9100", "a" * 80, "till COM12", "\x1b["]
)
def test_a_name_that_is_an_address_is_not_shown(name, build):
    one = build.finding("link.refused", Status.FAULT, "does not answer.", target="tcp://h:1", name=name)
    assert lines_of(build.report("en", one), Catalog("en"))[0] == "Till: does not answer."


@pytest.mark.parametrize("width", [32, 42, 48])
def test_receipt_paper_is_folded_between_words(sample, catalog, width):
    folded = render(sample[1], "slip", catalog=catalog, width=width)
    assert max(len(line) for line in folded.splitlines()) <= width
    assert folded.split() == render(sample[1], "slip", catalog=catalog).split()


def test_a_terminal_does_not_fold_the_slip(sample, catalog):
    assert render(sample[1], "slip", catalog=catalog, width=80) == render(sample[1], "slip", catalog=catalog)


def test_shop_text_names_the_rest(build):
    text = render(build.make("paper-out", "en"), "text", catalog=Catalog("en"), audience="shop")
    assert "1 more thing needs attention:\n- This computer: there is little room left on the disk." in text
    # one bad disk, and the printer: neither of the two is called fine
    assert "Checked and fine: network." in text
    assert "Not checked" not in text  # what waits for the paper is the printer itself


def test_shop_text_says_what_waits_for_the_first_problem(build):
    report = build.report(
        "en",
        build.finding("net.no-address", Status.FAULT, "the computer has no network.", target="host:///"),
        build.finding("check.not-asked", Status.SKIPPED, "x", name="bar", because="net.no-address"),
    )
    text = render(report, "text", catalog=Catalog("en"), audience="shop")
    assert "Not checked yet, because of the first line: receipt printer." in text


def test_hostile_text_stays_text(build):
    text = render(build.hostile(), "slip", catalog=Catalog("en"))
    assert len(text.splitlines()) <= 5
    assert all(character.isprintable() for character in text.replace("\n", ""))
