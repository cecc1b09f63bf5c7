"""The CDK application: `npx cdk synth`, `npx cdk deploy`. `cdk.json` says how it is started and what it is told."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import stacks  # noqa: F401 - says which Node.js the imports below run on

# isort: split
import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks.api import Api
from stacks.asset_cache import AssetError
from stacks.batch import Batch
from stacks.constructs.jobs import names_in_place_of_wheels
from stacks.data import Data
from stacks.features import Features
from stacks.labels import Labels
from stacks.monitoring import Monitoring
from stacks.serving import Serving
from stacks.settings import SettingsError, read_settings
from stacks.streaming import Streaming
from stacks.synthesis import Synthesis
from stacks.training import Training


def build_app(context: Mapping[str, Any] | None = None, outdir: str | None = None, *, wheels: bool = True) -> cdk.App:
    """The stacks of one environment.

    Args:
        context: CDK's context, as `cdk.json` has it; the command-line tool passes its own.
        outdir: where templates and assets are written.
        wheels: False to look at templates without fetching libraries for the cloud; never to deploy them.

    Raises:
        SettingsError: a setting is wrong.
    """
    app = cdk.App(context=dict(context or {}), outdir=outdir)
    settings = read_settings(app.node.get_all_context())
    names_in_place_of_wheels(app, not wheels)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app, write_suppressions_to_cloud_formation=True))
    data = Data(app, settings)
    features = Features(app, settings, data=data)
    serving = Serving(app, settings, data=data)
    streaming = Streaming(app, settings, data=data, features=features, serving=serving)
    labels = Labels(app, settings, data=data, streaming=streaming)
    training = Training(app, settings, data=data, serving=serving, streaming=streaming)
    synthesis = Synthesis(app, settings, data=data, streaming=streaming) if settings.synthesis else None
    api = Api(app, settings, data=data, features=features, serving=serving, streaming=streaming, labels=labels)
    batch = Batch(app, settings, data=data, serving=serving, streaming=streaming, training=training)
    Monitoring(
        app,
        settings,
        data=data,
        features=features,
        serving=serving,
        streaming=streaming,
        labels=labels,
        training=training,
        synthesis=synthesis,
        batch=batch,
        api=api,
    )
    return app


if __name__ == "__main__":
    try:
        build_app().synth()
    except (SettingsError, AssetError) as error:
        sys.exit(f"error: {error}")
