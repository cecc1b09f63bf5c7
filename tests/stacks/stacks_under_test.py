"""Templates as tests read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
Templates = dict[str, dict[str, Any]]
"""{stack, as `Streaming`: its template}."""


class Resource(NamedTuple):
    """A resource of a template."""

    stack: str
    id: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["Type"])

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.body.get("Properties", {}))

    def __str__(self) -> str:
        return f"{self.stack}.{self.id} ({self.type})"


def context(**settings: Any) -> dict[str, Any]:
    """What the command-line tool would pass: the context of cdk.json with these settings. Assets stay where they are."""
    given = json.loads((ROOT / "cdk.json").read_text())["context"]
    return {**given, "aws:cdk:disable-asset-staging": True, **settings}


def synthesize(folder: Path, **settings: Any) -> Path:
    """Synthesizes the application with all validation; raises if anything is found."""
    from app import build_app  # noqa: PLC0415 - importing CDK takes seconds: only tests that synthesize should wait

    build_app(context(**settings), str(folder), wheels=False).synth()
    return folder


def read_templates(folder: Path) -> Templates:
    """All templates in a folder that was synthesized into."""
    paths = sorted(folder.glob("*.template.json"))
    return {path.name.split(".")[0].split("-")[-1]: json.loads(path.read_text()) for path in paths}


def resources(templates: Templates, *types: str) -> Iterator[Resource]:
    """The resources of these types, of all types if none is named."""
    for stack, template in templates.items():
        for name, body in template["Resources"].items():
            if not types or body["Type"] in types:
                yield Resource(stack, name, body)


def referred(value: Any) -> str | None:
    """The id of the resource that a Ref or a GetAtt names."""
    if isinstance(value, dict):
        if "Ref" in value:
            return str(value["Ref"])
        if "Fn::GetAtt" in value:
            return str(value["Fn::GetAtt"][0])
    return None


def statements(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The statements of a policy document."""
    yield from policy.get("Statement", [])


def listed(value: Any) -> list[Any]:
    """A value as a list, for policies write one thing without."""
    return value if isinstance(value, list) else [value]
