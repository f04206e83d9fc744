"""The columns of Asterisk's call detail records: in Master.csv by their number, in a table by their names.

Master.csv has no header. Its first 16 columns are fixed; cdr.conf adds uniqueid (`loguniqueid`), userfield
(`loguserfield`) and peeraccount, linkedid, sequence (`newcdrcolumns`), in this order (asterisk/asterisk,
cdr/cdr_csv.c and configs/samples/cdr.conf.sample).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

MASTER = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata",
    "start", "answer", "end", "duration", "billsec", "disposition", "amaflags",
)  # fmt: skip
UNIQUEID = ("uniqueid",)
USERFIELD = ("userfield",)
NEW = ("peeraccount", "linkedid", "sequence")
START = len(MASTER) - 7  # the place of `start`
MOST_COLUMNS = 64
# Other names of the same thing, in the tables of FreePBX, of older Asterisk and of the sample schemas.
SYNONYMS = {"calldate": "start", "answerdate": "answer", "hangupdate": "end", "recordingfile": "recording"}
NEEDED = frozenset({"start", "src", "dst", "duration", "billsec", "disposition"})
_ONLY_ONE = len(MASTER) + 1
_WITH_UNIQUEID_OR_USERFIELD = {_ONLY_ONE: (), _ONLY_ONE + len(NEW): NEW}
_BY_COUNT = {
    len(MASTER): MASTER,
    len(MASTER) + 2: MASTER + UNIQUEID + USERFIELD,
    len(MASTER) + 3: MASTER + NEW,
    len(MASTER) + 5: MASTER + UNIQUEID + USERFIELD + NEW,
}
# "1757322000.42", with a system's name "pbx-1757322000.42": seconds since 1970, a number
_UNIQUEID = re.compile(r"(?:.{1,80}-)?(\d{9,10})\.\d{1,12}", re.ASCII | re.DOTALL)


def columns_of(fields: Sequence[str]) -> tuple[str, ...] | None:
    """Return the names of the columns of a record of Master.csv, None if it is no such record."""
    found = _BY_COUNT.get(len(fields))
    if found is None and len(fields) in _WITH_UNIQUEID_OR_USERFIELD:
        one = UNIQUEID if epoch_of(fields[len(MASTER)]) is not None else USERFIELD
        found = MASTER + one + _WITH_UNIQUEID_OR_USERFIELD[len(fields)]
    return found


def header(fields: Sequence[str]) -> tuple[str, ...] | None:
    """Return the columns that a first line names, as an export has it; None if it names none."""
    names = tuple(known_as(field) for field in fields)
    return names if set(names) >= NEEDED and len(names) <= MOST_COLUMNS else None


def known_as(name: str) -> str:
    """Return our name of a column."""
    plain = name.strip().lower()
    return SYNONYMS.get(plain, plain)


def missing(names: Collection[str]) -> list[str]:
    """Return the columns without which no call can be told, by their names in the documentation."""
    return sorted(NEEDED - {known_as(name) for name in names})


@lru_cache(4096)
def epoch_of(uniqueid: str) -> int | None:
    """Return the second at which a channel began, which its uniqueid names; it knows no time zone."""
    match = _UNIQUEID.fullmatch(uniqueid)
    return int(match[1]) if match else None
