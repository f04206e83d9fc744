"""The format of a playbook: `supportctl.playbook/1`. JSON Schema: `supportctl playbook schema`.

These classes say what a file may hold. How its steps follow each other is in `graph`, what they do in
`planner`.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from playbooks.engine.fields import Code, Condition, Day, Glob, Part, StepId
from playbooks.engine.needs import Budget, Parameter, Role
from playbooks.engine.texts import Text
from supportctl.core.fields import Duration, Name

SCHEMA = "supportctl.playbook/1"
STEP_KINDS = (
    "check", "ask", "tell", "act", "wait", "branch", "goto", "include", "reply", "resend", "sync",
    "hand_over", "out_of_scope", "solved",
)  # fmt: skip

To = Literal["cashier", "shop-manager", "first-line", "second-line", "administrator", "vendor-engineer",
             "developers", "bank", "provider"]  # fmt: skip
Reader = Literal["customer", "supporter"]


class Check(Part):
    """What is asked of which targets: roles, or `computer` for this computer and its network."""

    targets: tuple[Name, ...] = Field(min_length=1)
    only: tuple[Glob, ...] = ()
    skip: tuple[Glob, ...] = ()
    deadline: Duration = 20.0


class Verify(Part):
    """How we know that it helped: a check, and what must be true after it."""

    check: Check
    expect: Condition
    within: Duration = Field(default=0.0, description="Ask again until then: a device needs time to start.")


class Step(Part):
    """What every step has. `seconds` is an estimate with the person's time in it."""

    id: StepId
    when: Condition | None = Field(default=None, description="The step is left out unless this is true.")
    seconds: int = Field(default=0, ge=0, le=3600, description="Estimated; 0: usual for its kind.")


class CheckStep(Step):
    """Ask devices, accounts or this computer."""

    check: Check
    solved_if: Condition | None = Field(default=None, description="The run ends as solved if this is true.")


class Question(Part):
    """A question to a person. Its answer is `answers.STEP_ID` in conditions (`-` becomes `_`)."""

    question: Text
    why: Text
    kind: Literal["choice", "yes-no", "number", "text", "photo"] = "choice"
    choices: dict[StepId, Text] = Field(default_factory=dict)
    at_least: float | None = None
    at_most: float | None = None
    of: Reader = "customer"


class AskStep(Step):
    """Ask a person; the answer is a fact from then on."""

    ask: Question


class Instruction(Part):
    """One thing to do or to say, to the customer or by the supporter."""

    say: Text
    to: Reader = "customer"


class TellStep(Step):
    """Give one instruction; with `verify` we look whether it helped."""

    tell: Instruction
    verify: Verify | None = None
    solved: bool = Field(default=True, description="What was verified ends the run as solved.")


class ActionCall(Part):
    """An action that supportctl does itself; its risk, undo and words come with the action."""

    action: Code
    params: dict[StepId, str] = Field(default_factory=dict)


class ActStep(Step):
    """Change something, with consent; what does not verify is undone."""

    act: ActionCall
    verify: Verify | None = None
    solved: bool = True


class Waiting(Part):
    """A time, or until a condition holds, asked every so often."""

    for_: Duration | None = Field(default=None, alias="for")
    until: Condition | None = None
    check: Check | None = None
    every: Duration = 5.0
    at_most: Duration = 60.0
    say: Text | None = None


class WaitStep(Step):
    """Wait."""

    wait: Waiting


class Arm(Part):
    """One way on. `cause` names the hypothesis that it follows."""

    when: Condition | None = None
    cause: StepId | None = None
    likelihood: float = Field(default=0.5, gt=0, le=1)
    impact: float = Field(default=1.0, gt=0, le=10)
    goto: StepId | None = None
    steps: "tuple[AnyStep, ...]" = ()


class Ways(Part):
    """`written`: the first arm whose condition holds. `likely`: all such arms, the best first."""

    order: Literal["written", "likely"] = "written"
    arms: tuple[Arm, ...] = Field(min_length=1)
    otherwise: "tuple[AnyStep, ...]" = ()


