"""A simulated Poster account, written from the public documentation of its web API.

Everything is a GET of /api/METHOD?token=ACCOUNT:HASH; an answer is {"response": ...} or {"error": {"code",
"message"}}. That errors come with HTTP 200 is UNVERIFIED, and so is the number of requests that is too many.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.lab.portal import Said, document
from integrations.lab.poster import cafe
from integrations.lab.poster.books import Books
from integrations.lab.roles import ShopPortal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    from integrations.lab.portal import Asked
    from integrations.lab.poster.books import Sale
    from supportctl.core.clock import Clock

ROOT = "/api/"
RATE, PERIOD_S = 20, 1.0  # the real number is not published
PAGE = 100  # transactions in one answer; UNVERIFIED
_MONTH = timedelta(days=30)
_ERRORS = {
    10: "access_token is not specified",
    11: "Bad access token",
    12: "access_token expired",
    20: "The application is not authorized to call this method",
    32: "The ID does not exist",
    34: "Absence of required properties",
    54: "Access denied",
    400: "Invalid request format, required data missing",
    404: "Record not found",
    700: "Rate restriction",
}
_FAULT_CODES = {
    "expired-token": 12,
    "bad-token": 11,
    "not-authorized": 20,
    "access-denied": 54,
    "rate-limited": 700,
}


class _Refused(Exception):  # noqa: N818  an answer of the system, not a failure of ours
    pass


class PosterPortal(ShopPortal):
    """One account."""

    kind = "poster"
    own_faults: ClassVar = {
        "bad-token": "error 11: no such token",
        "expired-token": "error 12: the two years of the token are over",
        "not-authorized": "error 20: the integration may not call this method",
        "access-denied": "error 54: the owner of the token may not see this",
        "rate-limited": "error 700: too many requests",
        "no-supplies": "nobody has booked a supply since long ago",
        "no-cost": "no good has a cost",
    }

    def __init__(self, clock: Clock, name: str = "", zone: tzinfo = UTC) -> None:
        super().__init__(clock, name)
        self.books = Books(zone)
        self.token = "687409:lab-poster-token"  # noqa: S105  the lab's own
        self._asked: deque[float] = deque()

    def operation(self, asked: Asked) -> str:
        """Return the method: "storage.getSupplies"."""
        return asked.path.removeprefix(ROOT).strip("/")

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the envelope."""
        try:
            for fault, code in _FAULT_CODES.items():
                if self._hits(fault, operation):
                    raise _Refused(code)
            self._sign_in(asked)
            self._limit()
            return document({"response": self._method(asked, operation)})
        except _Refused as refused:
            code = refused.args[0]
            return document({"error": {"code": code, "message": _ERRORS[code]}})

    def _sign_in(self, asked: Asked) -> None:
        token = asked.param("token")
        if token != self.token:
            raise _Refused(11 if token else 10)

    def _limit(self) -> None:
        now = self.clock.monotonic()
        while self._asked and self._asked[0] <= now - PERIOD_S:
            self._asked.popleft()
        if len(self._asked) >= RATE:
            raise _Refused(700)
        self._asked.append(now)

    def _method(self, asked: Asked, operation: str) -> Any:
        methods: dict[str, Callable[[Asked], Any]] = {
            "access.getSpots": self._get_spots,
            "storage.getStorages": lambda _: list(self.books.storages.values()),
            "storage.getSupplies": self._get_supplies,
            "storage.getSupplyIngredients": self._get_supply_ingredients,
            "storage.getMoves": self._get_moves,
            "storage.getStorageLeftovers": self._get_leftovers,
            "menu.getProducts": self._get_products,
            "dash.getProductsSales": self._get_products_sales,
            "dash.getTransactions": self._get_transactions,
            "dash.getTransactionProducts": lambda a: self._lines(self._sale(a)),
            "dash.getTransactionHistory": lambda a: self._history(self._sale(a)),
        }
        method = methods.get(operation)
        if method is None:
            raise _Refused(400)
        return method(asked)

    def _window(self, asked: Asked, first: str = "dateFrom", last: str = "dateTo") -> tuple[date, date]:
        today = self.clock.now().astimezone(self.books.zone).date()
        try:
            begin, end = (
                datetime.strptime(asked.param(name), "%Y%m%d").date() if asked.param(name) else default  # noqa: DTZ007  a day
                for name, default in ((first, today - _MONTH), (last, today))
            )
        except ValueError:
            raise _Refused(400) from None
        return begin, end

    def _told(self, at: datetime) -> str:
        return f"{at.astimezone(self.books.zone):%Y-%m-%d %H:%M:%S}"

    def _within(self, at: datetime, window: tuple[date, date]) -> bool:
        return window[0] <= at.astimezone(self.books.zone).date() <= window[1]

    def _get_spots(self, _: Asked) -> list[dict[str, Any]]:
        shown = []
        for spot in self.books.spots.values():
            own = {name: value for name, value in spot.items() if not name.startswith("_")}
            storages = [
                {
                    "storage_id": int(id_),  # a number here and a text in getStorages, as documented
                    "storage_name": self.books.storages[id_]["storage_name"],
                    "storage_adress": "",
                }
                for id_ in spot["_storages"]
            ]
            shown.append({**own, "storages": storages})
        return shown

    def _get_supplies(self, asked: Asked) -> list[dict[str, Any]]:
        if "no-supplies" in self.active:
            return []
        window = self._window(asked)
        return [
            {
                "supply_id": id_,
                "storage_id": supply["storage"],
                "supplier_id": "1",
                "date": self._told(supply["at"]),
                "supply_sum": "100000",
                "supply_comment": "",
                "storage_name": self.books.storages[supply["storage"]]["storage_name"],
                "supplier_name": "Supplier",
                "delete": str(int(supply["deleted"])),
                "account_id": None,
            }
            for id_, supply in self.books.supplies.items()
            if self._within(supply["at"], window)
        ]

    def _get_supply_ingredients(self, asked: Asked) -> list[dict[str, Any]]:
        supply = self.books.supplies.get(asked.param("supply_id"))
        if supply is None:
            raise _Refused(32)
        return [
            {
                "ingredient_id": self.books.products[product]["ingredient_id"],
                "supply_ingredient_num": f"{count:.5f}",
                "supply_ingredient_sum": "15000",
                "ingredient_name": self.books.products[product]["product_name"],
                "ingredient_unit": "p",
                "tax_id": 0,
            }
            for product, count in supply["goods"].items()
        ]

    def _get_moves(self, asked: Asked) -> list[dict[str, Any]]:
        window = self._window(asked)
        return [
            {
                "moving_id": int(id_),
                "date": self._told(move["at"]),
                "from_storage": int(move["from"]),
                "from_storage_name": self.books.storages[move["from"]]["storage_name"],
                "to_storage": int(move["to"]),
                "to_storage_name": self.books.storages[move["to"]]["storage_name"],
                "user_id": 7,
                "user_name": "Storekeeper",
                "sum": 150.65,
            }
            for id_, move in self.books.moves.items()
            if "no-supplies" not in self.active and self._within(move["at"], window)
        ]

    def _get_leftovers(self, asked: Asked) -> list[dict[str, Any]]:
        wanted = asked.param("storage_id")
        zero = asked.param("zero_leftovers") == "true"
        names = {p["ingredient_id"]: p for p in self.books.products.values()}
        rows = []
        for ingredient, product in names.items():
            everywhere = [left for (_, id_), left in self.books.left.items() if id_ == ingredient]
            here = self.books.left.get((wanted, ingredient), 0.0) if wanted else sum(everywhere)
            if ingredient == "0" or not (here or zero):
                continue
            row = {
                "ingredient_id": ingredient,
                "ingredient_name": product["product_name"],
                "ingredient_left": f"{sum(everywhere):.5f}",
                "limit_value": "0",
                "ingredient_unit": "p",
                "ingredients_type": "2",
                "storage_ingredient_sum": "0",
                "prime_cost": int(product["cost"]),
                "hidden": "0",
            }
            rows.append({**row, "storage_ingredient_left": f"{here:.5f}"} if wanted else row)
        return rows

    def _get_products(self, _: Asked) -> list[dict[str, Any]]:
        costless = "no-cost" in self.active
        return [{**product, "cost": "0"} if costless else product for product in self.books.products.values()]

    def _get_products_sales(self, asked: Asked) -> list[dict[str, Any]]:
        begin, end = self._window(asked, "date_from", "date_to")
        spots = [asked.param("spot_id")] if asked.param("spot_id") else list(self.books.spots)
        total: dict[str, list[float]] = {}
        for number in range((end - begin).days + 1):
            for spot in spots:
                for product, (count, payed) in self.books.days.get(
                    (begin + timedelta(days=number), spot), {}
                ).items():
                    sums = total.setdefault(product, [0.0, 0.0])
                    sums[0] += count
                    sums[1] += payed
        return [self._sales_line(product, count, payed) for product, (count, payed) in total.items()]

    def _sales_line(self, product: str, count: float, payed: float) -> dict[str, Any]:
        cost = self._cost(product) * count
        return {
            "product_name": self.books.products[product]["product_name"],
            "modificator_name": None,
            "product_id": product,
            "modification_id": "0",
            "delete": "0",
            "category_id": "1",
            "count": f"{count:.4f}",
            "weight_flag": "0",
            "payed_sum": str(round(payed)),
            "product_sum": str(round(payed)),
            "tax_sum": "0",
            "product_profit": str(round(payed - cost)),
            "unit": "p",
            "discount": 0,
        }

    def _cost(self, product: str) -> int:
        return 0 if "no-cost" in self.active else int(self.books.products[product].get("cost") or 0)

    def _sale(self, asked: Asked) -> Sale:
        sale = self.books.sales.get(asked.param("transaction_id"))
        if sale is None:
            raise _Refused(34 if not asked.param("transaction_id") else 404)
        return sale

    def _get_transactions(self, asked: Asked) -> list[dict[str, Any]]:
        window = self._window(asked)
        after = asked.param("next_tr")
        spot = asked.param("id") if asked.param("type") == "spots" else ""
        return [self._transaction(sale, asked) for sale in self._sales(window, after, spot)][:PAGE]

    def _sales(self, window: tuple[date, date], after: str, spot: str) -> Iterator[Sale]:
        """Yield sales, newest first; those after the one with the id `after`."""
        for id_ in range(int(after) - 1 if after.isdecimal() else len(self.books.sales), 0, -1):
            sale = self.books.sales[str(id_)]
            if self._within(sale.at, window) and (not spot or sale.spot == spot):
                yield sale

    def _transaction(self, sale: Sale, asked: Asked) -> dict[str, Any]:
        payed = sum(line.payed for line in sale.lines)
        unix_ms = str(round(sale.at.timestamp() * 1000))
        shown: dict[str, Any] = {
            "transaction_id": sale.id, "date_start": unix_ms, "date_close": unix_ms, "status": "2",
            "payed_sum": str(payed), "sum": str(payed), "payed_cash": str(payed), "payed_card": "0",
            "spot_id": sale.spot, "user_id": "1", "name": "Waiter", "reason": "",
            "date_close_date": self._told(sale.at),
        }  # fmt: skip
        if asked.param("include_products") == "true":
            shown["products"] = self._lines(sale)
        if asked.param("include_history") == "true":
            shown["history"] = self._history(sale)
        return shown

    def _lines(self, sale: Sale) -> list[dict[str, Any]]:
        return [
            {
                "product_id": line.product,
                "product_name": self.books.products[line.product]["product_name"],
                "modification_id": "0",
                "num": f"{line.quantity:g}",
                "payed_sum": str(line.payed),
                "product_cost": str(self._cost(line.product)),
                "product_profit": str(round(line.payed - self._cost(line.product) * line.quantity)),
            }
            for line in sale.lines
        ]

    def _history(self, sale: Sale) -> list[dict[str, Any]]:
        unix_ms = str(round(sale.at.timestamp() * 1000))
        row = {"transaction_id": sale.id, "time": unix_ms, "value3": "0", "spot_tablet_id": "1"}
        payed = str(sum(line.payed for line in sale.lines))
        return [
            {**row, "type_history": "close", "value": "3", "value2": payed, "value_text": "{}"},
            {**row, "type_history": "open", "value": "1", "value2": "1", "value_text": None},
        ]

    def plant_shop(self, now: datetime, zone: tzinfo, *, troubles: bool) -> None:
        """Add two cafés; see `cafe.plant_cafes`."""
        self.books.zone = zone
        cafe.plant_cafes(self.books, now, troubles=troubles)

    def state(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "spots": len(self.books.spots),
            "products": len(self.books.products),
            "sales": len(self.books.sales),
            "supplies": [{**supply, "at": str(supply["at"])} for supply in self.books.supplies.values()],
        }

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of `shop:` that names this portal."""
        return {"kind": "poster", "url": base_url, "token": self.token}
