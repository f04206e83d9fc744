"""Is the telephone exchange or the desk phone there, does it take our account, does anything rewrite SIP?

`sip://HOST` asks OPTIONS: any final answer proves a living SIP stack, a refusal, too. `sip://USER@HOST` asks
besides which telephones are registered under USER, with `?password=` if there is one; it registers nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from probes.links.base import LINK_CODES, LinkError
from probes.network.sip_dialogue import SipDialogue, open_dialogue
from probes.protocols.sip import Request, Response, rewritten
from probes.protocols.sip_digest import authorization, read_challenge
from supportctl.core.finding import Meaning, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.network.sip_dialogue import Told
    from supportctl.core.finding import Finding

_OVERLOADED = frozenset({500, 502, 503, 504, 513, 580, 600})
_UNAUTHORIZED, _PROXY_UNAUTHORIZED = 401, 407
_WANTS_PROOF = frozenset({_UNAUTHORIZED, _PROXY_UNAUTHORIZED})
_REFUSED = frozenset({403, 404, 410, 416, 603, 604})
_OK_CLASS = range(200, 300)


class SipProbe:
    """Asks a SIP target by OPTIONS and, with an account, by a REGISTER that only reads."""

    codes = LINK_CODES | {
        "sip.answers", "sip.path", "sip.account", "sip.unreachable", "sip.overloaded", "sip.alg",
        "sip.registration-refused", "sip.not-registered",
    }  # fmt: skip

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield whether it answers, whether its answers come through unchanged, and what of the account."""
        try:
            with open_dialogue(context) as dialogue:
                told = dialogue.ask(_request(context, dialogue, "OPTIONS"))
                yield from _options(context, dialogue, told)
                if told.response is not None and context.target.user:
                    yield from _account(context, dialogue)
        except LinkError as error:
            if error.code in {"link.dns", "link.wrong-device", "link.garbled"}:
                yield context.link_failed(error)
            else:
                make = context.unknown if error.status is Status.UNKNOWN else context.fault
                yield make("sip.unreachable", *error.evidence)


def _request(context: ProbeContext, dialogue: SipDialogue, method: str, cseq: int = 1) -> Request:
    return Request(
        method, dialogue.them, dialogue.me, dialogue.transport, os.urandom(8).hex(), os.urandom(4).hex(),
        os.urandom(12).hex(), cseq, context.target.user or "",
    )  # fmt: skip


def _options(context: ProbeContext, dialogue: SipDialogue, told: Told) -> Iterator[Finding]:
    response = told.response
    if response is None:
        yield told.unanswered(context)
        return
    answer = f"{response.status} {response.reason}".strip()
    if response.status in _OVERLOADED:
        seen = told.evidence(context, "sip.says-overloaded", answer=answer)
        yield context.warning("sip.overloaded", seen, answer=answer)
    else:
        seen = told.evidence(context, "sip.alive", answer=answer)
        device = f": {response.program}" if response.program else ""
        yield context.ok("sip.answers", seen, answer=answer, device=device)
    header = rewritten(response, told.request)
    if header:
        got = "; ".join(response.all(header.lower())) or "-"
        seen = told.evidence(context, "sip.header-rewritten", got=got, header=header, ours=dialogue.me)
        yield context.warning("sip.alg", seen, header=header)
    else:
        seen = told.evidence(context, "sip.headers-kept")
        yield context.ok("sip.path", seen, nat=_nat(response, dialogue))


def _nat(response: Response, dialogue: SipDialogue) -> Meaning:
    """Return what the other side noted about where our question came from."""
    via = response.vias[0]
    host, _, port = dialogue.me.rpartition(":")
    if dialogue.transport == "TCP" or not (via.rport or via.received):
        return Meaning("sip.nat-not-told")
    same = via.received in {"", host.strip("[]")} and via.rport in {"", port}
    return Meaning("sip.no-nat") if same else Meaning("sip.behind-nat")


def _account(context: ProbeContext, dialogue: SipDialogue) -> Iterator[Finding]:
    user, password = context.target.user or "", context.target.option("password")
    request = _request(context, dialogue, "REGISTER")
    try:
        told = dialogue.ask(request)
        if told.response is not None and told.response.status in _WANTS_PROOF:
            proof = _proof(told.response, request, user, password) if password else None
            if proof is None:
                return  # it asks for a password before it tells anything: nothing known, nothing wrong
            told = dialogue.ask(request._replace(cseq=2, branch=os.urandom(8).hex(), authorization=proof))
    except LinkError:  # it answered OPTIONS, so it is there; of the account nothing is known
        return
    response = told.response
    if response is None:
        return
    answer = f"{response.status} {response.reason}".strip()
    if response.status in _WANTS_PROOF | _REFUSED:
        seen = told.evidence(context, "sip.account-refused", answer=answer)
        yield context.fault("sip.registration-refused", seen, account=user, answer=answer)
    elif response.status in _OK_CLASS and response.contacts:
        seen = told.evidence(context, "sip.bindings", count=len(response.contacts))
        yield context.ok("sip.account", seen, account=user, count=len(response.contacts))
    elif response.status in _OK_CLASS:
        seen = told.evidence(context, "sip.no-bindings")
        yield context.fault("sip.not-registered", seen, account=user)


def _proof(response: Response, request: Request, user: str, password: str) -> tuple[str, str] | None:
    proxy = response.status == _PROXY_UNAUTHORIZED
    header = "proxy-authenticate" if proxy else "www-authenticate"
    challenges = (read_challenge(value, proxy=proxy) for value in response.all(header))
    challenge = next((each for each in challenges if each is not None), None)
    if challenge is None:
        return None
    return authorization(
        challenge, user=user, password=password, method=request.method, uri=request.uri,
        cnonce=os.urandom(8).hex(),
    )  # fmt: skip
