"""Do supplies and cost keep up with the sales? Pure: facts in, doubts out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from integrations.shop.poster.facts import Product, Sold, Spot, Supply

_ROUNDING = 1.0  # kopecks for each piece


class Dry(NamedTuple):
    """A location that sells without supplies. `goods` is empty where nothing came in at all."""

    spot: Spot
    sold: int
    payed: float
    goods: tuple[str, ...]
    last: datetime | None  # the last supply; None: none as far as was looked


def counted(sales: Iterable[Sold], ignored: frozenset[str]) -> list[Sold]:
    """Return the sales that are judged: sold for money, not deleted, not ignored by name or id."""
    return [
        line
        for line in sales
        if line.quantity > 0
        and line.payed > 0
        and not line.deleted
        and not {line.product_id, line.name.casefold()} & ignored
    ]


def dry_storages(
    spot: Spot, sales: Sequence[Sold], received: Sequence[Supply], since: datetime
) -> Dry | None:
    """Return the location if it sold and none of its warehouses got anything since then."""
    if not sales or not spot.storages:
        return None
    own = [supply for supply in received if supply.storage_id in spot.storages]
    if any(supply.at >= since for supply in own):
        return None
    return Dry(spot, len(sales), _sum(sales), (), max((supply.at for supply in own), default=None))


def below_zero(
    sales: Iterable[Sold], products: Mapping[str, Product], left: Mapping[str, float]
) -> dict[str, str]:
    """Return ingredient -> name of the goods that were sold and of which less than nothing is left."""
    found = {}
    for line in sales:
        product = products.get(line.product_id)
        if product is not None and product.ingredient_id and left.get(product.ingredient_id, 0.0) < 0:
            found[product.ingredient_id] = product.name or line.name
    return found


def dry_goods(  # noqa: PLR0917  facts of one location
    spot: Spot,
    sales: Sequence[Sold],
    negative: Mapping[str, str],
    supplied: frozenset[str],
    least: int,
    last: datetime | None,
) -> Dry | None:
    """Return the location if enough goods below zero are in none of its supplies."""
    goods = [name for ingredient, name in negative.items() if ingredient not in supplied]
    if len(goods) < least:
        return None
    return Dry(spot, len(sales), _sum(sales), tuple(sorted(goods)), last)


def costless(sales: Iterable[Sold], products: Mapping[str, Product]) -> list[Sold]:
    """Return what was sold and has no cost now, each good once, most money first.

    A good that is no longer in the menu cannot be told. Where the sales themselves count with a cost (a set
    whose cost depends on what is chosen) there is one.
    """
    found: dict[tuple[str, str], Sold] = {}
    for line in sales:
        product = products.get(line.product_id)
        if product is None:
            continue
        cost = product.cost
        if line.modification_id in product.modifications:
            cost = product.modifications[line.modification_id]
        counts_with = line.cost is not None and line.cost > _ROUNDING * line.quantity
        if cost or counts_with or (product.depends and line.cost is None):
            continue
        key = (line.product_id, line.modification_id)
        known = found.get(key)
        if known is not None:
            line = line._replace(quantity=line.quantity + known.quantity, payed=line.payed + known.payed)  # noqa: PLW2901  the same good of another location
        found[key] = line
    return sorted(found.values(), key=lambda line: (-line.payed, line.name))


def _sum(sales: Iterable[Sold]) -> float:
    return sum(line.payed for line in sales)
