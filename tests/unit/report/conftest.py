"""Reports as the probes would give them, in both languages, and the files that show how they are rendered."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from supportctl.catalog import Catalog
from supportctl.core.finding import Status, severity, worst
from supportctl.core.report import SCHEMA, EvidenceItem, Remedy, Report, ReportedFinding

GOLDEN = Path(__file__).parent / "golden"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
AT = "2026-11-22T14:02:31.250+03:00"
PRINTER = "escpos+tcp://192.168.1.50:9100"
REGISTER = "shtrih+serial:///dev/ttyACM0?baud=115200"
HOST = "host:///"

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\x00</title><script>alert(1)</script>"
    "|x=1;;;\r\n[admin] & 'q' \"z\" ]]>"
)


def finding(code: str, status: Status, title: str, *, target: str = PRINTER, name: str | None = None, **more):
    """A finding with everything empty that `more` does not say."""
    fields = {
        "stops_sales": False,
        "summary": title,
        "how_we_know": "",
        "reassurance": "",
        "explanation": "",
        "because": None,
        "evidence": (),
        "remedies": (),
        "ours": True,
        "hand_over_to": None,
    }
    return ReportedFinding(code=code, status=status, target=target, name=name, title=title, **(fields | more))


def report(lang: str, *findings: ReportedFinding, **more) -> Report:
    """A report of `findings`, sorted as compose sorts them."""
    told = tuple(sorted(findings, key=lambda f: (severity(f.status), not f.stops_sales)))
    fields = {
        "schema": SCHEMA,
        "tool_version": "0.1.0",
        "lang": lang,
        "site": "shop-12",
        "site_name": {"en": "Shop on Lenin street", "ru": "Магазин на Ленина"}[lang],
        "started_at": "2026-11-22T14:02:30+03:00",
        "duration_s": 2.4,
        "interrupted": False,
        "verdict": worst(f.status for f in told),
        "findings": told,
        "counts": {status.value: sum(f.status is status for f in told) for status in Status},
    }
    return Report(**(fields | more))


def passed(lang: str) -> list[ReportedFinding]:
    """What is fine in a usual report."""
    lines = (
        ("printer.cover", PRINTER, "receipt-printer", "The cover is closed.", "Крышка закрыта."),
        ("printer.cutter", PRINTER, "receipt-printer", "The cutter works.", "Нож работает."),
        ("net.dns", HOST, None, "Names are found.", "Имена в сети находятся."),
        ("net.gateway", HOST, None, "The router answers.", "Маршрутизатор отвечает."),
        ("host.disk", HOST, None, "There is room on the disk.", "На диске есть место."),
        ("host.clock", HOST, None, "The clock is right.", "Часы идут верно."),
    )
    return [
        finding(code, Status.OK, en if lang == "en" else ru, target=target, name=name)
        for code, target, name, en, ru in lines
    ]


def paper_out(lang: str) -> ReportedFinding:
    """The paper is out: the cashier mends it."""
    en = lang == "en"
    return finding(
        "printer.paper-out",
        Status.FAULT,
        "The receipt printer is out of paper" if en else "В чековом принтере закончилась бумага",
        name="receipt-printer",
        stops_sales=True,
        summary="the receipt printer is out of paper." if en else "в чековом принтере закончилась бумага.",
        how_we_know="the printer answered “no paper”." if en else "принтер ответил «нет бумаги».",
        reassurance="Receipts already printed are not lost." if en else "Пробитые чеки не потеряны.",
        explanation=(
            "The paper sensor reports the end of the roll. The printer stays off-line until it sees paper."
            if en
            else "Датчик бумаги сообщает о конце рулона. Пока бумаги нет, принтер не печатает."
        ),
        evidence=(
            EvidenceItem("DLE EOT 1", "100401", "1a", "off-line" if en else "не готов к печати", AT, 11.2),
            EvidenceItem(
                "DLE EOT 4",
                "100404",
                "7e",
                "paper not present, paper near end" if en else "бумаги нет, датчик запаса пуст",
                AT,
                12.0,
            ),
        ),
        remedies=(
            Remedy(
                "Open the cover. Put in a new 80 mm roll. Close the cover until it clicks."
                if en
                else "Откройте крышку. Вставьте новый рулон 80 мм. Закройте крышку до щелчка.",
                "cashier",
                1,
                "none",
                None,
                "printer.paper",
            ),
            Remedy(
                "Clean the paper sensor with a dry brush."
                if en
                else "Протрите датчик бумаги сухой кисточкой.",
                "vendor-engineer",
                10,
                "none",
                None,
                "printer.paper",
            ),
        ),
        hand_over_to="vendor-engineer",
    )


def offline(lang: str) -> ReportedFinding:
    """A consequence of the paper's end."""
    title = "The receipt printer is off-line" if lang == "en" else "Чековый принтер не готов к печати"
    return finding(
        "printer.offline", Status.SKIPPED, title, name="receipt-printer", because="printer.paper-out"
    )


