"""supportctl playbook: the group of commands."""

from __future__ import annotations

import click

from supportctl.cli.options import common_options
from supportctl.cli.playbook_alarm import affected, alarm
from supportctl.cli.playbook_lint import lint, schema
from supportctl.cli.playbook_list import list_
from supportctl.cli.playbook_run import report, resume, run, runs
from supportctl.cli.playbook_show import show
from supportctl.cli.playbook_sign import sign, verify
from supportctl.cli.playbook_test import test_


@click.group()
@common_options
def playbook() -> None:
    """Playbooks: what the desk knows, step by step, in a form that runs."""


playbook.add_command(list_)
for _command in (show, run, resume, runs, report, lint, test_, sign, verify, schema, alarm, affected):
    playbook.add_command(_command)
