"""Where the customer's page is written: beside, and never over something that is not ours."""

import pytest

from supportctl.app import self_check as module
from supportctl.app.self_check import PAGE_NAME, self_check, write_page
from supportctl.catalog import Catalog
from supportctl.core.finding import Status
from supportctl.core.report import SCHEMA, Report
from supportctl.report import render

AT = "2026-11-22T14:02:30+03:00"
DATED = "supportctl-report-2026-11-22-1402.html"


@pytest.fixture
def report():
    return Report(SCHEMA, "0.1.0", "en", None, None, AT, 1.0, False, Status.OK, {"ok": 0}, ())


@pytest.fixture
def page(report):
    return render(report, "html", catalog=Catalog("en"))


def test_first_page(tmp_path, page):
    assert write_page(tmp_path, page, AT) == tmp_path / PAGE_NAME
    assert (tmp_path / PAGE_NAME).read_text(encoding="utf-8") == page


def test_our_own_page_is_replaced(tmp_path, page):
    write_page(tmp_path, page, AT)
    assert write_page(tmp_path, page + "<!-- 2 -->", AT).name == PAGE_NAME
    assert [path.name for path in tmp_path.iterdir()] == [PAGE_NAME]
    assert (tmp_path / PAGE_NAME).read_text(encoding="utf-8").endswith("<!-- 2 -->")


def test_somebody_elses_file_is_kept(tmp_path, page):
    (tmp_path / PAGE_NAME).write_text("my own notes")
    assert write_page(tmp_path, page, AT).name == DATED
    assert write_page(tmp_path, page, AT).name == "supportctl-report-2026-11-22-1402-2.html"
    assert (tmp_path / PAGE_NAME).read_text() == "my own notes"


def test_a_link_or_a_folder_of_that_name_is_kept(tmp_path, page):
    theirs = tmp_path / "theirs.html"
    theirs.write_text(page)
    (tmp_path / PAGE_NAME).symlink_to(theirs)
    (tmp_path / DATED).mkdir()
    assert write_page(tmp_path, page + "x", AT).name == "supportctl-report-2026-11-22-1402-2.html"
    assert theirs.read_text() == page


def test_a_dangling_link_is_not_followed(tmp_path, page):
    (tmp_path / PAGE_NAME).symlink_to(tmp_path / "elsewhere")
    assert write_page(tmp_path, page, AT).name == DATED
    assert not (tmp_path / "elsewhere").exists()


def test_the_next_folder_is_tried(tmp_path, monkeypatch, report):
    monkeypatch.setattr(module, "run_check", lambda _request, **_more: report)
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    good = tmp_path / "documents"
    good.mkdir()
    assert self_check("en", folders=[no_folder, good]).page == good / PAGE_NAME
    assert self_check("en", folders=[no_folder]).page is None


def test_half_a_page_is_not_left(tmp_path, monkeypatch, page):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def write(self, _text):
            raise OSError(28, "No space left on device")

    def no_room(path, *_, **__):
        path.touch()
        return Full()

    monkeypatch.setattr(type(tmp_path), "open", no_room)
    with pytest.raises(OSError, match="No space"):
        write_page(tmp_path, page, AT)
    assert list(tmp_path.iterdir()) == []
