"""Two computers and a pipe between them: a customer's with a settings file, a supporter's with playbooks."""

from __future__ import annotations

import os
import threading
from pathlib import Path  # noqa: TC003  an annotation of a class that tests make

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from playbooks.engine.events import Said
from playbooks.engine.ports import Looked
from supportctl.app.config_file import load_config
from supportctl.app.playbook import RunRequest
from supportctl.app.playbook_copy import Line
from supportctl.app.playbook_hands import RealHands
from supportctl.app.playbook_on import run_on
from supportctl.app.remote_consent import AtTheTerminal
from supportctl.app.remote_playbook import RemotePlaybooks, Settings
from supportctl.core.clock import SystemClock
from supportctl.core.finding import Finding, Status
from supportctl.remote.client import Client
from supportctl.remote.consent import ConsentGate
from supportctl.remote.frames import PROTOCOL, Hello
from supportctl.remote.link import FileLink
from supportctl.remote.server import Server, Session
from supportctl.remote.signing import NAMESPACE
from supportctl.remote.sshsig import sign, signer_of

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PRINTER = "escpos+tcp://127.0.0.1:9100"
HELLO = Hello(PROTOCOL, "1.2.3", "", "s1", ("observe", "probe", "fix"))

HEAD = """\
schema: supportctl.playbook/1
name: {name}
version: {version}
owner: first-line
title: {{en: Port, ru: Порт}}
about: {{en: Sets the port., ru: Ставит порт.}}
symptoms: {{en: [no link], ru: [нет связи]}}
roles:
  printer: {{title: {{en: Printer, ru: Принтер}}, protocols: [escpos]}}
"""
ACTING = """\
parameters:
  file: {title: {en: File, ru: Файл}, required: true}
steps:
  - id: lamp
    ask:
      question: {en: "Is the lamp on?", ru: "Лампочка горит?"}
      why: {en: It tells the power., ru: По ней видно питание.}
      kind: yes-no
  - id: port
    act: {action: settings.set, params: {file: "{params.file}", key: Device/Port, value: COM4}}
    verify:
      check: {targets: [printer]}
      expect: '!found("link.refused")'
  - id: over
    hand_over: {to: second-line, reason: {en: It did not help., ru: Не помогло.}}
"""
GUIDING = """\
steps:
  - id: look
    check: {targets: [printer]}
  - id: plug
    tell: {say: {en: Push the plug in., ru: Вставьте вилку.}}
  - id: over
    hand_over: {to: second-line, reason: {en: It did not help., ru: Не помогло.}}
"""


class Hands(RealHands):
    """The customer's real hands, with a printer that answers where the settings say so."""

    file: Path
    heals = "COM4"
    on_check = staticmethod(lambda: None)

    def check(self, check, targets):
        self.on_check()
        if self.heals in self.file.read_text():
            return Looked((Finding("printer.paper", Status.OK, PRINTER),), (PRINTER,))
        return Looked((Finding("link.refused", Status.FAULT, PRINTER),), (PRINTER,))


class Customer:
    """The person at the customer's computer; `answers` are said in turn, no when there are none left."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)
        self.questions = []
        self.heard = []

    def asks(self, question, deadline, withdrawn):
        self.questions.append(question)
        return self.answers.pop(0) if self.answers else False

    def told(self, method, params, outcome):
        self.heard.append((method, outcome))


class Supporter:
    """The person at the supporter's computer: says yes to everything, or what a test wants."""

    def __init__(self) -> None:
        self.seen = []
        self.ended = None
        self.answer = "yes"
        self.wishes = True
        self.on_ask = lambda: None

    def ask(self, ask, state, until):
        self.seen.append(("ask", ask.step))
        self.on_ask()
        return self.answer

    def tell(self, tell, state, until):
        self.seen.append(("tell", tell.step))
        return Said.DONE

    def consent(self, ask, plan, state, until):
        self.seen.append(("consent", dict(plan.words)))
        return self.wishes

    def show(self, reply, state):
        return None

    def wait(self, wait, state):
        return None

    def notice(self, notice, state):
        self.seen.append(("notice", type(notice).__name__))

    def looking(self, command, state):
        self.seen.append(("looking", type(command).__name__))

    def failed(self, code, words):
        self.seen.append(("failed", code))

    def finished(self, finish, state, graph):
        self.ended = finish