def disk_low(lang: str) -> ReportedFinding:
    """A warning that an administrator looks after."""
    en = lang == "en"
    return finding(
        "host.disk-low",
        Status.WARNING,
        "Little room is left on disk C: 812 MB" if en else "На диске C мало места: 812 МБ",
        target=HOST,
        summary="there is little room left on the disk." if en else "на диске осталось мало места.",
        how_we_know="we asked the computer how much room is free."
        if en
        else "компьютер сказал, сколько места свободно.",
        reassurance="Nothing is lost yet." if en else "Пока ничего не потеряно.",
        explanation="When the disk is full the till program cannot save receipts."
        if en
        else "Когда место закончится, кассовая программа не сможет сохранять чеки.",
        remedies=(
            Remedy(
                "Delete old logs and backups." if en else "Удалите старые журналы и копии.",
                "administrator",
                15,
                "cannot-undo",
                None,
                "host.disk",
            ),
        ),
        hand_over_to="administrator",
    )


def fn_fault(lang: str) -> ReportedFinding:
    """A fault of a system that is another company's."""
    en = lang == "en"
    return finding(
        "fiscal.fn-fault",
        Status.FAULT,
        "The fiscal storage has failed" if en else "Фискальный накопитель неисправен",
        target=REGISTER,
        name="register-1",
        stops_sales=True,
        summary="the memory of the cash register has failed."
        if en
        else "отказала память онлайн-кассы (фискальный накопитель).",
        how_we_know="the cash register says so itself." if en else "онлайн-касса сама об этом сообщила.",
        reassurance="Receipts already sold stay on record." if en else "Пробитые чеки сохранены.",
        explanation="The storage answers with a hardware fault. Only a service centre may replace it."
        if en
        else "Накопитель отвечает аппаратной ошибкой. Заменить его вправе только сервисный центр.",
        evidence=(
            EvidenceItem(
                "FN status (FF01)",
                "02ff011e000000e2",
                "10ff0100",
                "life phase 1, warning flags 00" if en else "фаза жизни 1, флаги 00",
                AT,
                48.0,
            ),
        ),
        remedies=(
            Remedy(
                "Order a new fiscal storage from the service centre."
                if en
                else "Закажите замену накопителя в сервисном центре.",
                "vendor-engineer",
                120,
                "cannot-undo",
                None,
                "fiscal.fn",
            ),
        ),
        ours=False,
        hand_over_to="vendor-engineer",
    )


