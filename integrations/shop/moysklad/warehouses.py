"""Is a point of sale linked to the warehouse where its goods are? Pure: facts in, mismatches out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from integrations.shop.moysklad.facts import Point, Stock, Store

Reason = Literal["configured", "archived", "same-name", "group", "elsewhere"]
_NOT_A_LETTER = re.compile(r"[\W_]+")
_COPY = re.compile(r" (?:копия|архив|старый|copy|old)$")
# Letters that look the same: a name typed on the other layout is no other name to a person.
_LOOK_ALIKE = str.maketrans("ёaeopcxyktmbh", "еаеорсхуктмвн")
_NONE: Mapping[str, float] = {}


class Rules(NamedTuple):
    """What the configuration says. `products` and `share` are the threshold, see `docs/connectors`."""

    products: int = 3
    share: float = 0.5
    supply_stores: frozenset[str] = frozenset()
    stores: Mapping[str, str] = {}  # point -> warehouse that it must be linked to


class Mismatch(NamedTuple):
    """A point linked to one warehouse while its goods lie in another; `goods` are ids, most first."""

    point: Point
    linked: Store
    other: Store
    goods: tuple[str, ...]
    reason: Reason


def plain(name: str) -> str:
    """Return a name as a person sees it: without case, signs, and letters of the other layout."""
    return _COPY.sub("", _NOT_A_LETTER.sub(" ", name.casefold().translate(_LOOK_ALIKE)).strip())


def suspects(
    points: Sequence[Point], stores: Mapping[str, Store], stock: Stock, rules: Rules
) -> list[Mismatch]:
    """Return the points whose goods lie elsewhere, one line each; transfers are not looked at yet."""
    active = [point for point in points if point.active and point.store_id in stores]
    taken = {point.store_id for point in active}
    found = []
    for point in active:
        worst = max(_of_point(point, stores, stock, taken, rules), key=_weight, default=None)
        if worst is not None:
            found.append(worst)
    return found


def confirmed(found: Sequence[Mismatch], transfers: frozenset[tuple[str, str]]) -> list[Mismatch]:
    """Leave out points that are supplied from the other warehouse by transfers: that is the shop's way."""
    return [
        mismatch
        for mismatch in found
        if mismatch.reason == "configured" or (mismatch.other.id, mismatch.linked.id) not in transfers
    ]


def _weight(mismatch: Mismatch) -> tuple[bool, bool, int, str]:
    related = mismatch.reason != "elsewhere"
    return (mismatch.reason == "configured", related, len(mismatch.goods), mismatch.other.id)


def _of_point(
    point: Point, stores: Mapping[str, Store], stock: Stock, taken: set[str], rules: Rules
) -> Iterator[Mismatch]:
    linked = stores[point.store_id]
    wanted = _wanted(point, stores, rules)
    if wanted is not None:  # the owner has said it: nothing to guess
        if wanted.id != linked.id:
            yield Mismatch(point, linked, wanted, _missing(linked, wanted, stock), "configured")
        return
    for other in stores.values():
        if other.id == linked.id or other.id in taken or _supplies(other, rules):
            continue
        reason = _reason(linked, other)
        goods = _missing(linked, other, stock)
        there = sum(quantity > 0 for quantity in stock.get(other.id, _NONE).values())
        if len(goods) < max(rules.products, rules.share * there):
            continue
        if reason == "elsewhere" and not _sells_what_lies_there(linked, goods, stock, rules):
            continue
        yield Mismatch(point, linked, other, goods, reason)


def _reason(linked: Store, other: Store) -> Reason:
    if linked.archived:
        return "archived"
    if plain(linked.name) == plain(other.name):
        return "same-name"
    if linked.id == other.parent_id or other.id == linked.parent_id:
        return "group"
    return "elsewhere"


def _missing(linked: Store, other: Store, stock: Stock) -> tuple[str, ...]:
    here, there = stock.get(linked.id, _NONE), stock.get(other.id, _NONE)
    goods = [good for good, quantity in there.items() if quantity > 0 and here.get(good, 0.0) <= 0]
    return tuple(sorted(goods, key=lambda good: (here.get(good, 0.0), -there[good], good)))


def _sells_what_lies_there(linked: Store, goods: Sequence[str], stock: Stock, rules: Rules) -> bool:
    """Of warehouses with nothing in common: the one has nothing, and is sold from below zero."""
    here = stock.get(linked.id, _NONE)
    below = sum(here.get(good, 0.0) < 0 for good in goods)
    return below >= rules.products and not any(quantity > 0 for quantity in here.values())


def _supplies(store: Store, rules: Rules) -> bool:
    return bool({store.id, plain(store.name)} & rules.supply_stores)


def _wanted(point: Point, stores: Mapping[str, Store], rules: Rules) -> Store | None:
    """Return the warehouse that the configuration names for a point, if it names one and no other."""
    name = rules.stores.get(point.id) or rules.stores.get(plain(point.name))
    if name is None:
        return None
    if name in stores:
        return stores[name]
    named = [store for store in stores.values() if plain(store.name) == plain(name) and not store.archived]
    return named[0] if len(named) == 1 else None
