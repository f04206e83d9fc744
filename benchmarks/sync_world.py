"""A month of calls and what the CRM has of them, with planted gaps: two JSON Lines files and the truth.

The same count gives the same files. Shares are of all calls.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SINCE = datetime(2026, 9, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=30)
CLOCK_AHEAD_S = 17
SHARE = 0.005
KINDS = (
    "call-missing",
    "recording-missing",
    "duplicate-call",
    "wrong-employee",
    "no-contact",
    "delivered-late",
)
CROWDED = 0.02  # share phone and minute with another call
INTERNAL = 0.03
WITH_ID = 0.6
_APART_S = 300  # other calls of one phone are never nearer
_ZONE = timezone(timedelta(hours=3))
_LATE_S = 7200


class World(NamedTuple):
    """Where the files are. `truth` has a line `CODE ID` for each gap: of the call, or a phantom's record."""

    calls: Path
    records: Path
    truth: Path


class _Call(NamedTuple):
    at: int  # seconds after SINCE
    phone: str
    kind: str  # of KINDS, "ambiguous", "internal" or ""
    with_id: bool
    crowded: bool = False


def write_world(folder: Path, count: int, seed: int = 4) -> World:
    """Write the files of `count` calls, and about as many records."""
    world = World(folder / "calls.jsonl", folder / "records.jsonl", folder / "truth.txt")
    chance = Random(seed)
    records: list[tuple[int, str]] = []  # by the time of creation, as a CRM numbers them
    number = 0
    with world.calls.open("w", encoding="utf-8") as calls, world.truth.open("w", encoding="utf-8") as truth:
        for happened in _happened(chance, count):
            number += 1
            document = _document(chance, number, happened)
            calls.write(json.dumps(document) + "\n")
            code = happened.kind if happened.kind not in {"", "internal"} else None
            if code:
                truth.write(f"sync.{code} {document['call_id']}\n")
            records.extend(_records(chance, number, happened, document))
        for _ in range(round(count * SHARE)):
            records.append(_phantom(chance, truth, len(records)))
    records.sort()
    with world.records.open("w", encoding="utf-8") as file:
        file.writelines(line for _, line in records)
    return world


def _happened(chance: Random, count: int) -> Iterator[_Call]:
    """Yield calls, oldest first; the second of a pair in the same minute follows the first."""
    phones = max(count // 3, 1000)
    last: dict[int, int] = {}
    month = int((UNTIL - SINCE).total_seconds())
    pairs = int(count * CROWDED / 2)
    moments = sorted(chance.randrange(600, month - 1200) for _ in range(count - pairs))
    crowded = set(chance.sample(range(len(moments)), pairs))
    ambiguous = set(chance.sample(sorted(crowded), int(count * SHARE / 2)))
    for place, at in enumerate(moments):
        phone = chance.randrange(phones)
        while last.get(phone, -_APART_S) > at - _APART_S:
            phone = chance.randrange(phones)
        last[phone] = at + 60
        text = f"+7{9_000_000_000 + phone * 7}"
        if place in ambiguous:
            yield _Call(at, text, "ambiguous", with_id=False, crowded=True)
            yield _Call(at + 1, text, "ambiguous", with_id=False, crowded=True)
        elif place in crowded:
            with_id = chance.random() < WITH_ID
            yield _Call(at, text, "", with_id, crowded=True)
            yield _Call(at + chance.randrange(5, 50), text, "", with_id, crowded=True)
        else:
            kinds = (*KINDS, "internal", "")
            weights = (*[SHARE] * len(KINDS), INTERNAL, 1 - len(KINDS) * SHARE - INTERNAL)
            kind = chance.choices(kinds, weights)[0]
            yield _Call(at, text, kind, chance.random() < WITH_ID)


def _document(chance: Random, number: int, call: _Call) -> dict[str, Any]:
    internal = call.kind == "internal"
    # two calls of one minute have the same direction; else nothing would be hard about them
    way = "in" if call.crowded or chance.random() < 0.7 else "out"
    at = (SINCE + timedelta(seconds=call.at)).astimezone(_ZONE)
    return {
        "call_id": f"uis-{900_000_000 + number}",
        "source": "pbx",
        "direction": way,
        "started_at": at.isoformat(),
        "duration_s": chance.randrange(20, 600),
        "wait_s": chance.randrange(2, 40),
        "contact_phone": str(100 + number % 20) if internal else call.phone,
        "line": "+74951234567",
        "employee": str(100 + number % 17),
        "answered": True,
        "recording_url": None if internal else f"https://media.example/talk/{number:x}.mp3",
        "tags": ["internal"] if internal else [],
    }


def _records(chance: Random, number: int, call: _Call, document: dict[str, Any]) -> Iterator[tuple[int, str]]:
    kind = call.kind
    if kind in {"call-missing", "internal"} or (kind == "ambiguous" and number % 2):
        return
    end = call.at + document["wait_s"] + document["duration_s"]
    extension = int(document["employee"])
    for copy in range(2 if kind == "duplicate-call" else 1):
        created = end + CLOCK_AHEAD_S + 10 + copy * 60 + (_LATE_S if kind == "delivered-late" else 0)
        started = call.at + CLOCK_AHEAD_S + chance.randrange(3)
        yield created, _line(
            f"{number}{copy}", started, document["contact_phone"], document["direction"], created,
            external_id=document["call_id"] if call.with_id else "",
            duration_s=document["duration_s"],
            employee=str(extension + (1 if kind == "wrong-employee" else 0)),
            contact="" if kind == "no-contact" else f"CONTACT:{number}",
            recording=kind != "recording-missing",
        )  # fmt: skip


def _phantom(chance: Random, truth: Any, number: int) -> tuple[int, str]:
    at = chance.randrange(3600, int((UNTIL - SINCE).total_seconds()) - 3600)
    name = f"p{number}"
    truth.write(f"sync.phantom-call {name}\n")
    phone = f"+7{8_000_000_000 + number}"
    return at + 100, _line(
        name, at, phone, "in", at + 100, external_id="", duration_s=60, employee="101", contact="LEAD:1",
        recording=True,
    )  # fmt: skip


def _line(name: str, at: int, phone: str, way: str, created: int, **rest: Any) -> str:
    document = {
        "record_id": name,
        "started_at": (SINCE + timedelta(seconds=at)).isoformat(),
        "phone": phone,
        "direction": way,
        "line": "+74951234567",
        "recording_url": None,
        "created_at": (SINCE + timedelta(seconds=created)).isoformat(),
        "link": f"https://acme.example/crm/activity/{name}/",
        **rest,
    }
    return json.dumps(document) + "\n"
