"""The table of rules. A number is never given to another rule: people write it into notes and tickets."""

from __future__ import annotations

from playbooks.engine.lint import flow, names, wording
from playbooks.engine.lint.table import Rule

UNUSABLE = "PB001"  # the file cannot be loaded: its mistakes have texts of their own, and no function here
ERROR, WARNING = True, False

RULES: tuple[Rule, ...] = (
    # the ways through a playbook
    Rule("PB002", ERROR, flow.includes_can_be_loaded),
    Rule("PB003", ERROR, flow.every_step_can_be_reached),
    Rule("PB004", ERROR, flow.every_step_has_a_way_out),
    Rule("PB005", WARNING, flow.the_end_is_written),
    Rule("PB006", ERROR, flow.no_arm_hides_the_next),
    Rule("PB007", ERROR, flow.the_budget_covers_the_shortest_way),
    Rule("PB008", ERROR, flow.no_step_outlasts_the_clock),
    Rule("PB009", ERROR, flow.what_changes_is_verified),
    Rule("PB010", WARNING, flow.likelihoods_are_shares),
    Rule("PB011", WARNING, flow.likely_arms_name_causes),
    Rule("PB012", WARNING, flow.the_customer_does_not_wait_too_long),
    # names
    Rule("PB020", ERROR, names.roles_are_declared),
    Rule("PB021", ERROR, names.included_roles_exist),
    Rule("PB022", WARNING, names.what_is_declared_is_used),
    Rule("PB023", ERROR, names.causes_are_declared),
    Rule("PB024", ERROR, names.places_can_be_filled),
    Rule("PB025", ERROR, names.codes_exist),
    Rule("PB026", WARNING, names.codes_are_asked_the_right_way),
    Rule("PB027", ERROR, names.actions_exist),
    Rule("PB028", ERROR, names.actions_get_their_parameters),
    Rule("PB029", ERROR, names.answers_are_choices),
    Rule("PB030", ERROR, names.questions_exist),
    Rule("PB031", ERROR, names.questions_can_be_answered),
    Rule("PB032", WARNING, names.parameters_are_no_secrets),
    # texts
    Rule("PB040", ERROR, wording.all_languages_are_there),
    Rule("PB041", ERROR, wording.places_are_the_same_in_all_languages),
    Rule("PB042", ERROR, wording.customers_hear_short_sentences),
    Rule("PB043", ERROR, wording.customers_hear_plain_words),
    Rule("PB044", WARNING, wording.one_thing_at_a_time),
    Rule("PB045", WARNING, wording.supporters_read_short_texts),
    # the head and the file
    Rule("PB050", WARNING, wording.the_head_has_tags),
    Rule("PB051", WARNING, wording.tags_are_plain, fixable=True),
    Rule("PB052", WARNING, wording.symptoms_tell_playbooks_apart),
    Rule("PB053", WARNING, wording.names_are_used_once),
    Rule("PB054", WARNING, wording.lines_are_tidy, fixable=True),
    Rule("PB055", WARNING, wording.editors_know_the_schema, fixable=True),
)
