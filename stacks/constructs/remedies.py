"""What is to be done when a step of the training machine has failed: by where it leaves the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stacks.constructs.steps import Step, Task

STAYS = (
    "The model that serves goes on serving. Remove the cause, and start the machine again with the input of this run, or with "
    '{"labels": "archive"} if drift or new labels had started it.'
)
"""Of the machine."""
BROUGHT_BACK = (
    "The endpoint answers; it may have the candidate of this run as a shadow, or in place of the approved model. Start the "
    'machine with the input {"redeploy": true}: it brings the approved model behind the endpoint again, alone.'
)
TOLD_NOBODY = "What serves is as it should be; only the event that says so was not sent. Nothing is to be done."
REMEDIES = {
    **dict.fromkeys(
        (
            *("Add shadow", "Ask for the shadow", "Look again", "Take shadow away", "Ask whether it is gone"),
            *("Update endpoint", "Ask endpoint", "Approve", "Reject"),
        ),
        BROUGHT_BACK,
    ),
    **dict.fromkeys(("Tell that it stays", "Tell"), TOLD_NOBODY),
}
"""{step: what is to be done}; of all others what the machine says."""


def with_remedies(steps: Mapping[str, Step]) -> dict[str, Step]:
    """The steps of the training machine, each with what is to be done when it fails."""
    return {
        name: replace(step, remedy=REMEDIES[name]) if isinstance(step, Task) and name in REMEDIES else step
        for name, step in steps.items()
    }
