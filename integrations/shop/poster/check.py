"""The check of a Poster account: connection, supplies where goods are sold, cost of what is sold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import urlsplit

from integrations.shop.asking import Asking, RefusedError, address_of
from integrations.shop.failures import FAILURE_CODES, Refusals
from integrations.shop.fields import listed
from integrations.shop.poster import facts, judging
from integrations.shop.poster.api import PosterApi
from supportctl.core.finding import Meaning, clean_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from integrations.checking import CheckContext, Surroundings
    from integrations.shop.poster.facts import Product, Sold, Spot, Supply
    from integrations.shop.poster.judging import Dry
    from supportctl.core.finding import Evidence, Finding
    from supportctl.core.shop_accounts import PosterStock

SYSTEM = "Poster"
CODES = {
    "10": "auth-failed",
    "11": "auth-failed",
    "12": "auth-failed",
    "20": "rights-limited",
    "54": "rights-limited",
    "700": "rate-limited",
    "http-502": "maintenance",
    "http-503": "maintenance",
    "http-504": "maintenance",
}
REACH_DAYS = 90  # how far back the last supply is looked for
_MOST_SUPPLIES = 60  # whose goods are read one by one
_SIGN_IN = Meaning("shop.part-sign-in")
_SUPPLIES = Meaning("shop.part-supplies")
_COSTS = Meaning("shop.part-costs")


class _Sales(NamedTuple):
    """What was sold since a day, by location."""

    since: datetime
    by_spot: Mapping[str, Sequence[Sold]]
    seen: Evidence


class PosterCheck:
    """Asks a Poster account, reading only."""

    codes: ClassVar[frozenset[str]] = FAILURE_CODES | {
        "shop.reachable", "shop.signed-in", "shop.supplies", "shop.costs", "shop.no-supplies",
        "shop.cost-missing",
    }  # fmt: skip

    def __init__(self, account: PosterStock, surroundings: Surroundings) -> None:
        self._account = account
        self._surroundings = surroundings
        self._zone = surroundings.timezone or UTC
        self._ignored = frozenset(name.casefold() for name in account.ignore_products)
        self._api: PosterApi | None = None

    def use(self, api: PosterApi) -> None:
        """Ask by this session instead of a new one."""
        self._api = api

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield the findings."""
        api = self._api or self._connect()
        host = urlsplit(api.base).netloc
        asking = Asking(context, Refusals(SYSTEM, host, CODES))
        deadline = context.deadline
        try:
            answer, seen = asking.ask(
                "GET access.getSpots", _SIGN_IN, lambda: facts.spots_of(api.get("access.getSpots", deadline))
            )
            yield context.ok("shop.reachable", seen, system=SYSTEM, host=host)
            yield context.ok("shop.signed-in", seen, system=SYSTEM, user=self._surroundings.name)
            spots = [spot for spot in answer if not {spot.id, spot.name} & set(self._account.ignore_spots)]
            sales = self._sales(api, asking, spots)
            products, menu = asking.ask(
                "GET menu.getProducts",
                _COSTS,
                lambda: facts.products_of(api.get("menu.getProducts", deadline)),
            )
            yield self._costs(context, sales, products, menu)
            yield from self._supplies(api, asking, spots, sales, products)
        except RefusedError as refused:
            yield refused.finding

    def _connect(self) -> PosterApi:
        account, resolve = self._account, self._surroundings.resolve
        url = address_of(self._surroundings, account.url)
        return PosterApi(self._surroundings.clock, resolve(account.token), url=url)

    def _sales(self, api: PosterApi, asking: Asking, spots: Sequence[Spot]) -> _Sales:
        now = asking.context.clock.now().astimezone(self._zone)
        since = (now - timedelta(days=self._account.no_supplies_days)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        window = {"date_from": f"{since:%Y%m%d}", "date_to": f"{now:%Y%m%d}"}
        started = asking.context.clock.monotonic()
        found: dict[str, Sequence[Sold]] = {}
        for spot in spots:
            answer, _ = asking.ask(
                "GET dash.getProductsSales",
                _SUPPLIES,
                lambda spot=spot: facts.sales_of(  # type: ignore[misc]  # bound at once
                    api.get("dash.getProductsSales", asking.context.deadline, spot_id=spot.id, **window)
                ),
            )
            found[spot.id] = judging.counted(answer, self._ignored)
        count = sum(map(len, found.values()))
        seen = asking.context.evidence(
            "GET dash.getProductsSales",
            "shop.sales-read",
            started=started,
            count=count,
            since=f"{since:%d.%m.%Y}",
        )
        return _Sales(since, found, seen)

    def _costs(
        self, context: CheckContext, sales: _Sales, products: Mapping[str, Product], menu: Evidence
    ) -> Finding:
        lines = [line for found in sales.by_spot.values() for line in found]
        missing = judging.costless(lines, products)
        read = menu._replace(meaning="shop.costs-read", args=clean_args({"count": len(products)}))
        if not missing:
            count = len({(line.product_id, line.modification_id) for line in lines})
            return context.ok("shop.costs", sales.seen, read, system=SYSTEM, count=count)
        return context.warning(
            "shop.cost-missing",
            sales.seen,
            read,
            system=SYSTEM,
            count=len(missing),
            days=self._account.no_supplies_days,
            goods=listed([line.name for line in missing]),
            sum=_money(sum(line.payed for line in missing)),
        )

    def _supplies(
        self,
        api: PosterApi,
        asking: Asking,
        spots: Sequence[Spot],
        sales: _Sales,
        products: Mapping[str, Product],
    ) -> Iterator[Finding]:
        now = asking.context.clock.now().astimezone(self._zone)
        reach = max(REACH_DAYS, self._account.no_supplies_days)
        window = {"dateFrom": f"{now - timedelta(days=reach):%Y%m%d}", "dateTo": f"{now:%Y%m%d}"}
        deadline = asking.context.deadline
        supplies, _ = asking.ask(
            "GET storage.getSupplies",
            _SUPPLIES,
            lambda: facts.supplies_of(api.get("storage.getSupplies", deadline, **window), self._zone),
        )
        moves, seen = asking.ask(
            "GET storage.getMoves",
            _SUPPLIES,
            lambda: facts.moves_of(api.get("storage.getMoves", deadline, **window), self._zone),
        )
        counts = {
            "count": len(supplies),
            "moves": len(moves),
            "since": f"{now - timedelta(days=reach):%d.%m.%Y}",
        }
        seen = seen._replace(meaning="shop.supplies-read", args=clean_args(counts))
        doubtful = 0
        for spot in spots:
            lines = sales.by_spot[spot.id]
            dry = judging.dry_storages(spot, lines, [*supplies, *moves], sales.since)
            if dry is None and lines:
                dry = self._dry_goods(api, asking, spot, lines, (supplies, moves), sales.since, products)
            if dry is not None:
                doubtful += 1
                yield self._told(asking.context, dry, reach, sales.seen, seen)
        if not doubtful:
            count = sum(bool(lines) for lines in sales.by_spot.values())
            yield asking.context.ok("shop.supplies", sales.seen, seen, system=SYSTEM, spots=count)

    def _dry_goods(  # noqa: PLR0917  facts of one location
        self,
        api: PosterApi,
        asking: Asking,
        spot: Spot,
        lines: Sequence[Sold],
        received: tuple[Sequence[Supply], Sequence[Supply]],
        since: datetime,
        products: Mapping[str, Product],
    ) -> Dry | None:
        """Look at single goods, where something came in; what a transfer brought the system does not tell."""
        supplies, moves = ([s for s in found if s.storage_id in spot.storages] for found in received)
        fresh = [supply for supply in supplies if supply.at >= since]
        if any(move.at >= since for move in moves) or len(fresh) > _MOST_SUPPLIES:
            return None
        deadline, left = asking.context.deadline, dict[str, float]()
        for storage in spot.storages:
            found, _ = asking.ask(
                "GET storage.getStorageLeftovers",
                _SUPPLIES,
                lambda storage=storage: facts.leftovers_of(  # type: ignore[misc]  # bound at once
                    api.get("storage.getStorageLeftovers", deadline, storage_id=storage)
                ),
            )
            for ingredient, quantity in found.items():
                left[ingredient] = left.get(ingredient, 0.0) + quantity
        negative = judging.below_zero(lines, products, left)
        if len(negative) < self._account.no_supplies_products:
            return None
        supplied: frozenset[str] = frozenset()
        for supply in fresh:
            goods, _ = asking.ask(
                "GET storage.getSupplyIngredients",
                _SUPPLIES,
                lambda supply=supply: facts.ingredients_of(  # type: ignore[misc]  # bound at once
                    api.get("storage.getSupplyIngredients", deadline, supply_id=supply.id)
                ),
            )
            supplied |= goods
        last = max((supply.at for supply in supplies), default=None)
        return judging.dry_goods(spot, lines, negative, supplied, self._account.no_supplies_products, last)

    def _told(self, context: CheckContext, dry: Dry, reach: int, *seen: Evidence) -> Finding:
        ground = Meaning("shop.ground-goods") if dry.goods else Meaning("shop.ground-storages")
        return context.warning(
            "shop.no-supplies",
            *seen,
            system=SYSTEM,
            spot=dry.spot.name or dry.spot.id,
            days=self._account.no_supplies_days,
            sold=dry.sold,
            sum=_money(dry.payed),
            ground=ground,
            storages=listed([name or id_ for id_, name in dry.spot.storages.items()]),
            count=len(dry.goods),
            goods=listed(dry.goods) or "-",
            last=f"{dry.last:%d.%m.%Y}" if dry.last else Meaning("shop.never"),
            reach=reach,
        )


def _money(kopecks: float) -> str:
    return f"{kopecks / 100:,.2f}".replace(",", " ")
