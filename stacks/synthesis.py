"""Synthesis: synthetic fraud, by the scripts that run on a laptop."""

from __future__ import annotations

from constructs import Construct

from stacks.base import FraudStack
from stacks.constructs.clean_up import leftovers
from stacks.constructs.notebook import Notebook
from stacks.constructs.synthesis import Synthesis as Machine
from stacks.data import Data
from stacks.names import JOB_LOG_GROUPS, SYNTHESIS_JOBS, run_prefix
from stacks.settings import Settings
from stacks.streaming import Streaming


class Synthesis(FraudStack):
    """Synthetic frauds: by event and by hand."""

    def __init__(self, scope: Construct, settings: Settings, *, data: Data, streaming: Streaming) -> None:
        description = "Card fraud: synthetic frauds, judged before anyone gets them"
        super().__init__(scope, "Synthesis", settings, description, (data, streaming))
        synthesis = Machine(
            self,
            "Synthetic",
            settings,
            key=data.key,
            curated=data.curated,
            models=data.models,
            bus=(streaming.bus.attr_name, streaming.bus.attr_arn),
        )
        self.machine = synthesis.machine
        if settings.notebook:
            notebook = Notebook(self, "Notebook", settings, key=data.key, network=streaming.network)
            self.output(
                "NotebookInstance",
                notebook.instance.attr_notebook_instance_name,
                "the notebook instance with the walk-through",
            )
        jobs = [run_prefix(settings, name) for name in SYNTHESIS_JOBS]
        leftovers(
            self,
            data.clean_up_arn,
            after=[synthesis.machine],
            jobs=[f"{job}-" for job in jobs],
            log_streams=[f"{group}:{job}-" for group in JOB_LOG_GROUPS for job in jobs],
        )
        self.machine.on_event(
            "OnSynthesisRequest",
            data.key,
            pattern={"source": ["card-fraud"], "detail-type": ["synthesize"]},
            bus=streaming.bus.attr_name,
        )
        self.output(
            "SynthesisStateMachine", self.machine.arn, "start it by hand, or put an event `synthesize` on the bus"
        )
