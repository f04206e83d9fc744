"""Records of an exchange as Asterisk writes them, by Python's own csv module: a writer that is not ours."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

MOSCOW = ZoneInfo("Europe/Moscow")
DAY = datetime(2026, 9, 1, tzinfo=MOSCOW)
COLUMNS = {
    "plain": (),
    "uniqueid": ("uniqueid",),
    "userfield": ("userfield",),
    "both": ("uniqueid", "userfield"),
    "new": ("peeraccount", "linkedid", "sequence"),
    "uniqueid+new": ("uniqueid", "peeraccount", "linkedid", "sequence"),
    "userfield+new": ("userfield", "peeraccount", "linkedid", "sequence"),
    "all": ("uniqueid", "userfield", "peeraccount", "linkedid", "sequence"),
}
_FIRST = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata",
    "start", "answer", "end", "duration", "billsec", "disposition", "amaflags",
)  # fmt: skip


class Row(dict):
    """One record, by column."""

    def line(self, extra=COLUMNS["all"]):
        """Return the record as the line that Asterisk writes."""
        out = io.StringIO()
        quoted = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        fields = [self[name] for name in (*_FIRST, *extra)]
        quoted.writerow(fields)
        # an empty time has no quotes: that is where Asterisk differs from the csv module
        return out.getvalue().replace(f'"{self["start"]}","",', f'"{self["start"]}",,')


def row(
    start="10:00:00",
    *,
    src="+79161234567",
    dst="101",
    rang=5,
    talk=60,
    channel="PJSIP/operator-00000001",
    dstchannel="PJSIP/101-00000002",
    answered=True,
    uniqueid=None,
    linkedid=None,
    **other,
):
    """Return a record: it rang for `rang` seconds, then they talked for `talk`."""
    begin = datetime.fromisoformat(f"2026-09-01T{start}" if len(start) < 10 else start).replace(tzinfo=MOSCOW)
    talk = talk if answered else 0
    end = begin + timedelta(seconds=rang + talk)
    unique = uniqueid or f"{int(begin.timestamp())}.1"
    said = {
        "accountcode": "",
        "src": src,
        "dst": dst,
        "dcontext": "default",
        "clid": f'"{src}" <{src}>',
        "channel": channel,
        "dstchannel": dstchannel,
        "lastapp": "Dial",
        "lastdata": "PJSIP/101,30,tT",
        "start": f"{begin:%Y-%m-%d %H:%M:%S}",
        "answer": f"{begin + timedelta(seconds=rang):%Y-%m-%d %H:%M:%S}" if answered else "",
        "end": f"{end:%Y-%m-%d %H:%M:%S}",
        "duration": rang + talk,
        "billsec": talk,
        "disposition": "ANSWERED" if answered else "NO ANSWER",
        "amaflags": "DOCUMENTATION",
        "uniqueid": unique,
        "userfield": "",
        "peeraccount": "",
        "linkedid": linkedid or unique,
        "sequence": 1,
    }
    return Row({**said, **other})
