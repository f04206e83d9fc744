"""How the facts of MoySklad become findings: names instead of ids, nobody accused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrations.shop.fields import listed
from supportctl.core.finding import Meaning, clean_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from integrations.checking import CheckContext
    from integrations.shop.moysklad.documents import Group
    from integrations.shop.moysklad.facts import Edit, Person, Point, Rights, Store
    from integrations.shop.moysklad.warehouses import Mismatch
    from supportctl.core.finding import Evidence, Finding

_LINK = "https://online.moysklad.ru/app/#{type}/edit?id={id}"
_REASONS = {
    "configured": Meaning("shop.because-configured"),
    "archived": Meaning("shop.because-archived"),
    "same-name": Meaning("shop.because-same-name"),
    "group": Meaning("shop.because-group"),
    "elsewhere": Meaning("shop.because-elsewhere"),
}
_SHORT_ID = 8


class Telling:
    """Makes the findings of one account."""

    def __init__(self, context: CheckContext, system: str, zone: tzinfo) -> None:
        self._context = context
        self._system = system
        self._zone = zone

    def rights(self, rights: Rights, seen: Evidence) -> Iterator[Finding]:
        """Say what the account behind the token may not see."""
        missing = {
            "warehouses": rights.stores is False or rights.points is False or rights.stock is False,
            "documents": rights.audit is False or rights.documents is False,
        }
        told = seen._replace(
            meaning="shop.rights-seen", args=clean_args({name: _yes(value) for name, value in _shown(rights)})
        )
        if missing["warehouses"]:
            yield self._limited(Meaning("shop.part-warehouses"), told)
        if missing["documents"]:
            yield self._limited(Meaning("shop.part-documents"), told)
        if not any(missing.values()) and rights.stores is not None:
            yield self._context.ok("shop.rights", told, system=self._system)

    def _limited(self, part: Meaning, seen: Evidence) -> Finding:
        return self._context.warning(
            "shop.rights-limited", seen, system=self._system, part=part, code="view", said="-", host="-"
        )

    def not_asked(self, question: str) -> Finding:
        """Say that a question was left out, since what is hidden would look as if it were missing."""
        return self._context.skipped(question, "shop.rights-limited", system=self._system)

    def warehouses_are_right(
        self, points: Sequence[Point], stores: Mapping[str, Store], seen: Evidence
    ) -> Finding:
        """Say that no point is linked to the wrong warehouse."""
        active = sum(point.active for point in points)
        return self._context.ok(
            "shop.warehouses", seen, system=self._system, points=active, stores=len(stores)
        )

    def mismatch(self, found: Mismatch, names: Mapping[str, str], seen: Evidence) -> Finding:
        """Say that a point sells from one warehouse while its goods lie in another."""
        linked, other = _labels(found.linked, found.other)
        goods = listed([names.get(good) or good[:_SHORT_ID] for good in found.goods]) or "-"
        args: dict[str, object] = {
            "system": self._system,
            "point": found.point.name,
            "linked": linked,
            "other": other,
            "count": len(found.goods),
            "goods": goods,
            "why": _REASONS[found.reason],
        }
        told = seen._replace(
            meaning="shop.stock-elsewhere",
            got=f"retailstore.store {found.linked.id}, stock in {found.other.id}",
            args=clean_args({"count": len(found.goods), "linked": linked, "other": other}),
        )
        if found.reason == "elsewhere":  # a guess by the figures alone
            return self._context.warning("shop.warehouse-mismatch", told, **args)
        return self._context.fault("shop.warehouse-mismatch", told, **args)

    def edits(self, group: Group, person: Person | None, seen: Evidence) -> Finding:
        """Say what one person did in one night, or to documents of long ago."""
        first, last = group.edits[0].at.astimezone(self._zone), group.edits[-1].at.astimezone(self._zone)
        sums = group.sums
        details = [_detail(edit, first.tzinfo) for edit in group.edits]
        told = seen._replace(
            meaning="shop.edits-seen",
            got="; ".join(details[:10]) + ("; …" if len(details) > 10 else ""),
            args=clean_args({"count": len(group.edits)}),
        )
        documents = dict.fromkeys(f"{edit.type} {edit.name}".strip() for edit in group.edits)
        return self._context.warning(
            "shop.document-edited-at-night",
            told,
            system=self._system,
            person=person.name if person and person.name else group.uid or Meaning("shop.somebody"),
            span=Meaning("shop.at-night") if group.at_night else Meaning("shop.long-after"),
            day=f"{group.day:%d.%m.%Y}",
            first=f"{first:%H:%M}",
            last=f"{last:%H:%M}",
            changed=group.changed,
            removed=group.removed,
            documents=listed(list(documents)),
            sums=f"{sums[0]:.15g} → {sums[1]:.15g}" if sums else "–",
        )


def _detail(edit: Edit, zone: tzinfo | None) -> str:
    link = _LINK.format(type=edit.type, id=edit.id)
    sums = f" sum {edit.sum_before:.15g} -> {edit.sum_after or 0:.15g}" if edit.sum_before is not None else ""
    return f"{edit.at.astimezone(zone):%d.%m %H:%M} {edit.event} {edit.type} {edit.name}{sums} {link}"


def _labels(linked: Store, other: Store) -> tuple[str, str]:
    """Return names that a person can tell apart: with the group, and the id where that is the same, too."""
    first, second = (f"{store.path}/{store.name}".strip("/") for store in (linked, other))
    if first.casefold() != second.casefold():
        return first, second
    return f"{first} [{linked.id[:_SHORT_ID]}]", f"{second} [{other.id[:_SHORT_ID]}]"


def _shown(rights: Rights) -> Iterator[tuple[str, bool | None]]:
    yield from zip(rights._fields[1:], rights[1:], strict=True)


def _yes(value: bool | None) -> str:  # noqa: FBT001  told, not switched
    return "?" if value is None else "+" if value else "-"
