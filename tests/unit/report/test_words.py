"""Counts, times, redaction: what all renderers share."""

import subprocess
import sys
from dataclasses import replace

import pytest

from supportctl.catalog import Catalog
from supportctl.core import redaction
from supportctl.core.report import Remedy
from supportctl.report import FORMATS, render, wording
from supportctl.report.presentable import safe


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (1, "Пройдена 1 проверка."),
        (2, "Пройдены 2 проверки."),
        (4, "Пройдены 4 проверки."),
        (5, "Пройдено 5 проверок."),
        (11, "Пройдено 11 проверок."),
        (12, "Пройдено 12 проверок."),
        (21, "Пройдена 21 проверка."),
        (22, "Пройдены 22 проверки."),
        (111, "Пройдено 111 проверок."),
        (0, "Пройдено 0 проверок."),
    ],
)
def test_russian_counts(n, text):
    assert wording.counted(Catalog("ru"), "report.passed", n) == text


@pytest.mark.parametrize(
    ("minutes", "en", "ru"),
    [
        (0, "about 1 minute", "около 1 минуты"),
        (2, "about 2 minutes", "около 2 минут"),
        (21, "about 21 minutes", "около 21 минуты"),
        (60, "about 60 minutes", "около 60 минут"),
        (120, "about 2 hours", "около 2 часов"),
        (1440, "about 24 hours", "около 24 часов"),
    ],
)
def test_how_long(minutes, en, ru):
    remedy = Remedy("x", "cashier", minutes, "none", None, None)
    assert wording.minutes(remedy, Catalog("en")) == en
    assert wording.minutes(remedy, Catalog("ru")) == ru


def test_a_time_that_is_none_does_no_harm():
    assert wording.moment("soon", Catalog("en")) == "soon"
    assert wording.time_of_day("soon") == ""


@pytest.mark.parametrize(
    ("text", "continued"),
    [("Open it.", "open it."), ("USB cable", "USB cable"), ("О чём", "о чём"), ("", "")],
)
def test_a_step_continues_a_sentence(text, continued):
    assert wording.continued(text) == continued


def test_safe_keeps_good_text_and_shows_what_hides():
    assert safe("касса «12»\u00a0мм") == "касса «12»\u00a0мм"
    assert safe("a\nb\x1b[0m") == "a\nb\\x1b[0m"
    assert safe(None) is None


@pytest.mark.parametrize("form", FORMATS)
def test_no_secret_leaves_in_any_format(form, build, monkeypatch):
    monkeypatch.setattr(redaction, "_known", {"s3cr3t-value"})
    whole = build.make("paper-out", "en")
    leaky = replace(
        whole,
        site_name="s3cr3t-value",
        findings=tuple(
            replace(
                finding,
                title="s3cr3t-value",
                summary="token=abcdef123 s3cr3t-value",
                explanation="s3cr3t-value",
                evidence=tuple(replace(item, got="s3cr3t-value") for item in finding.evidence),
                remedies=tuple(replace(remedy, text="s3cr3t-value") for remedy in finding.remedies),
            )
            for finding in whole.findings
        ),
    )
    text = render(leaky, form, catalog=Catalog("en"))
    assert "s3cr3t" not in text
    assert "abcdef123" not in text
    assert "***" in text


@pytest.mark.usefixtures("no_coverage")
def test_a_format_imports_only_its_own_modules():
    script = (
        "import sys, supportctl.report as r, supportctl.catalog\n"
        "from supportctl.core.report import Report\n"
        "from supportctl.core.finding import Status\n"
        "at = '2026-01-01T00:00:00+00:00'\n"
        "report = Report('s', '0', 'en', None, None, at, 0.0, False, Status.OK, {}, ())\n"
        "r.render(report, 'text', catalog=supportctl.catalog.Catalog('en'))\n"
        "heavy = {'pydantic', 'rich', 'json', 'html', 'xml.etree', 'structlog', 'yaml', 'asyncio', 'click'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
