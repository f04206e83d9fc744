"""The page: one file, nothing fetched, nothing run, sound for screen readers, readable in light and dark."""

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import supportctl.report
from supportctl.catalog import Catalog
from supportctl.report import render
from supportctl.report.markup import Html, element, joined

CSS = (Path(supportctl.report.__file__).parent / "report.css").read_text(encoding="utf-8")
VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def page(sample, catalog):
    return Page(render(sample[1], "html", catalog=catalog))


def test_language_and_title(page, catalog):
    assert page.named("html") == [{"lang": catalog.lang}]
    assert len(page.named("title")) == len(page.named("h1")) == len(page.named("main")) == 1


def test_nothing_is_fetched_or_run(page):
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "base", "video", "audio", "a"}
    for _tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action", "srcset"):
            assert attributes.get(name, "data:,") == "data:,"
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_policy_allows_our_style_and_nothing_else(page):
    policies = [m["content"] for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    ]


def test_headings_go_down_one_step_at_a_time(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_table_has_its_headings(page):
    for table in page.named("td"):
        assert table["data-label"]
    assert all(heading["scope"] == "col" for heading in page.named("th"))


def test_shop_people_read_first_and_engineers_find_all(build):
    page = Page(render(build.make("paper-out", "en"), "html", catalog=Catalog("en")))
    steps, engineers = page.text.index("Open the cover."), page.text.index("For support and engineers")
    assert page.text.index("The receipt printer is out of paper") < steps < engineers
    for piece in (
        "printer.paper-out",
        "DLE EOT 4",
        "100404",
        "7e",
        "14:02:31.250",
        "12 ms",
        "Clean the paper sensor",
        "supportctl explain printer.paper-out",
        "service engineer",
        "receipt printer is off-line",
    ):
        assert page.text.index(piece, 0) >= 0
    assert len(page.named("details")) == 4  # two cards, passed, not checked
    assert not [attributes for attributes in page.named("details") if "open" in attributes]


def test_status_is_told_in_words_not_by_colour_only(build):
    text = Page(render(build.make("paper-out", "ru"), "html", catalog=Catalog("ru"))).text
    assert "Продажи стоят" in text
    assert "Предупреждение" in text
    assert "1 неисправность останавливает продажи" in text


def test_healthy_page_is_calm(build):
    page = Page(render(build.make("healthy", "en"), "html", catalog=Catalog("en")))
    assert "Nothing needs to be done." in page.text
    assert not page.named("article")


def test_hostile_text_is_text(build):
    text = render(build.hostile(), "html", catalog=Catalog("en"))
    page = Page(text)
    assert not page.named("script")
    assert len(page.named("title")) == 1
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_markup_escapes_by_construction():
    assert element("p", "<b>", class_='x"y') == '<p class="x&quot;y">&lt;b&gt;</p>'
    assert element("p", element("b", "&"), None, "") == "<p><b>&amp;</b></p>"
    assert joined("<", Html("<br>")) == "&lt;<br>"
    assert element("meta", http_equiv="a", hidden=None) == '<meta http-equiv="a">'


def palettes():
    for number, block in enumerate(re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]):
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for front, back in [
            *[(ink, place) for ink in ("ink", "soft") for place in ("page", "card", "code")],
            *[(tone, f"{tone}-soft") for tone in ("fault", "warning", "unknown", "ok")],
            *[
                (ink, f"{tone}-soft")
                for ink in ("ink", "soft")
                for tone in ("fault", "warning", "unknown", "ok")
            ],
        ]:
            yield pytest.param(
                colours[front], colours[back], id=f"{('light', 'dark')[number]}-{front}-{back}"
            )


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("front", "back"), list(palettes()))
def test_contrast_is_enough_for_everybody(front, back):
    """WCAG 2.2, success criterion 1.4.3: 4.5 to 1."""
    light, dark = sorted((luminance(front), luminance(back)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