class Shop:
    """Both computers. `cut` breaks the line; the session on the customer's side is kept."""

    def __init__(
        self, folder: Path, customer: Customer, *, read_only: bool = False, can_ask: bool = True
    ) -> None:
        self.clock = SystemClock()
        self.folder = folder
        self.library = folder / "library"
        self.library.mkdir()
        self.file = folder / "driver.ini"
        self.file.write_text("[Device]\nPort=COM3\n")
        self.seen = folder / "state" / "signed.json"
        public = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        self.theirs = folder / "customer.yaml"
        self.theirs.write_text(
            f"playbooks: {{runs: {folder / 'their-runs'}, settings_folders: [{folder}]}}\n"
            f"signing: {{signers: ['anna@example.org namespaces=\"supportctl-playbook\" {public}']}}\n"
            f"targets: [{{name: printer, url: '{PRINTER}'}}]\n"
        )
        self.ours = folder / "supporter.yaml"
        self.ours.write_text(f"playbooks: {{runs: {folder / 'our-runs'}, folders: [{self.library}]}}\n")
        self.hands = type("TheirHands", (Hands,), {"file": self.file})
        self.customer = customer
        self.playbooks = RemotePlaybooks(self.settings(AtTheTerminal(customer, "ru", self.clock)))
        self.gate = ConsentGate(
            customer, self.playbooks.describe, self.clock, read_only=read_only, can_ask=can_ask
        )
        self.session = Session()
        self.client = Client(self.clock, "t")
        self.supporter = Supporter()
        self.threads = []
        self.attach()

    def settings(self, consent) -> Settings:
        def hands(config, lang, talk):
            return self.hands(config, self.theirs, lang, self.clock)

        return Settings(self.theirs, self.clock, consent, "ru", (), self.seen, hands)

    def attach(self) -> bool:
        there, here = os.pipe(), os.pipe()
        served = FileLink(os.fdopen(there[0], "rb"), os.fdopen(here[1], "wb"))
        server = Server(served, self.playbooks.handlers(), self.gate, self.clock, self.session)
        thread = threading.Thread(target=server.serve, args=(HELLO,), daemon=True)
        thread.start()
        self.threads.append(thread)
        self.client.attach(FileLink(os.fdopen(here[0], "rb"), os.fdopen(there[1], "wb")))
        return True

    def back(self) -> bool:
        return self.client.connected or self.attach()

    def cut(self) -> None:
        self.client._link._sink.close()

    def close(self) -> None:
        self.session.stop()
        self.client.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive()

    def write(self, name="port-fix", body=ACTING, version=1, *, signed=True, key=KEY, more="") -> Path:
        path = self.library / f"{name}.yaml"
        path.write_text(HEAD.format(name=name, version=version) + more + body, encoding="utf-8")
        if signed:
            self.sign(path, key)
        return path

    def sign(self, path: Path, key=KEY) -> None:
        path.with_name(f"{path.name}.sig").write_text(sign(path.read_bytes(), NAMESPACE, *signer_of(key)))

    def run(self, name="port-fix", **more):
        given = more.pop("settings", (f"file={self.file}",) if name == "port-fix" else ())
        request = RunRequest(name, "en", given, more.pop("ticket", "T-1"), config=self.ours)
        line = Line(self.client, self.back if more.pop("comes_back", False) else None)
        return run_on(line, request, lambda *_run: self.supporter, **more)

    @property
    def port(self) -> str:
        return self.file.read_text().strip().rpartition("=")[2]

    def config(self):
        return load_config(self.theirs)
