"""Which calls are not expected in the CRM: the rules of `sync.exclude`, made quick."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from supportctl.core.call import HIDDEN, INTERNAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integrations.crm.reader import CrmCall
    from supportctl.core.call import Call
    from supportctl.core.sync_settings import ExcludeRule

NO_RULE = -1
_ONLY_CALLS = ("internal", "answered", "tags", "employees")  # what a record of the CRM does not tell


class Rules:
    """The rules in their order; the first that fits counts."""

    def __init__(self, rules: Sequence[ExcludeRule]) -> None:
        self.names = tuple(rule.name for rule in rules)
        self._only_internal = [rule.model_dump(exclude_none=True, exclude={"name"}) for rule in rules] == [
            {"internal": True}
        ]
        self._of_calls = [_call_tests(rule) for rule in rules]
        self._of_records = [
            (number, _record_tests(rule))
            for number, rule in enumerate(rules)
            if all(getattr(rule, name) is None for name in _ONLY_CALLS)
        ]

    def of_calls(self, calls: Sequence[Call]) -> list[int]:
        """Return `of_call` of each; quick for the rule that is there by default."""
        if self._only_internal:
            return [0 if call.tags and INTERNAL in call.tags else NO_RULE for call in calls]
        return [self.of_call(call) for call in calls] if self._of_calls else [NO_RULE] * len(calls)

    def of_call(self, call: Call) -> int:
        """Return the number of the rule that leaves a call out, or `NO_RULE`."""
        for number, tests in enumerate(self._of_calls):
            for test in tests:
                if not test(call):
                    break
            else:
                return number
        return NO_RULE

    def of_record(self, record: CrmCall) -> int:
        """Return the rule that leaves out a record without a call; rules that only fit calls do not."""
        for number, tests in self._of_records:
            if all(test(record) for test in tests):
                return number
        return NO_RULE


def _call_tests(rule: ExcludeRule) -> list[Callable[[Call], bool]]:
    tests: list[Callable[[Call], bool]] = []
    if rule.internal is not None:
        wanted = rule.internal
        tests.append(lambda call: (INTERNAL in call.tags) is wanted)
    if rule.answered is not None:
        answered = rule.answered
        tests.append(lambda call: call.answered is answered)
    if rule.direction is not None:
        tests.append(lambda call: call.direction == rule.direction)
    if rule.hidden is not None:
        hidden = rule.hidden
        tests.append(lambda call: (call.contact_phone == HIDDEN) is hidden)
    if rule.shorter_than is not None:
        limit = rule.shorter_than
        tests.append(lambda call: call.duration_s < limit)
    if rule.tags is not None:
        tag = _any_of(rule.tags)
        tests.append(lambda call: any(map(tag, call.tags)))
    if rule.lines is not None:
        line = _any_of(rule.lines)
        tests.append(lambda call: line(call.line))
    if rule.employees is not None:
        employee = _any_of(rule.employees)
        tests.append(lambda call: employee(call.employee))
    if rule.phones is not None:
        phone = _any_of(rule.phones)
        tests.append(lambda call: phone(call.contact_phone))
    return tests


def _record_tests(rule: ExcludeRule) -> list[Callable[[CrmCall], bool]]:
    tests: list[Callable[[CrmCall], bool]] = []
    if rule.direction is not None:
        tests.append(lambda record: record.direction == rule.direction)
    if rule.hidden is not None:
        hidden = rule.hidden
        tests.append(lambda record: (record.phone == HIDDEN) is hidden)
    if rule.shorter_than is not None:
        limit = rule.shorter_than
        tests.append(lambda record: record.duration_s is not None and record.duration_s < limit)
    if rule.lines is not None:
        line = _any_of(rule.lines)
        tests.append(lambda record: line(record.line))
    if rule.phones is not None:
        phone = _any_of(rule.phones)
        tests.append(lambda record: phone(record.phone))
    return tests


def _any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    match = re.compile("|".join(map(translate, patterns))).match
    return lambda text: match(text) is not None
