"""A real Redmine: our client is understood, and the lab's answers have its shapes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import requests
from database_servers import free_port
from playbook_runs import HANDED_OVER, HEADER, INTENTS, graph

from integrations.checking import Surroundings
from integrations.lab.serve import PortalServer
from integrations.lab.tracker.redmine import RedminePortal
from integrations.tracker.redmine import RedmineTracker
from playbooks.engine.events import Answered
from supportctl.app.playbook_report import run_report
from supportctl.catalog import Catalog
from supportctl.core.accounts import Redmine
from supportctl.core.clock import SystemClock
from supportctl.core.failure import Failure, ServiceError
from supportctl.report.playbook.as_markdown import render_markdown

pytestmark = pytest.mark.peer("redmine")
KEY = "a" * 40
PRINT = "ab12cd34ef56"
START_S = 90


@pytest.fixture(scope="module")
def address(peer_path):
    """The address of a Redmine with its own copy of the database."""
    home = Path(peer_path("redmine"))
    folder = Path(tempfile.mkdtemp(prefix="redmine"))
    shutil.copy(home / "redmine.sqlite3", folder)
    port = free_port()
    environment = {
        **os.environ, "HOME": str(home), "RAILS_ENV": "production", "REDMINE_INSTANCE": "default",
        "REDMINE_DATABASE": str(folder / "redmine.sqlite3"),
    }  # fmt: skip
    words = ["bundle", "exec", "rails", "server", "-u", "webrick", "-b", "127.0.0.1", "-p", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*words, "-P", str(folder / "pid")], cwd=home / "app/usr/share/redmine", env=environment,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/issues.json", server, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


def _wait_for(url, server, log):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException:
            time.sleep(0.1)  # between polls of a program that says nothing when it is ready
        else:
            return
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def tracker(address, **changes):
    account = Redmine(kind="redmine", url=address, key=KEY, project="integrations").model_copy(update=changes)
    return RedmineTracker(account, Surroundings("dev", SystemClock(), lambda secret: secret))


def test_the_way_of_an_issue(address):
    ours = tracker(address)
    assert ours.find(PRINT) is None
    issue = ours.create(PRINT, "Битрикс24: доступ истёк", "Первый абзац.\n\nВторой.")
    assert ours.find(PRINT) == issue
    assert tracker(address, project="other").find(PRINT) is None
    ours.comment(issue, "растёт")
    ours.close(issue, "прошло")
    assert ours.find(PRINT) == issue._replace(is_open=False)
    answer = requests.get(
        f"{address}/issues/{issue.number}.json?include=journals", headers=_HEADERS, timeout=9
    )
    stored = answer.json()["issue"]
    assert [each["notes"] for each in stored["journals"]] == ["растёт", "прошло"]
    assert stored["status"]["is_closed"]
    again = ours.create(PRINT, "again", "text")
    assert ours.find(PRINT) == again


def test_filters_that_it_does_not_know_are_ignored_and_ours_are_not_fooled(address):
    """Why every issue that is found is looked at: Redmine would return all of them."""
    tracker(address).create("111111111111", "one", "text")
    found = requests.get(
        f"{address}/issues.json?project_id=integrations&cf_77=nothing&status_id=*",
        headers=_HEADERS,
        timeout=9,
    ).json()
    assert found["total_count"] >= 1
    assert tracker(address).find("000000000000") is None


@pytest.mark.parametrize(
    ("changes", "failure", "code"),
    [
        ({"key": "b" * 40}, Failure.SIGN_IN, "http-401"),
        ({"project": "nowhere"}, Failure.DATA, "http-404"),
    ],
)
def test_refusals(address, changes, failure, code):
    with pytest.raises(ServiceError) as caught:
        tracker(address, **changes).create(PRINT, "title", "text")
    assert (caught.value.failure, caught.value.code) == (failure, code)


def test_the_lab_answers_in_its_shapes(address):
    def answers(base, key):
        headers = {"X-Redmine-API-Key": key}
        issues = f"{base}/projects/integrations/issues.json"
        made = requests.post(issues, json={"issue": {"subject": "shape"}}, headers=headers, timeout=20)
        number = made.json()["issue"]["id"]
        urls = (
            "issues.json?subject=~shape",
            f"issues/{number}.json",
            "issue_statuses.json",
            "issues/99999.json",
        )
        read = [requests.get(f"{base}/{url}", headers=headers, timeout=20) for url in urls]
        empty = requests.post(issues, json={"issue": {"subject": ""}}, headers=headers, timeout=20)
        put = requests.put(
            f"{base}/issues/{number}.json", json={"issue": {"notes": "x", "status_id": 5}}, headers=headers,
            timeout=20,
        )  # fmt: skip
        refused = requests.post(
            f"{base}/issues.json", json={}, headers={"X-Redmine-API-Key": "no"}, timeout=20
        )
        return [made, *read, empty, put, refused]

    portal = RedminePortal(SystemClock())
    with PortalServer(portal) as server:
        lab = answers(server.url, portal.account(server.url)["key"])
    real = answers(address, KEY)
    for ours, theirs in zip(lab, real, strict=True):
        assert ours.status_code == theirs.status_code, theirs.url
        if theirs.content.strip():
            assert _missing(ours.json(), theirs.json()) == set(), theirs.url
    assert lab[3].json() == real[3].json()
    assert lab[5].json() == real[5].json()


def _missing(ours, theirs, place=""):
    """Return the fields of the lab's answer that the real one does not have."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        extra = {f"{place}.{name}" for name in ours if name not in theirs}
        return extra.union(*(_missing(ours[n], theirs[n], f"{place}.{n}") for n in ours if n in theirs))
    if isinstance(ours, list) and isinstance(theirs, list) and ours and theirs:
        return _missing(ours[0], theirs[0], f"{place}[]")
    return set()


_HEADERS = {"X-Redmine-API-Key": KEY}


def test_a_packet_of_a_run_is_kept_whole_and_nothing_of_it_acts(address):
    """What a device or a customer said makes no link, no macro and no markup, whatever formatting is on."""
    nasty = '@admin #1 {{toc}} [[Wiki]] !http://evil.example/x.png! "x":http://evil.example h1. *b* `c`'
    events = (*HANDED_OVER[:3], Answered(40.0, nasty), *HANDED_OVER[4:])
    report = run_report(HEADER, graph(), events, Catalog("ru"), INTENTS)
    text = render_markdown(report, Catalog("ru"), markup=False)
    issue = tracker(address).create("fedcba987654", "Принтер молчит", text)
    kept = requests.get(f"{address}/issues/{issue.number}.json", headers=_HEADERS, timeout=9).json()["issue"]
    assert kept["description"].replace("\r\n", "\n").strip() == text.strip()
    page = requests.get(f"{address}/issues/{issue.number}", headers=_HEADERS, timeout=9).text
    assert "evil.example" in page
    assert not re.search(r'(?:href|src)="[^"]*evil', page)