class BranchStep(Step):
    """Choose a way."""

    branch: Ways


class GotoStep(Step):
    """Go on at another step."""

    goto: StepId


class IncludeStep(Step):
    """Do another playbook's steps here, with its own questions; `roles` maps its roles to ours."""

    include: Name
    roles: dict[Name, Name] = Field(default_factory=dict)


class ReadyAnswer(Part):
    """A text that the supporter can paste, with facts filled in."""

    text: Text
    channel: Literal["chat", "mail"] = "chat"


class ReplyStep(Step):
    """Show a ready answer."""

    reply: ReadyAnswer


class ResendCall(Part):
    """A verb of the on-call person. `status` reads; the others change and are asked for like actions."""

    do: Literal["status", "recover", "now", "hold"]
    destination: Name
    since: str = "24h"


class ResendStep(Step):
    """Look at the lost calls of a destination, or bring them."""

    resend: ResendCall
    verify: Verify | None = None
    solved: bool = False


class SyncCall(Part):
    """Compare telephony with a CRM; gaps become findings (`sync.call-missing`), `count()` tells how many."""

    source: Name
    crm: Name
    since: str = "24h"


class SyncStep(Step):
    """Where did each call go."""

    sync: SyncCall
    solved_if: Condition | None = None


class HandOver(Part):
    """Who goes on, and why."""

    to: To = "second-line"
    reason: Text


class HandOverStep(Step):
    """Give the case to the next line with all that was learned."""

    hand_over: HandOver


class OutOfScope(Part):
    """A kind, useful answer: not ours, who is, and what to tell them."""

    say: Text
    whom: Text


class OutOfScopeStep(Step):
    """End: somebody else mends this."""

    out_of_scope: OutOfScope


class Solved(Part):
    """The last words to the customer."""

    say: Text
    cause: StepId | None = None


class SolvedStep(Step):
    """End: it works again."""

    solved: Solved


def _kind(value: Any) -> str | None:  # noqa: ANN401  what a file holds before it is understood
    keys = value if isinstance(value, dict) else getattr(type(value), "model_fields", {})
    acting = {"tell", "act", "resend"} & set(keys)  # there `solved` is a switch, not the kind
    return next((kind for kind in STEP_KINDS if kind in keys and not (kind == "solved" and acting)), None)


AnyStep = Annotated[
    Annotated[CheckStep, Tag("check")]
    | Annotated[AskStep, Tag("ask")]
    | Annotated[TellStep, Tag("tell")]
    | Annotated[ActStep, Tag("act")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[BranchStep, Tag("branch")]
    | Annotated[GotoStep, Tag("goto")]
    | Annotated[IncludeStep, Tag("include")]
    | Annotated[ReplyStep, Tag("reply")]
    | Annotated[ResendStep, Tag("resend")]
    | Annotated[SyncStep, Tag("sync")]
    | Annotated[HandOverStep, Tag("hand_over")]
    | Annotated[OutOfScopeStep, Tag("out_of_scope")]
    | Annotated[SolvedStep, Tag("solved")],
    Discriminator(_kind),
]


class Playbook(Part):
    """One playbook."""

    schema_: Literal["supportctl.playbook/1"] = Field(alias="schema")
    name: Name
    version: int = Field(ge=1, le=10**6)
    requires: str = Field(default="0", pattern=r"^\d{1,4}(\.\d{1,4}){0,2}$", description="Lowest supportctl.")
    expires: Day | None = Field(
        default=None,
        description="Last day (UTC) on which it runs over a session; here, it runs after it, too.",
    )
    owner: Name
    title: Text
    about: Text
    symptoms: dict[str, tuple[str, ...]]
    tags: tuple[Name, ...] = ()
    budget: Budget = Budget()
    roles: dict[Name, Role] = Field(default_factory=dict)
    parameters: dict[StepId, Parameter] = Field(default_factory=dict)
    causes: dict[StepId, Text] = Field(default_factory=dict)
    steps: tuple[AnyStep, ...] = Field(min_length=1)


Arm.model_rebuild()
Ways.model_rebuild()
Playbook.model_rebuild()
