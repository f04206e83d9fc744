"""Asks the pages of a "cgi" register: logs in by Digest, with the password of the URL, tried once."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple

from probes.protocols import cgi_register, digest
from probes.services import web_answers, web_client
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.services.web_client import WebReply
    from supportctl.core.finding import Evidence, Finding

UNAUTHORISED, FORBIDDEN, BUSY = 401, 403, 503


class NoAnswer(Exception):  # noqa: N818  not an error of ours: a way in which a conversation ends
    """No answer could be had; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


class Told(NamedTuple):
    """A page that was answered; `document` is None where it is no JSON or there is no such page."""

    document: object
    evidence: Evidence
    reply: WebReply


class CgiTalk:
    """A conversation with one register; the nonce is kept from page to page."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._user = context.target.user or context.target.option("user")
        self._password = context.target.option("password")
        self._challenge: digest.Challenge | None = None
        self._count = 0  # how often its nonce was used

    def page(self, page: str) -> Told:
        """Return what `page` says.

        Raises:
            NoAnswer: the register does not let us in, is busy, or what answers speaks no HTTP.
            LinkError: the wire could not be opened, or closed without a word.
        """
        reply = self._ask(page)
        if reply.page is not None and reply.page.status == UNAUTHORISED:
            asked = self._answerable(reply)
            if not self._may_answer(asked):
                raise NoAnswer(self._refused(reply, "cgi.refused-password"))
            self._challenge, self._count = asked, 0
            reply = self._ask(page)
        return self._told(reply)

    def _may_answer(self, asked: digest.Challenge) -> bool:
        """Return whether the password may be sent (again): only when this 401 does not judge it.

        That is so when none was sent yet, and when a nonce that let us in before has run out, with or without
        the word `stale`. A nonce that is used for the first time is never out of date.
        """
        if self._challenge is None:
            return True
        return self._count > 1 and (asked.stale or asked.nonce != self._challenge.nonce)

    def _ask(self, page: str) -> WebReply:
        header = None
        if self._challenge is not None:
            self._count += 1
            header = digest.authorization(
                self._challenge, self._user, self._password, page, count=self._count, cnonce=token_hex(8)
            )
        request = cgi_register.request(page, web_client.host_of(self._context.target), header)
        return web_client.ask(self._context, request, f"GET {page}")

    def _answerable(self, reply: WebReply) -> digest.Challenge:
        """Return the challenge of a 401, if it is one that we can answer. Raises: NoAnswer."""
        assert reply.page is not None
        try:
            asked = digest.challenge(reply.page.headers.get("www-authenticate", ""))
        except digest.DigestError:
            raise NoAnswer(self._refused(reply, "cgi.other-login")) from None
        if not self._password or not self._user:
            raise NoAnswer(self._refused(reply, "cgi.wants-password"))
        if any(sign in self._user for sign in '"\\\r\n'):
            raise NoAnswer(self._refused(reply, "cgi.impossible-name"))
        return asked

    def _told(self, reply: WebReply) -> Told:
        page, seen = reply.page, reply.evidence
        if reply.silent:
            seconds = round(seen.ms / 1000, 1)
            silent = seen._replace(meaning="link.no-answer", args={"seconds": seconds})
            raise NoAnswer(self._context.fault("link.silent", silent, seconds=seconds))
        if page is None:
            raise NoAnswer(web_answers.not_whole(self._context, reply))
        if page.status == UNAUTHORISED:
            raise NoAnswer(self._refused(reply, "cgi.refused-password"))
        if page.status == FORBIDDEN:
            raise NoAnswer(self._refused(reply, "cgi.refused-access"))
        if page.status == BUSY:
            busy = seen._replace(meaning="cgi.is-busy")
            raise NoAnswer(self._context.unknown("fiscal.device-busy", busy, reason=Meaning("cgi.is-busy")))
        document = cgi_register.document(page.body) if page.status == web_answers.OK else None
        return Told(document, seen, reply)

    def something_else(self, told: Told) -> Finding:
        """Return the finding of a web server that is no such register."""
        return web_answers.something_else(self._context, told.reply, Meaning("cgi.register"))

    def _refused(self, reply: WebReply, meaning: str) -> Finding:
        seen = reply.evidence._replace(meaning=meaning)
        return self._context.unknown("fiscal.wrong-password", seen, reason=Meaning(meaning))