def silent(lang: str) -> ReportedFinding:
    """A question without an answer."""
    en = lang == "en"
    return finding(
        "link.port-busy",
        Status.UNKNOWN,
        "Port COM3 is held by frontol.exe (4242)" if en else "Порт COM3 занят программой frontol.exe (4242)",
        target="escpos+serial:///COM3?baud=38400",
        name="COM3",
        summary="we could not ask the printer. This does not mean that it is broken."
        if en
        else "принтер спросить не удалось. Это не значит, что он сломан.",
        how_we_know="another program is using the printer now."
        if en
        else "принтером сейчас занята другая программа.",
        reassurance="Nothing is lost." if en else "Ничего не потеряно.",
        explanation="A serial port has one owner at a time." if en else "У порта один владелец за раз.",
        evidence=(
            EvidenceItem("open COM3", None, None, "access denied" if en else "отказано в доступе", AT, 3.0),
        ),
        remedies=(
            Remedy(
                "Close the till program, then run this check again."
                if en
                else "Закройте кассовую программу и повторите проверку.",
                "cashier",
                2,
                "undoable",
                None,
                "link.open",
            ),
        ),
        hand_over_to="first-line",
    )


def hostile() -> Report:
    """Every text that can come from outside is an attack: on terminals, pages, XML, JSON and monitors."""
    bad = finding(
        "printer.offline",
        Status.FAULT,
        HOSTILE,
        target=f"escpos+tcp://h:1?x={HOSTILE}",
        name=HOSTILE,
        summary=HOSTILE,
        how_we_know=HOSTILE,
        reassurance=HOSTILE,
        explanation=HOSTILE,
        evidence=(EvidenceItem(HOSTILE, HOSTILE, HOSTILE, HOSTILE, AT, 1.0),),
        remedies=(Remedy(HOSTILE, "cashier", 1, "none", None, "printer.online"),),
        hand_over_to="second-line",
    )
    others = [
        replace(bad, status=status, remedies=()) for status in (Status.WARNING, Status.UNKNOWN, Status.OK)
    ]
    skipped = replace(bad, status=Status.SKIPPED, because="printer.offline", remedies=())
    return report("en", bad, *others, skipped, site=HOSTILE, site_name=HOSTILE)


def make(name: str, lang: str) -> Report:
    """The sample report called `name`."""
    good = passed(lang)
    not_asked = finding(
        "check.not-asked",
        Status.SKIPPED,
        "Not checked: scale.weight" if lang == "en" else "Не проверено: scale.weight",
        target="toledo8217+tcp://192.168.1.60:4001",
        name="scale",
        because="net.no-address",
    )
    made = {
        "healthy": lambda: report(lang, *good),
        "paper-out": lambda: report(lang, paper_out(lang), offline(lang), disk_low(lang), *good),
        "support": lambda: report(lang, fn_fault(lang), *good),
        "unknown": lambda: report(lang, silent(lang), *good[2:], interrupted=True, site=None, site_name=None),
        "warning": lambda: report(lang, disk_low(lang), *good[:4]),
        "nothing": lambda: report(lang, not_asked, site_name=None),
    }
    return made[name]()


SAMPLES = ("healthy", "paper-out", "support", "unknown", "warning", "nothing")


@pytest.fixture(params=["en", "ru"])
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return Catalog(request.param)


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest, catalog: Catalog) -> tuple[str, Report]:
    return request.param, make(request.param, catalog.lang)


@pytest.fixture
def build():
    """Give the makers of this module to a test: `build.make(...)`, `build.finding(...)`."""
    from types import SimpleNamespace

    makers = (make, report, finding, passed, paper_out, offline, disk_low, fn_fault, silent, hostile)
    return SimpleNamespace(**{maker.__name__: maker for maker in makers}, HOSTILE=HOSTILE, SAMPLES=SAMPLES)


@pytest.fixture
def golden():
    """Compare a text with the file of that name; with UPDATE_GOLDEN=1 write the file instead."""

    def same(name: str, text: str) -> None:
        path = GOLDEN / name
        if UPDATE:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"no {name}: run with UPDATE_GOLDEN=1 and read what it wrote"
        assert text == path.read_text(encoding="utf-8")

    return same
