"""Parts of the application's stacks, for what stands up no more of it than it needs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

_KEPT = ("AWS::Events::EventBus", "AWS::DynamoDB::Table")


def table_and_bus(stack: Any) -> Any:
    """The stack Streaming without what streams, or Labels without what records them.

    Args:
        stack: a `local.assembly.Stack`.
    """
    template = json.loads(stack.body)
    template["Resources"] = {name: one for name, one in template["Resources"].items() if one["Type"] in _KEPT}
    for one in template["Resources"].values():
        one["Properties"].pop("DeadLetterConfig", None)
    gone = re.compile(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"')
    template["Outputs"] = {
        name: one
        for name, one in template["Outputs"].items()
        if set(gone.findall(json.dumps(one["Value"]))) <= template["Resources"].keys()
    }
    return replace(stack, body=json.dumps(template), assets=())
