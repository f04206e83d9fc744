"""The check of a MoySklad account: connection, rights, warehouses of the points of sale, edited documents."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from integrations.shop.asking import Asking, RefusedError, address_of
from integrations.shop.failures import FAILURE_CODES, Refusals
from integrations.shop.fields import listed
from integrations.shop.moysklad import documents, warehouses
from integrations.shop.moysklad.api import MoySkladApi, sign_in_header
from integrations.shop.moysklad.facts import MSK
from integrations.shop.moysklad.reader import MoySkladReader, window
from integrations.shop.moysklad.telling import Telling
from supportctl.core.failure import ServiceError
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integrations.checking import CheckContext, Surroundings
    from integrations.shop.moysklad.documents import Group
    from integrations.shop.moysklad.facts import Edit, Person, Rights
    from integrations.shop.moysklad.warehouses import Mismatch
    from supportctl.core.finding import Finding
    from supportctl.core.shop_accounts import MoySkladStock

SYSTEM = "MoySklad"
TRANSFERS = timedelta(days=30)  # a warehouse that was supplied so lately is supplied that way
CODES = {
    "1016": "rights-limited",
    "1043": "plan-limited",
    "1048": "auth-failed",
    "1056": "auth-failed",
    "1061": "blocked",
    "1070": "plan-limited",
    "1074": "maintenance",
    "1095": "maintenance",
    "1998": "wrong-address",
    "http-403": "rights-limited",
    "http-502": "maintenance",
    "http-503": "maintenance",
    "http-504": "maintenance",
}
_SIGN_IN = Meaning("shop.part-sign-in")
_WAREHOUSES = Meaning("shop.part-warehouses")
_DOCUMENTS = Meaning("shop.part-documents")


class MoySkladCheck:
    """Asks a MoySklad account, reading only."""

    codes: ClassVar[frozenset[str]] = FAILURE_CODES | {
        "shop.reachable", "shop.signed-in", "shop.rights", "shop.warehouses", "shop.documents",
        "shop.system-edits", "shop.warehouse-mismatch", "shop.document-edited-at-night",
    }  # fmt: skip

    def __init__(self, account: MoySkladStock, surroundings: Surroundings) -> None:
        self._account = account
        self._surroundings = surroundings
        self._zone = surroundings.timezone or MSK
        self._api: MoySkladApi | None = None

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield the findings: a connection that fails ends the check, a part that fails does not."""
        api = self._api or self._connect()
        reader = MoySkladReader(api)
        refusals = Refusals(SYSTEM, urlsplit(api.base).netloc, CODES)
        asking = Asking(context, refusals)
        told = Telling(context, SYSTEM, self._zone)
        try:
            rights, seen = asking.ask(
                "GET context/employee", _SIGN_IN, lambda: reader.rights(context.deadline)
            )
        except RefusedError as refused:
            yield refused.finding
            return
        yield context.ok("shop.reachable", seen, system=SYSTEM, host=refusals.host)
        yield context.ok("shop.signed-in", seen, system=SYSTEM, user=rights.who or Meaning("shop.a-solution"))
        yield from told.rights(rights, seen)
        for part in (self._warehouses, self._documents):
            try:
                yield from part(asking, told, reader, rights)
            except RefusedError as refused:
                yield refused.finding

    def use(self, api: MoySkladApi) -> None:
        """Ask by this session instead of a new one."""
        self._api = api

    def _connect(self) -> MoySkladApi:
        account, resolve = self._account, self._surroundings.resolve
        token = resolve(account.token) if account.token else None
        password = resolve(account.password) if account.password else None
        return MoySkladApi(
            self._surroundings.clock,
            sign_in_header(token, account.login, password),
            url=address_of(self._surroundings, account.url),
            token_of=account.token_of,
        )

    def _warehouses(
        self, asking: Asking, told: Telling, reader: MoySkladReader, rights: Rights
    ) -> Iterator[Finding]:
        hidden = [right for right in (rights.stores, rights.points, rights.stock) if right is False]
        if hidden:  # what cannot be seen looks as if it were not there
            yield told.not_asked("shop.warehouses")
            return
        deadline = asking.context.deadline
        points, _ = asking.ask("GET entity/retailstore", _WAREHOUSES, lambda: reader.points(deadline))
        stores, _ = asking.ask("GET entity/store", _WAREHOUSES, lambda: reader.stores(deadline))
        stock, seen = asking.ask(
            "GET report/stock/bystore/current", _WAREHOUSES, lambda: reader.stock(deadline)
        )
        found = warehouses.suspects(points, stores, stock, self._warehouse_rules())
        if found:
            found = self._without_transfers(found, asking, reader)
        if not found:
            yield told.warehouses_are_right(points, stores, seen)
            return
        goods = [good for mismatch in found for good in mismatch.goods[:5]]
        names, _ = asking.ask("GET entity/assortment", _WAREHOUSES, lambda: reader.names(goods, deadline))
        for mismatch in found:
            yield told.mismatch(mismatch, names, seen)

    def _without_transfers(
        self, found: list[Mismatch], asking: Asking, reader: MoySkladReader
    ) -> list[Mismatch]:
        since = asking.context.clock.now() - TRANSFERS
        deadline = asking.context.deadline
        moved, _ = asking.ask("GET entity/move", _WAREHOUSES, lambda: reader.transfers(since, deadline))
        return warehouses.confirmed(found, moved)

    def _warehouse_rules(self) -> warehouses.Rules:
        account = self._account
        supply = frozenset({*account.supply_stores, *map(warehouses.plain, account.supply_stores)})
        stores = {
            name: store
            for point, store in account.stores.items()
            for name in (point, warehouses.plain(point))
        }
        return warehouses.Rules(account.mismatch_products, account.mismatch_share, supply, stores)

    def _documents(
        self, asking: Asking, told: Telling, reader: MoySkladReader, rights: Rights
    ) -> Iterator[Finding]:
        if rights.audit is False:
            yield told.not_asked("shop.documents")
            return
        context, account = asking.context, self._account
        rules = documents.Rules(
            account.night,
            self._zone,
            timedelta(seconds=account.late_edit_after),
            frozenset(name.lower() for name in account.ignore_users),
        )
        since, until = window(context.clock.now(), account.look_back)
        edits: list[Edit] = []
        systems: dict[str, int] = {}
        failure = None
        started = context.clock.monotonic()
        try:
            for part in reader.audit(since, until, rules, context.deadline):
                edits += part.edits
                for name, count in part.by_systems.items():
                    systems[name] = systems.get(name, 0) + count
        except ServiceError as error:
            failure = asking.refused("GET audit", _DOCUMENTS, started, error)
        seen = context.evidence("GET audit", "shop.audit-read", started=started, count=len(edits))
        found = documents.groups(edits, rules)
        people = self._people(reader, asking) if found else {}
        for group in self._wanted(found, people, reader, asking):
            yield told.edits(group, people.get(group.uid), seen)
        if systems:
            told_systems = listed([f"{name} ({count})" for name, count in sorted(systems.items())])
            count = sum(systems.values())
            yield context.ok("shop.system-edits", seen, system=SYSTEM, count=count, sources=told_systems)
        if failure is not None:
            yield failure
        elif not found:
            yield context.ok(
                "shop.documents", seen, system=SYSTEM, days=max(round(account.look_back / 86400), 1)
            )

    def _people(self, reader: MoySkladReader, asking: Asking) -> dict[str, Person]:
        try:
            return reader.people(asking.context.deadline)
        except ServiceError:
            return {}  # then the login stands for the name

    def _wanted(
        self, found: Sequence[Group], people: dict[str, Person], reader: MoySkladReader, asking: Asking
    ) -> list[Group]:
        """Leave out people by name, and by role if the configuration names roles."""
        ignored = {name.casefold() for name in self._account.ignore_users}
        found = [g for g in found if g.uid not in people or people[g.uid].name.casefold() not in ignored]
        watched = frozenset(self._account.watch_roles)
        if not watched:
            return list(found)
        roles: dict[str, str] = {}
        for uid in {group.uid for group in found} & people.keys():
            try:
                roles[uid] = reader.role(people[uid].id, asking.context.deadline)
            except ServiceError:
                roles[uid] = ""
        return documents.without(found, roles, watched)
