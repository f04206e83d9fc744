"""The methods of the Data API that read: what each returns of the store."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.lab.uis import selection
from integrations.lab.uis.rpc import RpcError
from integrations.lab.uis.store import TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from integrations.lab.uis.selection import Row
    from integrations.lab.uis.store import Store
    from integrations.lab.uis.timeline import Timeline

# Faults that change what is shown.
SHOWING = ("notifications-failing", "recordings-late", "line-not-routed", "employee-without-extension")
NOTIFICATIONS_REPORT = 77
_REPORTS = (
    {"id": 2, "type": "summary_analytics", "name": "Обзор трафика", "group_id": 6},
    {"id": 41, "type": "calls", "name": "Звонки", "group_id": 7},
    {"id": NOTIFICATIONS_REPORT, "type": "notifications", "name": "Отправленные уведомления", "group_id": 9},
)
_COMMON = frozenset({"access_token", "user_id", "limit", "offset", "filter", "sort", "fields"})
_DATES = frozenset({"date_from", "date_till"})
_FAILING_FOR, _FAILING_AT_LEAST = timedelta(hours=3), 3
_NOTIFICATION_DAYS = 366
_RECORDS = ("call_records", "wav_call_records", "full_record_file_link", "voice_mail_records")


class View(NamedTuple):
    """The account that is looked at, the time there, and the faults that change what is seen."""

    name: str
    timezone: str
    now: datetime
    faults: set[str]


def _account(_: Store, params: Mapping[str, Any], view: View) -> tuple[list[Row], int]:
    _expect(params, frozenset({"access_token"}))
    return [{"app_id": 1103, "name": view.name, "timezone": view.timezone}], 1


def _calls(store: Store, params: Mapping[str, Any], view: View) -> tuple[list[Row], int]:
    _expect(params, _COMMON | _DATES | {"include_ongoing_calls"})
    rows, total = _report(store.calls, "get.calls_report", params)
    if "recordings-late" in view.faults:
        rows = [_without_records(row) for row in rows]
    return rows, total


def _legs(store: Store, params: Mapping[str, Any], _: View) -> tuple[list[Row], int]:
    _expect(params, _COMMON | _DATES)
    sessions = selection.ids(params, "call_session_id")
    if sessions is None:
        return _report(store.legs, "get.call_legs_report", params)
    since, until = _period(params)
    table = selection.tables()["get.call_legs_report"]
    selection.condition(table, params)
    order = selection.order(table, params)
    legs = [leg for session in sessions for leg in store.legs_of.get(session, ())]
    legs = [leg for leg in legs if since <= leg["start_time"] <= until]
    legs.sort(key=lambda leg: leg["start_time"], reverse=bool(order and order[1]))
    return _cut(legs, params, table)


def _communications(store: Store, params: Mapping[str, Any], _: View) -> tuple[list[Row], int]:
    _expect(params, _COMMON | _DATES)
    since, until = _period(params)
    table = selection.tables()["get.communications_report"]
    rows: list[Row] = [
        {
            "id": call["communication_id"],
            "communication_type": "call",
            "date_time": call["start_time"],
            "tags": call["tags"],
        }
        for call in store.calls.rows(*store.calls.between(since, until))
    ]
    return _chosen(rows, params, table)


def _numbers(store: Store, params: Mapping[str, Any], view: View) -> tuple[list[Row], int]:
    _expect(params, _COMMON)
    rows = list(store.numbers.values())
    if "line-not-routed" in view.faults and rows:
        rows = [rows[0] | {"scenarios": []}, *rows[1:]]
    return _chosen(rows, params, selection.tables()["get.virtual_numbers"])


def _employees(store: Store, params: Mapping[str, Any], view: View) -> tuple[list[Row], int]:
    _expect(params, _COMMON)
    rows = list(store.employees.values())
    if "employee-without-extension" in view.faults:
        rows = [row | {"extension": {}} for row in rows]
    return _chosen(rows, params, selection.tables()["get.employees"])


def _reports(_: Store, params: Mapping[str, Any], __: View) -> tuple[list[Row], int]:
    _expect(params, _COMMON)
    return _chosen([dict(row) for row in _REPORTS], params, selection.tables()["get.reports_list"])


def _notifications(store: Store, params: Mapping[str, Any], view: View) -> tuple[list[Row], int]:
    _expect(params, _COMMON | _DATES | {"report_id"})
    if "report_id" not in params:
        raise RpcError("required_parameter_missed", "report_id")
    if params["report_id"] != NOTIFICATIONS_REPORT:
        raise RpcError("invalid_parameter_value", "report_id", params["report_id"])
    now = view.now.strftime(TIME)
    since, until = _moment(params, "date_from"), _moment(params, "date_till", now)
    if _parsed(until) - _parsed(since) > timedelta(days=_NOTIFICATION_DAYS):
        raise RpcError("invalid_parameter_value", "date_from", since)
    table = selection.tables()["get.notifications"]
    log = store.notifications
    low, high = log.between(since, min(until, now))
    order = selection.order(table, params)
    holds = selection.condition(table, params)
    rows = list(log.rows(low, high))
    if "notifications-failing" in view.faults:
        since_then = (view.now - _FAILING_FOR).strftime(TIME)
        newest = len(rows) - _FAILING_AT_LEAST
        rows = [
            _failed(row) if row[log.field] >= since_then or number >= newest else row
            for number, row in enumerate(rows)
        ]
    if holds is not None:
        rows = [row for row in rows if holds(row)]
    if order is not None and order[1]:
        rows.reverse()
    if not params.get("fields"):
        return [], len(rows)
    return _cut(rows, params, table)


METHODS: dict[str, Callable[[Store, Mapping[str, Any], View], tuple[list[Row], int]]] = {
    "get.account": _account,
    "get.calls_report": _calls,
    "get.call_legs_report": _legs,
    "get.communications_report": _communications,
    "get.virtual_numbers": _numbers,
    "get.employees": _employees,
    "get.reports_list": _reports,
    "get.notifications": _notifications,
}


def _report(log: Timeline, method: str, params: Mapping[str, Any]) -> tuple[list[Row], int]:
    """Return a page of a report over a period, and how many rows it has."""
    table = selection.tables()[method]
    since, until = _period(params)
    low, high = log.between(since, until)
    order = selection.order(table, params)
    holds = selection.condition(table, params)
    offset, limit = selection.page(params)
    wanted = selection.fields(table, params)
    last_first = bool(order and order[1])
    if holds is None:
        rows, total = log.page(low, high, offset, limit, last_first=last_first), high - low
    else:
        found = [row for row in log.rows(low, high) if holds(row)]
        rows, total = (found[::-1] if last_first else found)[offset : offset + limit], len(found)
    return [selection.shown(row, wanted, table) for row in rows], total


def _chosen(rows: list[Row], params: Mapping[str, Any], table: selection.Table) -> tuple[list[Row], int]:
    holds = selection.condition(table, params)
    order = selection.order(table, params)
    if holds is not None:
        rows = [row for row in rows if holds(row)]
    if order is not None:
        field, last_first = order
        rows = sorted(rows, key=lambda row: str(row.get(field)), reverse=last_first)
    return _cut(rows, params, table)


def _cut(rows: list[Row], params: Mapping[str, Any], table: selection.Table) -> tuple[list[Row], int]:
    offset, limit = selection.page(params)
    wanted = selection.fields(table, params)
    return [selection.shown(row, wanted, table) for row in rows[offset : offset + limit]], len(rows)


def _expect(params: Iterable[str], known: frozenset[str]) -> None:
    for name in params:
        if name not in known:
            raise RpcError("unexpected_parameters", name)


def _period(params: Mapping[str, Any]) -> tuple[str, str]:
    since, until = _moment(params, "date_from"), _moment(params, "date_till")
    if _parsed(until) > _three_months_after(_parsed(since)):
        raise RpcError("date_interval_limit_reached", "date_till", until)
    return since, until


def _moment(params: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = params.get(name, default)
    if value is None:
        raise RpcError("required_parameter_missed", name)
    if not isinstance(value, str):
        raise RpcError("data_type_error", name, value)
    try:
        return _parsed(value).strftime(TIME)
    except ValueError:
        raise RpcError("invalid_parameter_value", name, value) from None


def _parsed(text: str) -> datetime:
    return datetime.strptime(text, TIME)  # noqa: DTZ007  the Data API's own form has no zone


def _three_months_after(moment: datetime) -> datetime:
    months = moment.month + 2
    year, month = moment.year + months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def _without_records(row: Row) -> Row:
    return {name: ([] if isinstance(v, list) else None) if name in _RECORDS else v for name, v in row.items()}


def _failed(row: Row) -> Row:
    return row | {
        "notification_status": {"value": "Ошибка отправки", "value_id": "error"},
        "notification_error_type": {"value": "Сервер вернул ошибку", "value_id": "http_error"},
        "notification_error_message": "502 Bad Gateway",
    }
