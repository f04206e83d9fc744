"""The methods that read: profile, scopes, users, statistics, activities, duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.lab.bitrix24 import params as p
from integrations.lab.bitrix24.errors import APPLICATION_CONTEXT, STATISTIC_DENIED, ApiError
from integrations.lab.bitrix24.query import PAGE, Condition
from integrations.lab.bitrix24.store import ENTITIES, Activity, Store, User

if TYPE_CHECKING:
    from integrations.lab.bitrix24.calls import Caller

_MOST_VALUES = 20
_ON_REQUEST = ("COMMUNICATIONS", "FILES")  # only if `select` names them
Params = dict[str, Any]


class Listed(NamedTuple):
    """The result of a list; `total` and `next` stand beside it in the answer."""

    result: Any
    total: int | None
    next: int | None


def profile(caller: Caller) -> Params:
    """`profile`: who asks."""
    user = caller.user
    first, _, last = user.name.partition(" ")
    return {
        "ID": str(user.id),
        "ADMIN": user.admin,
        "NAME": first,
        "LAST_NAME": last,
        "PERSONAL_GENDER": "",
        "TIME_ZONE": "",
    }


def app_info(caller: Caller, scopes: tuple[str, ...]) -> Params:
    """`app.info`: for applications only."""
    if not caller.app_id:
        raise APPLICATION_CONTEXT
    return {
        "ID": int(caller.app_id),
        "CODE": caller.app_name,
        "VERSION": 1,
        "STATUS": "L",
        "INSTALLED": True,
        "SCOPE": list(scopes),
    }


def users(store: Store, params: Params) -> Listed:
    """`user.get`: FILTER, SORT, ORDER, pages of 50."""
    wanted = params.get("FILTER")
    conditions = store.users.conditions(
        {name: _active(value) if str(name).endswith("ACTIVE") else value for name, value in wanted.items()}
        if isinstance(wanted, dict)
        else {}
    )
    descending = p.text(params, "ORDER").upper() == "DESC"
    page = store.users.page(
        conditions, p.text(params, "SORT", "ID"), descending=descending, start=p.number(params, "START")
    )
    return Listed([_user_document(user) for user in page.rows], page.total, page.next)


def _active(value: Any) -> str:
    return "Y" if str(value).upper() in {"1", "Y", "TRUE"} else "N"


def _user_document(user: User) -> Params:
    first, _, last = user.name.partition(" ")
    return {
        "ID": str(user.id),
        "ACTIVE": user.active,
        "NAME": first,
        "LAST_NAME": last,
        "EMAIL": f"user{user.id}@example.com",
        "UF_DEPARTMENT": [1],
        "UF_PHONE_INNER": user.inner or None,
        "WORK_PHONE": "",
        "PERSONAL_MOBILE": "",
        "USER_TYPE": "employee",
    }


def statistics(store: Store, caller: Caller, params: Params, rights: str, *, plain_arrays: bool) -> Listed:
    """`voximplant.statistic.get`. `rights` is all, own or none; a limited right hides rows without a word.

    `plain_arrays`: whether an array is understood in a filter of EXTERNAL_CALL_ID; if not, it is as good as
    no filter.
    """
    if rights == "none":
        raise STATISTIC_DENIED
    conditions = store.statistics.conditions(params.get("FILTER"))
    if not plain_arrays:
        conditions = [
            each
            for each in conditions
            if each.field != "EXTERNAL_CALL_ID" or not isinstance(each.value, tuple)
        ]
    if rights == "own":
        conditions.append(Condition("PORTAL_USER_ID", "=", caller.user.id))
    page = store.statistics.page(
        conditions,
        p.text(params, "SORT", "ID").upper(),
        descending=p.text(params, "ORDER").upper() == "DESC",
        start=p.number(params, "START"),
    )
    return Listed([store.statistic_document(row) for row in page.rows], page.total, page.next)


def activities(store: Store, params: Params) -> Listed:
    """`crm.activity.list`: filter, select, order, pages of 50."""
    conditions = store.activities.conditions(params.get("FILTER"))
    order = params.get("ORDER")
    sort, direction = next(iter(order.items()), ("ID", "ASC")) if isinstance(order, dict) else ("ID", "ASC")
    page = store.activities.page(
        conditions,
        str(sort).upper(),
        descending=str(direction).upper() == "DESC",
        start=p.number(params, "START"),
    )
    wanted = [name.upper() for name in p.values(params, "SELECT")]
    return Listed([_activity_document(store, row, wanted) for row in page.rows], page.total, page.next)


def _activity_document(store: Store, activity: Activity, wanted: list[str]) -> Params:
    whole = {
        "ID": str(activity.id),
        "OWNER_ID": str(activity.owner[1]),
        "OWNER_TYPE_ID": str(ENTITIES[activity.owner[0]]),
        "TYPE_ID": "2",
        "PROVIDER_ID": "VOXIMPLANT_CALL",
        "PROVIDER_TYPE_ID": "CALL",
        "SUBJECT": f"Call {activity.phone}",
        "START_TIME": store.iso(activity.start),
        "CREATED": store.iso(activity.created),
        "COMPLETED": "Y",
        "RESPONSIBLE_ID": str(activity.responsible),
        "DIRECTION": str(activity.direction),
        "ORIGINATOR_ID": None,
        "ORIGIN_ID": activity.origin,
        "COMMUNICATIONS": [{"TYPE": "PHONE", "VALUE": activity.phone}],
        "FILES": [{"id": number} for number in activity.files],
    }
    if not wanted or "*" in wanted:
        return {name: each for name, each in whole.items() if name not in _ON_REQUEST or name in wanted}
    return {name: each for name, each in whole.items() if name in wanted or name == "ID"}


def duplicates(store: Store, params: Params) -> Any:
    """`crm.duplicate.findbycomm`: cards by phone; 20 hits of one kind suppress the later kinds."""
    kind, wanted = p.text(params, "TYPE").upper(), p.values(params, "VALUES")
    if kind not in {"PHONE", "EMAIL"}:
        raise ApiError("", "Communication type is not defined")
    if not wanted:
        raise ApiError("", "Communication values is not defined")
    found: dict[str, list[int]] = {}
    if kind == "PHONE":
        cards = {card for phone in wanted[:_MOST_VALUES] for card in store.cards_of(phone)}
        only = p.text(params, "ENTITY_TYPE").upper()
        for entity in ("LEAD", "CONTACT", "COMPANY"):
            ids = sorted(number for name, number in cards if name == entity and only in {"", entity})
            if ids:
                found[entity] = ids
            if len(ids) >= _MOST_VALUES:
                break
    return found or []


__all__ = ["PAGE", "Listed", "activities", "app_info", "duplicates", "profile", "statistics", "users"]
