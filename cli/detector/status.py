"""`fraud detector status`."""

from __future__ import annotations

import typer

from cli.detector.service import Env, service
from lambda_src.ports.detector_service import detector_versions, model_versions


def status(env: Env = None) -> None:
    """Show the model's versions and the detector's, with what became of each.

    Example: fraud detector status --env dev
    """
    with service(env) as found:
        models = model_versions(found.client, found.model)
        versions = detector_versions(found.client, found.detector)
    typer.echo(f"model {found.model}: {len(models)} versions")
    for model in models:
        why = f": {model.why}" if model.why else ""
        typer.echo(f"  {model.version}  {model.status}  {model.data or ''}{why}")
    typer.echo(f"detector {found.detector}: {len(versions)} versions")
    for version in versions:
        scored = ", ".join(str(number) for _, number in sorted(version.models)) or "no model"
        typer.echo(f"  {version.number}  {version.status}  {scored}; rules {', '.join(version.rules)}")
