"""Is the file of calls there, can it be used, and does it still grow?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from integrations.telephony.files.reading import read_call_file
from integrations.telephony.files.source import SYSTEM, path_of, rules_of
from supportctl.core.call import Rejected
from supportctl.core.errors import UsageError
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from integrations.checking import CheckContext, Surroundings
    from supportctl.core.accounts import Csv
    from supportctl.core.call import Call
    from supportctl.core.finding import Finding

_SHOWN = 5
_EVERY = 1000
_RESERVE_S = 1.0  # of the deadline, for saying what was found
# why a file is no list of calls: key of the error -> key of the evidence texts
_NO_CALLS = {
    "calls.spreadsheet": "telephony.is-spreadsheet",
    "calls.empty": "telephony.is-empty",
    "calls.other-document": "telephony.is-other-document",
}


class CsvCheck:
    """`CHECKS["telephony.csv"]`: reads the file once, as far as the time goes."""

    codes: ClassVar[frozenset[str]] = frozenset({
        "telephony.file", "telephony.columns", "telephony.lines-usable", "telephony.calls",
        "telephony.file-missing", "telephony.file-unreadable", "telephony.file-not-calls",
        "telephony.columns-missing", "telephony.lines-rejected", "telephony.no-recent-calls",
    })  # fmt: skip

    def __init__(self, account: Csv, surroundings: Surroundings) -> None:
        self._path = path_of(account, surroundings)
        self._rules = rules_of(account, surroundings)
        self._quiet_s = account.quiet

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what the file is good for."""
        started = context.clock.monotonic()
        try:
            seen = self._read(context)
        except UsageError as error:
            yield from self._useless(context, error, started)
            return
        place = context.evidence(
            f"read {self._path}",
            "telephony.file-lines",
            started=started,
            calls=seen.calls,
            rejected=seen.rejected,
        )
        yield context.ok("telephony.file", place, file=self._path)
        yield context.ok("telephony.columns")
        if seen.rejected:
            yield context.warning(
                "telephony.lines-rejected",
                place,
                file=self._path,
                lines=", ".join(seen.where),
                rejected=seen.rejected,
                calls=seen.calls,
            )
        else:
            yield context.ok("telephony.lines-usable", calls=seen.calls)
        yield from self._age(context, seen, started)

    def _read(self, context: CheckContext) -> _Seen:
        seen = _Seen(0, 0, (), None, whole=True)
        for count, call in enumerate(read_call_file(self._path, self._rules), 1):
            seen = seen.with_(call)
            if count % _EVERY == 0 and context.deadline.remaining() < _RESERVE_S:
                return seen._replace(whole=False)
        return seen

    def _useless(self, context: CheckContext, error: UsageError, started: float) -> Iterator[Finding]:
        """Say why nothing of the file can be used."""
        place: Path = self._path
        said = error.args_by_name.get("reason", "")
        if error.key == "calls.not-found":
            proof = context.evidence(f"open {place}", "telephony.no-file", started=started)
            yield context.fault("telephony.file-missing", proof, file=place)
        elif error.key in {"calls.unreadable", "calls.folder"}:
            proof = context.evidence(f"open {place}", "telephony.not-opened", started=started, said=said)
            yield context.fault("telephony.file-unreadable", proof, file=place, said=said)
        elif error.key in {"calls.missing-columns", "calls.columns-twice"}:
            columns = error.args_by_name["columns"]
            proof = context.evidence(f"read {place}", "telephony.columns", started=started, columns=columns)
            yield context.fault("telephony.columns-missing", proof, file=place, columns=columns)
        else:
            what = Meaning(_NO_CALLS.get(error.key, "telephony.is-no-text"))
            proof = context.evidence(f"read {place}", what, started=started)
            yield context.fault("telephony.file-not-calls", proof, file=place, what=what)

    def _age(self, context: CheckContext, seen: _Seen, started: float) -> Iterator[Finding]:
        if seen.newest is None:
            if seen.whole:
                proof = context.evidence(f"read {self._path}", "telephony.no-calls", started=started)
                yield context.warning(
                    "telephony.no-recent-calls",
                    proof,
                    system=SYSTEM,
                    last="-",
                    hours=round(self._quiet_s / 3600),
                )
            return
        last = seen.newest.isoformat(timespec="minutes")
        age_s = (context.clock.now() - seen.newest).total_seconds()
        proof = context.evidence(f"read {self._path}", "telephony.newest-call", started=started, last=last)
        if age_s > self._quiet_s and seen.whole:
            yield context.warning(
                "telephony.no-recent-calls", proof, system=SYSTEM, last=last, hours=round(age_s / 3600)
            )
        else:
            yield context.ok("telephony.calls", proof, system=SYSTEM, last=last)


class _Seen(NamedTuple):
    """What a file held; `whole` is False if the time was over before its end."""

    calls: int
    rejected: int
    where: tuple[str, ...]
    newest: datetime | None
    whole: bool

    def with_(self, call: Call | Rejected) -> _Seen:
        if isinstance(call, Rejected):
            where = (*self.where, str(call.line)) if len(self.where) < _SHOWN else self.where
            return self._replace(rejected=self.rejected + 1, where=where)
        newest = call.started_at if self.newest is None else max(self.newest, call.started_at)
        return self._replace(calls=self.calls + 1, newest=newest)
