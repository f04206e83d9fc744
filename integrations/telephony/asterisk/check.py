"""Asks whether the records of an Asterisk can be read, and are what a comparison needs. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from integrations.telephony.asterisk import newest
from integrations.telephony.asterisk.recording_check import RECORDING_CODES, recording_findings
from integrations.telephony.asterisk.source import AsteriskSource
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.failure import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from integrations.checking import CheckContext, Surroundings
    from integrations.telephony.asterisk.newest import Newest
    from supportctl.core.accounts import Asterisk
    from supportctl.core.finding import Evidence, Finding

SYSTEM = "Asterisk"
_AHEAD_S = 300  # clocks of two computers differ; nothing differs by more
_HOUR_S = 3600
_DATABASE_FAULTS = {
    "refused": "telephony.database-refused",
    "no-right": "telephony.database-no-right",
    "no-database": "telephony.table-missing",
    "no-table": "telephony.table-missing",
    "no-column": "telephony.table-columns-missing",
    "timeout": "telephony.table-slow",
}


class AsteriskCheck:
    """`telephony.asterisk`: reachable, columns, ids, zone of its clock, newest record, recordings."""

    codes: ClassVar[frozenset[str]] = RECORDING_CODES | {
        "telephony.reachable", "telephony.records", "telephony.call-ids", "telephony.zone", "telephony.calls",
        "telephony.cdr-file-missing", "telephony.file-unreadable", "telephony.cdr-not-understood",
        "telephony.cdr-damaged", "telephony.cdr-empty", "telephony.no-call-ids",
        "telephony.no-id-columns", "telephony.zone-wrong", "telephony.no-recent-calls",
        "telephony.database-unreachable", *_DATABASE_FAULTS.values(),
    }  # fmt: skip

    def __init__(
        self, account: Asterisk, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._session = session
        self._source = AsteriskSource(account, surroundings)

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is wrong with the records, and what is fine."""
        started = context.clock.monotonic()
        if self._account.database is not None:
            database = self._source.database()
            asked = f"{database.table_name}: the last rows"
            try:
                found = newest.of_table(self._source, database, context.deadline)
            except ServiceError as error:
                evidence = context.evidence(
                    asked,
                    "telephony.refused",
                    started=started,
                    got=str(error),
                    system=SYSTEM,
                    said=error.text,
                )
                yield _database_fault(context, error, database.place, database.table_name, evidence)
                return
        else:
            asked = f"read {self._account.file}"
            try:
                found = newest.of_files(self._source)
            except UsageError:
                raise
            except SupportctlError as error:
                yield self._file_fault(context, error, asked, started)
                return
        evidence = context.evidence(
            asked, "telephony.records", started=started, count=len(found.legs), columns=len(found.columns)
        )
        yield context.ok("telephony.reachable", evidence, system=SYSTEM)
        yield from self._judge(context, found, evidence)

    def _judge(self, context: CheckContext, found: Newest, evidence: Evidence) -> Iterator[Finding]:
        if not found.legs:
            if found.damaged:
                yield context.fault(
                    "telephony.cdr-not-understood", evidence, system=SYSTEM, example=found.example
                )
            else:
                yield context.warning("telephony.cdr-empty", evidence, system=SYSTEM)
            return
        if found.damaged:
            yield context.warning(
                "telephony.cdr-damaged",
                evidence,
                system=SYSTEM,
                count=found.damaged,
                total=found.damaged + len(found.legs),
                example=found.example,
            )
        else:
            yield context.ok("telephony.records", evidence, system=SYSTEM, columns=len(found.columns))
        yield self._ids(context, found, evidence)
        zone = self._zone(context, found, evidence)
        yield zone
        if zone.status == "ok":
            yield self._age(context, found, evidence)
        else:
            yield context.skipped("telephony.calls", because=zone.code)
        yield from recording_findings(context, self._source, found, self._session)

    def _ids(self, context: CheckContext, found: Newest, evidence: Evidence) -> Finding:
        missing = [name for name in ("uniqueid", "linkedid") if name not in found.columns]
        if not missing:
            return context.ok("telephony.call-ids", evidence, system=SYSTEM)
        if self._account.database is not None:
            return context.warning(
                "telephony.no-id-columns",
                evidence,
                system=SYSTEM,
                columns=", ".join(missing),
                table=self._account.table,
            )
        settings = {"uniqueid": "loguniqueid=yes", "linkedid": "newcdrcolumns=yes"}
        return context.warning(
            "telephony.no-call-ids",
            evidence,
            system=SYSTEM,
            columns=", ".join(missing),
            settings=", ".join(settings[name] for name in missing),
        )

    def _zone(self, context: CheckContext, found: Newest, evidence: Evidence) -> Finding:
        """The ids know the true time of each call; without ids, a record from the future gives it away."""
        newest_start = found.legs[0].start
        zone = f"UTC{newest_start:%z}"
        zone = f"{zone[:-2]}:{zone[-2:]}"
        ahead = found.zone_error_s
        if ahead is None:
            future = (newest_start - context.clock.now()).total_seconds()
            ahead = 0 if future <= _AHEAD_S else -(-int(future) // _HOUR_S) * _HOUR_S
        if not ahead:
            return context.ok("telephony.zone", evidence, system=SYSTEM, zone=zone)
        offset = newest_start.utcoffset()
        true_s = int(offset.total_seconds() if offset else 0) + ahead
        return context.fault(
            "telephony.zone-wrong",
            evidence,
            system=SYSTEM,
            apart=_hours(abs(ahead)),
            zone=zone,
            true=f"UTC{'-' if true_s < 0 else '+'}{_hours(abs(true_s))}",
            example=f"{newest_start:%Y-%m-%d %H:%M:%S}",
        )

    def _age(self, context: CheckContext, found: Newest, evidence: Evidence) -> Finding:
        last = f"{found.legs[0].start:%d.%m.%Y %H:%M}"
        age = (context.clock.now() - found.legs[0].start).total_seconds()
        if age <= self._account.quiet:
            return context.ok("telephony.calls", evidence, system=SYSTEM, last=last)
        return context.warning(
            "telephony.no-recent-calls", evidence, system=SYSTEM, last=last, hours=int(age // _HOUR_S)
        )

    def _file_fault(
        self, context: CheckContext, error: SupportctlError, asked: str, started: float
    ) -> Finding:
        said = error.args_by_name.get("reason", "") or error.key
        evidence = context.evidence(
            asked, "telephony.refused", started=started, got=said, system=SYSTEM, said=said
        )
        file = error.args_by_name.get("found", "")
        if error.key != "cdr.no-file":
            return context.fault("telephony.file-unreadable", evidence, system=SYSTEM, file=file, said=said)
        return context.fault("telephony.cdr-file-missing", evidence, system=SYSTEM, file=file)


def _database_fault(
    context: CheckContext, error: ServiceError, place: str, table: str, evidence: Evidence
) -> Finding:
    code = _DATABASE_FAULTS.get(error.code, "telephony.database-unreachable")
    return context.fault(code, evidence, system=SYSTEM, database=place, table=table, said=error.text)


def _hours(seconds: int) -> str:
    return f"{seconds // _HOUR_S}:{seconds % _HOUR_S // 60:02}"
