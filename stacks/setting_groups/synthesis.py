"""Settings of synthetic frauds."""

from __future__ import annotations

from stacks.setting_groups.group import Group
from stacks.setting_kinds import MACHINE_SAYS, SWITCH, JobMachine, NotebookMachine, number, setting


class Synthesis(Group):
    """Synthetic frauds: what makes them, and the gate before they are published."""

    synthesis: bool = setting(True, "whether the stack Synthesis is there, which makes synthetic frauds", SWITCH)
    synthesis_instance_type: JobMachine = setting(
        "ml.m5.xlarge", "machine of the synthetic-fraud jobs", MACHINE_SAYS.format("jobs")
    )
    synthesis_epochs: int = number(500, "how often the generator sees every fraud", 1, 100_000)
    synthesis_rows: int = number(5000, "synthetic frauds of a run", 1, 10_000_000)
    synthesis_resplits: int = number(
        8, "how many times the frauds are split anew to judge synthetic ones, by time and at random", 2, 100
    )
    synthesis_two_sample_auc: float = number(
        0.75, "gate: so well a classifier may tell synthetic from real frauds, area under the curve", 0.5, 1
    )
    synthesis_ks_ratio: float = number(
        1.25, "gate: mean distance of the columns' distributions, times that of real frauds", 1, 100
    )
    synthesis_most_loss: float = number(
        0.005, "gate: average precision that a model may lose by them, on average", 0, 1
    )
    synthesis_membership_auc: float = number(
        0.6, "gate: so well an attacker may tell which frauds were learned, area under the curve", 0.5, 1
    )
    synthesis_singling_out: float = number(0.08, "gate: share of singling-out attacks that may succeed", 0, 1)
    synthesis_linkability: float = number(0.15, "gate: share of linkability attacks that may succeed", 0, 1)
    notebook: bool = setting(
        False, "whether there is a notebook instance with the walk-through of synthetic fraud; needs nat", SWITCH
    )
    notebook_instance_type: NotebookMachine = setting(
        "ml.t3.xlarge",
        "machine of the notebook",
        "ml.t3.large, .xlarge or .2xlarge, ml.m5.xlarge, .2xlarge or .4xlarge",
    )
    notebook_idle_minutes: int = number(60, "the notebook is stopped after so many minutes without work", 10, 1440)
    training_with_synthetic: bool = setting(
        False, "whether models train on the newest published synthetic frauds as well", SWITCH
    )
