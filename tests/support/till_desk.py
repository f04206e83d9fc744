"""A supporter's computer for runs of a playbook: its configuration, a settings file, journals, a terminal."""

from __future__ import annotations

import os

from terminal import Terminal

from playbooks.engine.journal import read

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
  - {id: look, check: {targets: [printer]}}
  - id: lamp
    ask:
      question: {en: Which lamp is on?, ru: Какая лампа горит?}
      why: {en: It tells the fault., ru: По ней видно причину.}
      choices: {red: {en: Red, ru: Красная}, none: {en: None, ru: Никакая}}
  - id: width
    ask:
      question: {en: How wide is the roll?, ru: Какой ширины рулон?}
      why: {en: There are two., ru: Их два.}
      kind: number
      at_least: 50
      at_most: 90
  - id: roll
    tell: {say: {en: Put in a roll., ru: Вставьте рулон.}}
    verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
  - id: fix
    act: ACT
    verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
  - {id: over, hand_over: {reason: {en: We do not know., ru: Мы не знаем.}}}
"""
SET = "{action: settings.set, params: {file: FILE, key: main/port, value: '9'}}"
SLOW = "{action: slow.write, params: {file: FILE}}"
PLUGIN = '''
import os
from pathlib import Path
from playbooks.actions.model import Done, Plan

class Slow:
    """Writes, and is never done."""
    name, params, risk, seconds = "slow.write", {"file": True}, "undoable", 1
    def plan(self, params, place, deadline):
        return Plan(self.name, dict(params), {}, {"was": Path(params["file"]).read_text()})
    def run(self, plan, place, deadline):
        Path(plan.params["file"]).write_text("half")
        os.mkfifo(plan.params["file"] + ".fifo")
        open(plan.params["file"] + ".fifo").read()
    def undo(self, plan, place, deadline):
        Path(plan.params["file"]).write_text(plan.undo["was"])
        return Done(ok=True)
'''


class Desk:
    """A supporter's computer: a configuration, a playbook, a settings file, journals."""

    def __init__(self, folder, lab, act):
        self.lab = lab
        lab.fault("till", "paper-out")
        self.settings = folder / "driver.ini"
        self.settings.write_text("[main]\nport = 4\n")
        self.playbook = folder / "till-test.yaml"
        self.playbook.write_text(PLAYBOOK.replace("ACT", act).replace("FILE", str(self.settings)))
        self.runs = folder / "runs"
        config = folder / "supportctl.yaml"
        config.write_text(
            f"targets: [{{name: till, url: '{lab.url('till')}'}}]\n"
            f"playbooks: {{runs: {self.runs}, settings_folders: [{folder}]}}\n"
        )
        (folder / "slow.py").write_text(PLUGIN)
        (folder / "slow-1.dist-info").mkdir()
        (folder / "slow-1.dist-info/entry_points.txt").write_text(
            "[supportctl.actions]\nslow.write = slow:Slow\n"
        )
        (folder / "slow-1.dist-info/METADATA").write_text("Name: slow\nVersion: 1\n")
        self.words = ["--config", str(config)]
        self.env = {
            "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        }

    def run(self, *words, lang="en", **more):
        words = [*self.words, "--lang", lang, "playbook", *words]
        return Terminal(words, {**self.env, **more.pop("env", {})}, **more)

    @property
    def journal(self):
        (path,) = self.runs.glob("*.jsonl")
        return read(path)
