"""The page in a real browser: nothing is fetched, nothing complains, attacks are text, it fits a phone."""

import http.server
import re
import subprocess
import threading

import pytest

from supportctl.catalog import Catalog
from supportctl.core.finding import Status
from supportctl.core.report import SCHEMA, EvidenceItem, Remedy, Report, ReportedFinding
from supportctl.report import render

pytestmark = pytest.mark.peer("chromium")

ATTACK = (
    "</title></style><script>document.title='owned'</script>"
    "<img src=/stolen onerror=\"document.title='owned'\">"
    "<style>@import '/stolen.css'</style><a href=javascript:alert(1)>x</a>"
)


def finding(status, text, **more):
    fields = {
        "code": "printer.paper-out",
        "target": "escpos+tcp://192.168.1.50:9100?" + "x" * 120,
        "name": text,
        "stops_sales": status is Status.FAULT,
        "title": text,
        "summary": text,
        "how_we_know": text,
        "reassurance": text,
        "explanation": text,
        "because": None,
        "ours": True,
        "hand_over_to": "second-line",
        "evidence": (EvidenceItem(text, "10" * 64, "7e" * 64, text, "2026-11-22T14:02:31+03:00", 12.0),),
        "remedies": (Remedy(text, "cashier", 1, "none", None, "printer.paper"),),
    }
    return ReportedFinding(status=status, **(fields | more))


@pytest.fixture(params=["en", "ru"])
def pages(request):
    """A report full of attacks, whole and with all details open."""
    findings = tuple(
        finding(status, ATTACK)
        for status in (Status.FAULT, Status.UNKNOWN, Status.WARNING, Status.OK, Status.SKIPPED)
    )
    report = Report(
        SCHEMA,
        "0.1.0",
        request.param,
        ATTACK,
        ATTACK,
        "2026-11-22T14:02:30+03:00",
        2.4,
        False,
        Status.FAULT,
        {"fault": 1, "unknown": 1, "warning": 1, "ok": 1, "skipped": 1},
        findings,
    )
    page = render(report, "html", catalog=Catalog(request.param))
    # The frame's page measures the report in frames as wide as a small phone, a phone and a desk.
    frame = """<!DOCTYPE html><title>frames</title><body><script>
    for (const width of [320, 390, 1200]) {
      const frame = document.createElement('iframe');
      frame.style.width = width + 'px'; frame.style.height = '800px'; frame.src = '/open';
      frame.onload = () => { const root = frame.contentDocument.documentElement;
        document.body.append(` width ${width} overflow ${root.scrollWidth - root.clientWidth} `); };
      document.body.append(frame);
    }
    </script>"""
    return {"/page": page, "/open": page.replace("<details", "<details open"), "/frames": frame}


@pytest.fixture
def site(pages):
    """Serve the pages; `asked` lists every path that a browser has asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def browse(peer_path, tmp_path):
    """Return the document and the console of a page in headless Chromium; no other host can be reached."""

    def run(url):
        done = subprocess.run(
            [
                peer_path("chromium"),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                f"--user-data-dir={tmp_path / 'profile'}",
                "--enable-logging=stderr",
                "--virtual-time-budget=5000",
                "--dump-dom",
                url,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return run


def test_a_page_of_attacks_is_a_page_of_texts(site, browse):
    base, asked = site
    document, console = browse(f"{base}/page")
    assert asked == ["/page"]  # no picture, no style, no favourite icon
    assert console == []
    title = re.search(r"<title>(.*?)</title>", document, re.DOTALL).group(1)
    assert "owned" in title
    assert title.startswith(("Check of &lt;/title&gt;", "Проверка: &lt;/title&gt;"))
    assert "<script" not in document
    assert "<img" not in document
    assert document.count("<article") == 3


def test_it_fits_every_screen(site, browse):
    base, _asked = site
    document, console = browse(f"{base}/frames")
    found = dict(re.findall(r"width (\d+) overflow (\d+)", document.partition("</script>")[2]))
    assert found == {"320": "0", "390": "0", "1200": "0"}
    assert console == []


def test_it_opens_from_a_folder_without_any_server(pages, browse, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(pages["/page"], encoding="utf-8")
    document, console = browse(file.as_uri())
    assert document.count("<article") == 3
    assert console == []
