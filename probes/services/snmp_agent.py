"""A conversation with an SNMP agent over UDP: connected, so that a closed port is heard as "refused"."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, NamedTuple, Self

from probes.links.base import Attempt, LinkError
from probes.links.tcp import resolve
from probes.protocols import snmp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from probes.context import ProbeContext
    from probes.protocols.snmp import Oid, Response, VarBind, Version
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Evidence

Table = dict[tuple[int, ...], dict[tuple[int, ...], snmp.Value]]  # index -> column -> value
DEFAULT_PORT = 161
MAX_ROWS = 24  # of a table: no till printer has more trays, covers or alerts that matter
_RESEND_S = (0.6, 0.9, 1.5)  # a datagram may be lost; silence for so long in all is silence
_MAX_DATAGRAM = 65535
_MAX_STRAYS = 16  # answers to older questions, or noise, that are overlooked before we give up


class Asked(NamedTuple):
    """An answer, and how it was got."""

    response: Response
    evidence: Evidence


class Found(NamedTuple):
    """An object that the agent has, and the answer that it stood in."""

    bind: VarBind
    evidence: Evidence


class Agent:
    """Asks one agent. The first question goes out as v1 and, unanswered, as v2c: what answers is kept."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._community = context.target.option("community", "public")
        fixed = {"1": snmp.Version.V1, "2c": snmp.Version.V2C}.get(context.target.option("version"))
        self._versions: tuple[Version, ...] = (fixed,) if fixed is not None else tuple(snmp.Version)
        self._next_id = int(context.clock.now().timestamp()) & 0xFFFFFF
        self._socket = _connect(context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    def get(self, asked: str, oids: Sequence[Oid]) -> Asked:
        """Return the answer to a GET; in v1 one missing object fails the whole question.

        Raises:
            LinkError: `link.refused`, `link.silent`, `link.garbled`, `link.no-route`.
        """
        return self._ask(f"GET {asked}", snmp.get, oids)

    def get_next(self, asked: str, oids: Sequence[Oid]) -> Asked:
        """Return the answer to a GETNEXT. Raises as `get` does."""
        return self._ask(f"GETNEXT {asked}", snmp.get_next, oids)

    def first_of(self, columns: Mapping[str, Oid]) -> dict[Oid, Found]:
        """Return the first row of each of `columns` (by name) that the agent has, whatever its index.

        They are asked all at once or, where v1 fails for one that is missing, one by one.

        Raises:
            LinkError: as `get`.
        """
        oids = list(columns.values())
        together = self.get_next(", ".join(columns), oids)
        if not together.response.error_status:
            inside = _inside(oids, together.response)
            return {column: Found(bind, together.evidence) for column, bind in inside.items()}
        found: dict[Oid, Found] = {}
        for name, column in columns.items():
            single = self.get_next(name, [column])
            if not single.response.error_status and (bind := _inside([column], single.response).get(column)):
                found[column] = Found(bind, single.evidence)
        return found

    def rows(self, asked: str, columns: Sequence[Oid]) -> tuple[Table, Asked | None]:
        """Return a table by index and column, at most `MAX_ROWS` rows, and the answer with its first row."""
        table: Table = {}
        first: Asked | None = None
        place = dict(zip(columns, columns, strict=True))
        while place and len(table) < MAX_ROWS:
            answer = self.get_next(asked, list(place.values()))
            if answer.response.error_status:
                index = answer.response.error_index
                if not 1 <= index <= len(place):
                    break
                del place[list(place)[index - 1]]
                continue
            found = _inside(list(place), answer.response)
            place = {c: found[c].oid for c in place if c in found and found[c].oid > place[c]}
            for column in place:
                table.setdefault(found[column].oid[len(column) :], {})[column] = found[column].value
            first = first or (answer if place else None)
        return table, first

    def _ask(self, asked: str, build: Callable[..., bytes], oids: Sequence[Oid]) -> Asked:
        clock, started = self._context.clock, self._context.clock.monotonic()
        attempt = Attempt(f"SNMP {asked}", self._context.deadline)
        sent, noise = b"", b""
        for number, wait in enumerate(_RESEND_S):
            version = self._versions[number % len(self._versions)]
            self._next_id += 1
            sent = build(oids, version=version, community=self._community, request_id=self._next_id)
            response, heard = self._exchange(sent, self._context.deadline.within(wait), attempt)
            if response is not None:
                self._versions = (response.version,)
                name = f"SNMP v{'1' if response.version is snmp.Version.V1 else '2c'} {asked}"
                from supportctl.core.evidence import evidence

                return Asked(response, evidence(clock, name, started=started, sent=sent, got=heard))
            noise = heard or noise
            if self._context.deadline.expired:
                break
        raise self._no_answer(attempt, noise)

    def _exchange(self, sent: bytes, until: Deadline, attempt: Attempt) -> tuple[Response | None, bytes]:
        heard = b""
        try:
            self._socket.send(sent)
            for _stray in range(_MAX_STRAYS):
                self._socket.settimeout(max(until.remaining(), 0.001))
                heard = self._socket.recv(_MAX_DATAGRAM)
                response = _answer_to(heard, self._next_id)
                if response is not None:
                    return response, heard
        except TimeoutError:
            return None, heard
        except OSError as error:
            raise _failed(attempt, error) from error
        return None, heard

    def _no_answer(self, attempt: Attempt, noise: bytes) -> LinkError:
        if noise:
            return attempt.failed("link.wrong-device", "snmp.not-snmp", got=noise, expected="SNMP")
        return attempt.failed("link.silent", "snmp.silent", status=attempt.sure())


def _answer_to(datagram: bytes, request_id: int) -> Response | None:
    try:
        response = snmp.parse(datagram)
    except snmp.SnmpError:
        return None
    return response if response.request_id == request_id else None


def _inside(columns: Sequence[Oid], response: Response) -> dict[Oid, VarBind]:
    return {
        column: bind
        for column, bind in zip(columns, response.binds, strict=False)
        if bind.oid[: len(column)] == column and bind.value is not None
    }


def _connect(context: ProbeContext) -> socket.socket:
    host, port = context.target.host, context.target.port or DEFAULT_PORT
    address = resolve(host, port, context.deadline)[0]
    attempt = Attempt(f"SNMP {host}:{port}", context.deadline)
    wire = socket.socket(address.family, socket.SOCK_DGRAM)
    try:
        wire.connect(address.sockaddr)
    except OSError as error:
        wire.close()
        raise _failed(attempt, error) from error
    return wire


def _failed(attempt: Attempt, error: OSError) -> LinkError:
    if isinstance(error, ConnectionRefusedError | ConnectionResetError):  # Windows says "reset" for the same
        return attempt.failed("link.refused", "snmp.refused")
    if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}:
        return attempt.failed("link.no-route", "snmp.no-route")
    return attempt.failed("link.no-route", "snmp.send-failed", error=error.strerror or type(error).__name__)
