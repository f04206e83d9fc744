"""What is wrong with a configuration, each problem with its place; and its meaning when nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from supportctl.core.errors import UsageError
from supportctl.core.fields import IsSecret, address_holds_secret
from supportctl.core.nearest import nearest
from supportctl.core.secrets import is_reference
from supportctl.core.site import SiteConfig
from supportctl.core.target import parse_target
from supportctl.reading.problems import Problem, Told, from_pydantic, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supportctl.reading.yaml_tree import Node

# pydantic's name of a problem -> the key of our texts
_KEYS = {
    "missing": "config.missing-key",
    "union_tag_not_found": "config.missing-key",
    "union_tag_invalid": "config.unknown-kind",
    "literal_error": "config.not-one-of",
    "int_parsing": "config.not-a-number",
    "int_type": "config.not-a-number",
    "int_from_float": "config.not-a-number",
    "greater_than_equal": "config.out-of-range",
    "less_than_equal": "config.out-of-range",
    "bool_parsing": "config.not-a-switch",
    "bool_type": "config.not-a-switch",
    "tuple_type": "config.not-a-list",
    "list_type": "config.not-a-list",
    "dict_type": "config.not-a-section",
    "model_type": "config.not-a-section",
    "model_attributes_type": "config.not-a-section",
    "string_type": "config.not-a-text",
}
_ON = {"true", "yes", "on", "y", "t", "1"}  # what pydantic takes for a yes
_TOLD = Told(SiteConfig, _KEYS, "config.bad-value", "config.unknown-key")


def understand(tree: Node) -> tuple[SiteConfig | None, tuple[Problem, ...]]:
    """Return the configuration (None if a problem is an error) and the problems in the order of the file.

    All that can be told is told, whatever else is wrong: no mistake shows for the first time when another
    is mended.
    """
    errors: list[Problem] = []
    config: SiteConfig | None
    try:
        config = SiteConfig.model_validate(tree.plain())
    except ValidationError as error:
        errors += from_pydantic(error, tree, _TOLD)
        config = _what_is_right(tree, error)
    errors += [*_bad_targets(tree), *_inconsistent(tree)]
    warnings = [*_secrets(config, tree)] if config else []
    problems = in_order([*errors, *warnings, *_target_warnings(tree)])
    return (None if errors else config), problems


def _what_is_right(tree: Node, error: ValidationError) -> SiteConfig | None:
    """Return the configuration without the accounts and sections that hold a mistake, if it is one."""
    plain = tree.plain()
    if not isinstance(plain, dict):
        return None
    for section, *inner in (detail["loc"] for detail in error.errors(include_url=False) if detail["loc"]):
        part = plain.get(str(section))
        if isinstance(part, dict) and len(inner) > 1:
            part.pop(str(inner[0]), None)
        else:
            plain.pop(str(section), None)
    try:
        return SiteConfig.model_validate(plain)
    except ValidationError:
        return None


def _targets(tree: Node) -> Iterator[tuple[int, str | None, str | None]]:
    """Yield number, name and URL of each target as they are written, None where there is no text."""
    targets = tree.step("targets")
    for number, entry in enumerate(targets.items if targets else ()):
        yield number, _text(entry, "name"), _text(entry, "url")


def _text(tree: Node | None, *path: str) -> str | None:
    for part in path:
        tree = tree.step(part) if tree else None
    plain = tree.plain() if tree else None
    return plain if isinstance(plain, str) else None


def _bad_targets(tree: Node) -> Iterator[Problem]:
    for number, name, url in _targets(tree):
        if url is None:
            continue
        try:
            parse_target(url, name)
        except UsageError as error:
            yield Problem(error.key, *tree.place_of(("targets", number, "url")), error.args_by_name)


def _inconsistent(tree: Node) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, name, _ in _targets(tree):
        if name is None:
            continue
        place = tree.place_of(("targets", number, "name"))
        folded = name.casefold()
        if folded in seen:
            yield Problem("config.same-name", *place, {"found": name, "first": seen[folded]})
        seen.setdefault(folded, place.line)
    yield from _unknown_trackers(tree)
    notifies = (_text(tree, "escalation", "notify") or "").lower() in _ON
    notify = tree.step("notify")
    if notifies and not (notify and notify.plain()):
        yield Problem("config.nobody-to-notify", *tree.place_of(("escalation", "notify")), {})


def _unknown_trackers(tree: Node) -> Iterator[Problem]:
    trackers, escalation = tree.step("trackers"), tree.step("escalation")
    known = list(trackers.mapping) if trackers else []
    routes = escalation.step("routes") if escalation else None
    paths: list[tuple[str, ...]] = [("escalation", "tracker")]
    paths += [("escalation", "routes", who) for who in (routes.mapping if routes else ())]
    for path in paths:
        name = _text(tree, *path)
        if name is not None and name not in known:
            args = {"found": name, "nearest": nearest(name, known) or "-"}
            yield Problem("config.unknown-tracker", *tree.place_of(path), args)


def _secrets(config: SiteConfig, tree: Node) -> Iterator[Problem]:
    for path in secrets_in_place(config):
        name = ".".join(str(part) for part in path)
        variable = "_".join(str(part) for part in path).upper().replace("-", "_")
        args = {"path": name, "reference": f"secret://env/{variable}"}
        yield Problem("config.secret-in-place", *tree.place_of(path), args, is_error=False)


def _target_warnings(tree: Node) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for number, name, url in _targets(tree):
        if name is None or url is None:
            continue
        try:
            target = parse_target(url, name)
        except UsageError:
            continue  # told already
        place = tree.place_of(("targets", number, "url"))
        same = f"{target.protocol} {target.endpoint}"
        if same in seen:
            args = {"found": name, "first": seen[same]}
            yield Problem("config.same-target", *place, args, is_error=False)
        seen.setdefault(same, name)
        if target.secrets:
            args = {"path": f"targets.{name}", "reference": "secret://env/NAME"}
            yield Problem("config.secret-in-place", *place, args, is_error=False)


def secrets_in_place(model: BaseModel, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Yield the path of every secret that is written in the file instead of being referred to."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        mark = next((item for item in field.metadata if isinstance(item, IsSecret)), None)
        yield from _in_value(value, mark or _inner_mark(field.annotation), (*path, name))


def _inner_mark(annotation: object) -> IsSecret | None:
    """Find the mark inside `Secret | None` and `tuple[Secret, ...]`."""
    for part in getattr(annotation, "__args__", ()):
        for item in (*getattr(part, "__metadata__", ()), _inner_mark(part)):
            if isinstance(item, IsSecret):
                return item
    return None


def _in_value(
    value: object, mark: IsSecret | None, path: tuple[int | str, ...]
) -> Iterator[tuple[int | str, ...]]:
    if isinstance(value, BaseModel):
        yield from secrets_in_place(value, path)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _in_value(item, mark, (*path, number))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _in_value(item, mark, (*path, key))
    elif (
        isinstance(value, str)
        and mark
        and not is_reference(value)
        and (mark.always or address_holds_secret(value))
    ):
        yield path
