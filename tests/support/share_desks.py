"""The customer's computer and the supporter's, through a real bastion."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml
from bastions import SHARE_USER, STAFF_USER
from terminal import Terminal

PLAYBOOK = """\
schema: supportctl.playbook/1
name: till-test
version: 1
owner: first-line
title: {en: The printer prints nothing, ru: Принтер не печатает}
about: {en: A test., ru: Проверка.}
symptoms: {en: [nothing prints], ru: [не печатает]}
roles:
  printer: {title: {en: Receipt printer, ru: Чековый принтер}, protocols: [escpos]}
steps:
  - id: fix
    act: {action: settings.set, params: {file: FILE, key: main/port, value: '9'}}
    verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
  - {id: over, hand_over: {reason: {en: We do not know., ru: Мы не знаем.}}}
"""


class Desks:
    """The customer's computer and the supporter's, each with its configuration."""

    def __init__(self, bastion, lab, folder) -> None:
        self.bastion = bastion
        self.lab = lab
        place = bastion.bastion()
        where = {
            "host": place.host,
            "port": place.port,
            "host_key": place.host_key,
            "ports": list(place.ports),
            "share_user": SHARE_USER,
            "staff_user": STAFF_USER,
        }
        company = bastion.company
        company.key("author")
        # what has run here is remembered: each test has a memory of its own
        self.env = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("STATE", "DATA", "CACHE")}
        self.settings = folder / "driver.ini"
        self.settings.write_text("[main]\nport = 4\n")
        till = {
            "targets": [{"name": "receipt-printer", "url": lab.url("till")}],
            "playbooks": {"settings_folders": [str(folder)], "runs": str(folder / "runs")},
            "signing": {"signers": [f"author {company.public('author').strip()}"]},
            "remote": {
                "bastion": {**where, "share_key": (bastion.folder / "shop").read_text()},
                "company_keys": [company.public("company").strip()],
            },
        }
        signing = {"signing": till["signing"], "playbooks": {"runs": str(folder / "desk-runs")}}
        desk = {**signing, "remote": {"bastion": where, "key": str(bastion.folder / "ivan")}}
        self.till, self.desk = folder / "till.yaml", folder / "desk.yaml"
        self.till.write_text(yaml.safe_dump(till))
        self.desk.write_text(yaml.safe_dump(desk))
        self.playbook = playbook = folder / "till-test.yaml"
        playbook.write_text(PLAYBOOK.replace("FILE", str(self.settings)))
        sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "supportctl-playbook", "-f"]
        command = [*sign, bastion.folder / "author", playbook]
        subprocess.run(command, check=True, capture_output=True, timeout=10)
        self.run = {
            "files": {"till-test.yaml": playbook.read_text()},
            "signatures": {"till-test.yaml": Path(f"{playbook}.sig").read_text()},
            "name": "till-test",
            "roles": {"printer": "receipt-printer"},
            "ticket": "T-1042",
        }

    def share(self, *words, lang="en"):
        return Terminal(
            ["--config", str(self.till), "--lang", lang, "share", "--ticket", "T-1042", *words], self.env
        )

    def connect(self, code):
        return Terminal(["--config", str(self.desk), "connect", code], self.env)

    def supporter(self, *words):
        return Terminal(["--config", str(self.desk), *words], self.env)
