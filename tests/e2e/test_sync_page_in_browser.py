"""The manager's page in a real browser: it filters, fits a phone, opens from a folder, runs nobody's code."""

import http.server
import re
import subprocess
import threading
import time

import pytest
from sync_reports import report

from supportctl.catalog import Catalog
from supportctl.report.sync.as_html import render_html

pytestmark = pytest.mark.peer("chromium")

ATTACK = (
    "</script><script>document.title='owned'</script><img src=/stolen onerror=\"document.title='owned'\">"
)
# A page beside it plays the person: it opens the page in frames, types, chooses and turns pages.
PERSON = """<!DOCTYPE html><title>person</title><body><script>
const log = (text) => document.body.append(` [${text}] `);
const load = (width, address) => new Promise((done) => {
  const frame = document.createElement('iframe');
  frame.style.cssText = `width:${width}px;height:800px`;
  frame.onload = () => done(frame);
  frame.src = address;
  document.body.append(frame);
});
(async () => {
  const page = (await load(1200, '/page')).contentDocument;
  const at = (id) => page.getElementById(id);
  const rows = () => page.querySelectorAll('#rows tr').length;
  const set = (id, value) => {
    at(id).value = value;
    at(id).dispatchEvent(new Event('input', {bubbles: true}));
  };
  const pressed = () => page.querySelector('.tile.fault').getAttribute('aria-pressed');
  log(`all ${at('shown').textContent.match(/\\d+/)[0]} rows ${rows()}`);
  at('next').click(); log(`second page ${rows()}`);
  page.querySelector('.tile.fault').click(); log(`wrong ${rows()} pressed ${pressed()}`);
  page.querySelector('.kinds button').click(); log(`first kind ${rows()}`);
  at('reset').click();
  set('search', SEARCH); log(`phone ${rows()}`);
  set('search', 'no such thing');
  log(`none ${rows()} hidden ${at('table').hidden} said ${at('shown').textContent.length > 9}`);
  set('search', ''); set('employee', '1'); log(`employee ${rows()}`);
  set('day', at('day').options[1].value); log(`day ${rows()}`);
  at('reset').click(); log(`reset focus ${page.activeElement.id}`);
  for (const width of [320, 390, 1200]) {
    const root = (await load(width, '/page#state=wrong')).contentDocument.documentElement;
    log(`width ${width} overflow ${root.scrollWidth - root.clientWidth}`);
  }
  log('end');
})();
</script>"""


@pytest.fixture
def site():
    """Serve pages; `asked` lists every path that a browser has asked for."""
    pages, asked = {}, []

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
        yield pages, f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def browse(peer_path, tmp_path):
    """Return the document and the console of a page in headless Chromium; no other host can be reached."""

    def run(url, *options):
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
                *(options or ("--virtual-time-budget=5000", "--dump-dom")),
                url,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return run


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_somebody_looks_for_calls(site, browse, lang):
    pages, base, asked = site
    found, day = report()
    caller = next(each.call for each in day.happened if each.call.contact_phone.startswith("+7900"))
    typed = f"8 ({caller.contact_phone[2:5]}) {caller.contact_phone[5:8]}-{caller.contact_phone[8:]}"
    calls = sum(each.call.contact_phone == caller.contact_phone for each in day.happened)
    pages["/page"] = render_html(found, Catalog(lang))
    pages["/person"] = PERSON.replace("SEARCH", repr(typed))
    document, console = browse(f"{base}/person")
    said = re.findall(r"\[([^\[\]]+)\]", document.partition("</script>")[2])
    assert said[-1] == "end", (said, console)
    told = dict(re.match(r"([a-z ]+?) (\d.*|focus.*)", line).groups() for line in said[:-1])
    total = len(day.happened) + len(day.phantoms)
    assert told["all"] == f"{total} rows 100"
    assert told["second page"] == str(total - 100)
    assert told["wrong"] == f"{len(day.planted)} pressed true"
    assert told["first kind"] == str(sum(gap.code == "sync.call-missing" for gap in day.planted))
    assert told["phone"] == str(calls)
    assert told["none"] == "0 hidden true said true"
    assert 0 < int(told["day"]) < int(told["employee"]) < 100
    assert told["reset"] == "focus search"
    assert re.findall(r"width (\d+) overflow (-?\d+)", " ".join(said)) == [
        ("320", "0"),
        ("390", "0"),
        ("1200", "0"),
    ]
    assert console == []
    assert set(asked) <= {"/person", "/page", "/favicon.ico"}


def test_attacks_are_texts(site, browse):
    pages, base, asked = site
    found, _ = report(name=ATTACK, phone=ATTACK)
    pages["/page"] = render_html(found._replace(site_name=ATTACK), Catalog("en"))
    document, console = browse(f"{base}/page")
    assert asked == ["/page"]
    assert console == []
    assert "<title>Calls in Bitrix24" in document
    assert "<img" not in document
    assert document.count("<script") == 2, "the data and ours"
    assert "&lt;/script&gt;" in document


def test_it_opens_from_a_folder_and_can_be_photographed(browse, tmp_path):
    file, picture = tmp_path / "calls.html", tmp_path / "calls.png"
    file.write_text(render_html(report()[0], Catalog("ru")), encoding="utf-8")
    document, console = browse(f"{file.as_uri()}#state=sync.call-missing")
    assert document.partition("<tbody")[2].partition("</tbody>")[0].count("<tr") == 6
    assert console == []
    browse(
        f"{file.as_uri()}#state=wrong",
        "--window-size=1280,1600",
        "--hide-scrollbars",
        f"--screenshot={picture}",
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 50_000, "something is drawn"


def test_ten_thousand_calls_open_at_once(browse, tmp_path):
    file = tmp_path / "many.html"
    file.write_text(render_html(report(10_000)[0], Catalog("en")), encoding="utf-8")
    timer = (
        "<script>addEventListener('load', () =>"
        " document.title = 'ms ' + Math.round(performance.now()))</script>"
    )
    page = file.read_text(encoding="utf-8")
    file.write_text(
        re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page) + timer, encoding="utf-8"
    )
    started = time.monotonic()
    document, _ = browse(file.as_uri())
    took = int(re.search(r"<title>ms (\d+)", document)[1])
    assert took < 10_000, f"{took} ms, the browser itself {time.monotonic() - started:.1f} s"
    assert document.partition("<tbody")[2].partition("</tbody>")[0].count("<tr") == 100
