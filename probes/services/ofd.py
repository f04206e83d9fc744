"""Can this computer reach the fiscal data operator? A TCP connect and nothing else.

The operator's port belongs to the registers: whatever is said to it could be taken for a register's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.links.base import LinkError
from probes.services.names import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

# Nobody there takes the connection: all of these are the same to the shop, and the evidence tells them apart.
_UNREACHABLE = frozenset({"link.dns", "link.refused", "link.timeout", "link.no-route"})


class Operator(NamedTuple):
    """One operator's host, from `operators.toml`."""

    word: str
    name: str
    host: str
    port: int


class OfdProbe:
    """`ofd://HOST:PORT`, or an operator by its word: `ofd://?operator=taxcom`."""

    codes = frozenset({
        "ofd.connection", "ofd.unreachable", "ofd.unknown-operator", "link.closed", "link.silent",
    })  # fmt: skip

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield whether the operator's host takes a connection."""
        target, started = context.target, context.clock.monotonic()
        host, port, name = target.host, target.port, target.option("operator")
        if not host:
            operator = find_operator(name)
            if operator is None:
                known = ", ".join(one.word for one in operators())
                seen = context.evidence("operators.toml", "ofd.operators", started=started, known=known)
                yield context.unknown("ofd.unknown-operator", seen, operator=name, known=known)
                return
            host, port, name = operator.host, operator.port, operator.name
        shown: dict[str, str | int] = {"host": host, "port": port or 0, "operator": name or host}
        try:
            context.opener(target._replace(wire="tcp", host=host, port=port), context.deadline).close()
        except LinkError as error:
            yield _failed(context, error, shown)
            return
        asked = f"TCP connect {host}:{port}"
        yield context.ok("ofd.connection", context.evidence(asked, "ofd.took", started=started), **shown)


def _failed(context: ProbeContext, error: LinkError, shown: Mapping[str, str | int]) -> Finding:
    if error.code not in _UNREACHABLE:
        return context.link_failed(error)
    finding = context.fault("ofd.unreachable", *error.evidence, **shown)
    # who refuses is there: the internet and the name are fine, so it is the operator's to say why
    return finding._replace(status=error.status, ours=False if error.code == "link.refused" else None)


def operators() -> tuple[Operator, ...]:
    """Return the operators whose hosts the data file has."""
    rows = table("operators.toml")["operator"]
    return tuple(Operator(word, row["name"], row["host"], row["port"]) for word, row in rows.items())


def find_operator(word: str) -> Operator | None:
    """Return the operator of that word, None if there is none; capitals do not matter."""
    return next((one for one in operators() if one.word == word.strip().lower()), None)
