"""What an agent gone bad answers to a check: it is refused, or shown without acting on anybody's screen."""

from __future__ import annotations

import pytest

from supportctl.app.check import CheckRequest
from supportctl.app.remote import Remote, check_on, identify_on
from supportctl.catalog import Catalog
from supportctl.core.errors import SupportctlError
from supportctl.report import render

PAINT = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\x9b31m"
AT = "2026-01-02T03:04:05+00:00"
EVIDENCE = {"asked": PAINT, "at": AT, "ms": 1.0, "sent": PAINT, "got": PAINT, "meaning": PAINT}


class Says:
    """A session whose other side answers with this."""

    back = None

    def __init__(self, answer, *progress) -> None:
        self.client = self
        self.answer, self.progress = answer, progress

    def call(self, method, params, *, deadline_s, on_progress, back):
        for each in self.progress:
            if on_progress is not None:
                on_progress(each)
        return self.answer


def findings(**change):
    finding = {"code": "printer.paper-out", "status": "fault", "target": "escpos+tcp://192.0.2.1", **change}
    return {"findings": [finding], "started_at": AT, "duration_s": 1.0, "interrupted": False}


def checked(answer, *progress, seen=None):
    on_progress = None if seen is None else lambda done, total, names: seen.append((done, total, names))
    return check_on(Remote(Says(answer, *progress), "ssh://t@h"), CheckRequest("en"), on_progress)


@pytest.mark.parametrize("form", ["text", "json", "html", "junit", "nagios", "slip"])
@pytest.mark.parametrize(
    "code", ["printer.paper-out", PAINT, "no.such-code", "", "../../../etc/passwd", "{x.__class__}"]
)
def test_nothing_paints(form, code):
    answer = findings(
        code=code, name=PAINT, target=PAINT, args={PAINT: PAINT, "x": "{y.__class__}"}, because=PAINT,
        evidence=[EVIDENCE],
    )  # fmt: skip
    answer["site"] = answer["site_name"] = PAINT
    shown = render(checked(answer), form, catalog=Catalog("en"), color=False, width=100)
    assert not set(shown) & set("\x1b\x07\x9b\u202e")
    assert "<class" not in shown


@pytest.mark.parametrize(
    "answer",
    [{}, {"findings": None}, {"findings": {}}, {"findings": [1]}, {**findings(), "started_at": "yesterday"},
     {**findings(), "started_at": "2026-01-01"}, {**findings(), "duration_s": "x"}, findings(status="great"),
     findings(evidence=[{}]), findings(args=[1]), findings(more=1), {**findings(), "duration_s": None},
     {**findings(), "findings": [{}] * 20_000}],
)  # fmt: skip
def test_what_makes_no_sense_is_said(answer):
    with pytest.raises(SupportctlError) as refused:
        checked(answer)
    assert refused.value.key == "remote.bad-answer"


def test_progress_is_checked_too():
    seen = []
    good = {"done": 1, "total": 2, "names": [PAINT] * 100}
    bad = [{}, {"done": "1", "total": 2, "names": []}, {"done": 1, "total": 2, "names": "x"}, {"done": []}]
    checked(findings(), *bad, good, seen=seen)
    ((done, total, names),) = seen
    assert (done, total) == (1, 2)
    assert len(names) <= 4
    assert all(name.isprintable() for name in names)


IDENTITY = {
    "target": "tcp://192.0.2.1:9100", "found": "escpos+tcp://192.0.2.1:9100", "settings": PAINT,
    "details": {PAINT: PAINT, "model": PAINT}, "tried": [[PAINT] * 5 + [1.0]], "why": PAINT, "problem": None,
}  # fmt: skip


def test_an_identity_paints_nothing():
    found = identify_on(Remote(Says({"identity": IDENTITY}), "x"), "tcp://192.0.2.1:9100", 1.0)
    texts = [found.settings, found.why, *found.details, *found.details.values(), *found.tried[0][:5]]
    assert all(text.isprintable() for text in texts)


@pytest.mark.parametrize(
    "change",
    [{"target": "x"}, {"found": "x"}, {"found": 1}, {"details": []}, {"tried": 1}, {"tried": [[]]},
     {"tried": [["a"] * 7]}, {"tried": [["a"] * 6]}, {"problem": {}}, {"problem": "x"}],
)  # fmt: skip
def test_an_identity_that_makes_no_sense(change):
    with pytest.raises(SupportctlError) as refused:
        identify_on(Remote(Says({"identity": {**IDENTITY, **change}}), "x"), "tcp://192.0.2.1:9100", 1.0)
    assert refused.value.key == "remote.bad-answer"
