"""The command line of resend against a house of portals."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

from integrations.lab.house import Wanted

PAIR = (Wanted("pbx", "uis", "telephony"), Wanted("acme", "bitrix24", "crm"))
NOW = datetime.now(UTC)


class Shop:
    """A house of portals with its configuration; `run` is the command line with it."""

    def __init__(self, supportctl, house, folder, **sections):
        self.house, self._supportctl, self._folder = house, supportctl, folder
        site = {"id": "lab", "phone_region": "RU", "timezone": "Europe/Moscow"}
        config = {"site": site, **house.sections(), **sections}
        # the portal allows a burst of 50: nobody has used it yet, and a test makes few requests
        config["crm"] = {"acme": {**config["crm"]["acme"], "rate": "50/s"}}
        self.config = str(self.file("supportctl.yaml", json.dumps(config)))

    def __call__(self, *words, lang="en"):
        return self._supportctl("--lang", lang, "--config", self.config, *words)

    def json(self, *words, exit_code=0):
        ended = self(*words, "--format", "json")
        assert ended.exit_code == exit_code, ended
        return json.loads(ended.out)

    def file(self, name, text):
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def gaps(self):
        """Write what a comparison finds; return the file."""
        ended = self("sync", "check", "--format", "json")
        return str(self.file("gaps.json", ended.out))

    def numberless(self):
        """Return the id of the lost call of a caller who hides the number."""
        lost = {gap.call_id for gap in self.house.day.expected() if gap.code == "sync.call-missing"}
        calls = [each.call for each in self.house.day.happened]
        (call,) = (call for call in calls if call.call_id in lost and not call.contact_phone)
        return call.call_id

    def calls(self, *calls):
        return str(self.file("calls.jsonl", "".join(f"{json.dumps(call)}\n" for call in calls)))

    def meddle(self, statement):
        """Change the ledger behind its back."""
        with closing(sqlite3.connect(self._folder / "supportctl.db")) as ledger, ledger:
            ledger.execute(statement)

    def in_crm(self):
        """Return how often each call id is in the portal's own books."""
        found: dict[str, int] = {}
        for row in self.house.portal("acme").store.statistics.rows.values():
            found[row.call.external_id] = found.get(row.call.external_id, 0) + 1
        return found


def a_call(call_id="c-1", **more):
    return {
        "call_id": call_id,
        "direction": "in",
        "started_at": (NOW - timedelta(hours=1)).isoformat(),
        "duration_s": 61,
        "contact_phone": "+79161234567",
        "answered": True,
        **more,
    }
