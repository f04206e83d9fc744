"""One playbook as an outline: what it is for, its steps with estimated seconds, its actions and risks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.engine.graph import kind_of, seconds_of, shortest
from playbooks.engine.model import BranchStep
from playbooks.engine.texts import in_language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from playbooks.engine.library import Library
    from playbooks.engine.model import Check, Step

SCHEMA = "supportctl.playbook-outline/1"


def outline(library: Library, name: str, lang: str) -> dict[str, object]:
    """Return the outline of a playbook as a document.

    Raises:
        UsageError: there is none of this name, or it is broken.
    """
    graph = library.graph(name)
    book = graph.playbook
    return {
        "schema": SCHEMA,
        "name": book.name,
        "file": str(library.path(name)),
        "version": book.version,
        "requires": book.requires,
        "owner": book.owner,
        "digest": library.digest(name),
        "title": in_language(book.title, lang),
        "about": in_language(book.about, lang),
        "tags": list(book.tags),
        "symptoms": list(book.symptoms.get(lang, ())),
        "roles": _named({role: part.title for role, part in graph.roles.items()}, lang),
        "parameters": _named({given: part.title for given, part in graph.parameters.items()}, lang),
        "causes": _named(graph.causes, lang),
        "seconds": {
            "shortest": round(shortest(graph, graph.start)),
            "budget": round(book.budget.total),
            "no_progress": round(book.budget.no_progress),
        },
        "actions": [{"action": action, "risk": risk} for action, risk in sorted(graph.risks.items())],
        "steps": list(_steps(book.steps, lang)),
    }


def _named(texts: Mapping[str, Mapping[str, str]], lang: str) -> dict[str, str]:
    return {name: in_language(text, lang) for name, text in texts.items()}


def _steps(block: Sequence[Step], lang: str) -> Iterator[dict[str, object]]:
    for step in block:
        row: dict[str, object] = {
            "id": step.id,
            "kind": kind_of(step),
            "seconds": round(seconds_of(step)),
            "when": step.when,
            "says": _says(step, lang),
            "verified": getattr(step, "verify", None) is not None,
        }
        if isinstance(step, BranchStep):
            row["order"] = step.branch.order
            row["arms"] = [
                {
                    "when": arm.when,
                    "cause": arm.cause,
                    "likelihood": arm.likelihood if step.branch.order == "likely" else None,
                    "goto": arm.goto,
                    "steps": list(_steps(arm.steps, lang)),
                }
                for arm in step.branch.arms
            ]
            row["otherwise"] = list(_steps(step.branch.otherwise, lang))
        yield row


def _says(step: Step, lang: str) -> str:
    """Return a step in one line: its sentence, or what it asks, does or goes to."""
    kind = kind_of(step)
    part = getattr(step, kind)
    for name in ("say", "question", "text", "reason"):
        text = getattr(part, name, None)
        if text:
            return in_language(text, lang)
    if kind == "check":
        return _asked(part)
    if kind == "act":
        return " ".join((part.action, *(f"{name}={value}" for name, value in part.params.items())))
    if kind == "resend":
        return f"{part.do} {part.destination}"
    if kind == "sync":
        return f"{part.source} / {part.crm}"
    return part if isinstance(part, str) else ""


def _asked(check: Check) -> str:
    return ", ".join(check.targets) + (f" ({', '.join(check.only)})" if check.only else "")
