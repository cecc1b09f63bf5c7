"""The instance types that the jobs and the endpoint may run on, from `instance_types.json`, and the command that writes it anew:

    python -m stacks.instance_types

The table is made from the instance types that SageMaker's API knows, as botocore has them: those with Intel's or AMD's
processors, for the images are built for x86-64; without accelerators, which nothing here uses; without disks of their own, for
which SageMaker takes no key (pages *API_ResourceConfig*, *API_CreateEndpointConfig*). A test compares it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

TABLE = Path(__file__).with_name("instance_types.json")
JOBS, BATCH, ENDPOINT = "jobs", "batch", "endpoint"
_KNOWN: dict[str, list[str]] = json.loads(TABLE.read_text(encoding="utf-8"))

_TYPES = {
    # the same setting names the machine of training jobs and of the processing jobs around them
    JOBS: ("TrainingInstanceType", "ProcessingInstanceType"),
    # of batch transforms and of the processing jobs around them
    BATCH: ("TransformInstanceType", "ProcessingInstanceType"),
    ENDPOINT: ("ProductionVariantInstanceType",),
}
_SAYS = {JOBS: "its jobs", BATCH: "batch transforms", ENDPOINT: "endpoints"}
_FAMILY = re.compile(r"ml\.([a-z]+)([0-9]+)([a-z]*)(-[a-z0-9]+)?\.[a-z0-9]+")


def checked_instance_type(use: str, instance_type: str) -> str:
    """The instance type, if it can be used for this.

    Args:
        use: JOBS, BATCH or ENDPOINT.

    Raises:
        ValueError: says why it cannot.

    >>> checked_instance_type(JOBS, "ml.c7g.xlarge")
    Traceback (most recent call last):
    ...
    ValueError: a Graviton machine; the images are for x86-64
    """
    if why := _unfit(instance_type):
        raise ValueError(why)
    if instance_type not in _KNOWN[use]:
        raise ValueError(f"SageMaker has none of this name for {_SAYS[use]}")
    return instance_type


def _unfit(instance_type: str) -> str:
    """Why no machine of this family will do; empty if one may."""
    found = _FAMILY.fullmatch(instance_type)
    if not found:
        return "no instance type of SageMaker's"
    kind, more = found[1], found[3]
    if kind not in ("m", "c", "r", "t"):
        return "a machine with accelerators, which nothing here uses"
    if "g" in more:
        return "a Graviton machine; the images are for x86-64"
    if "d" in more:
        return "SageMaker takes no key for a machine with disks of its own"
    return ""


def ask_botocore() -> dict[str, list[str]]:
    """The table as botocore's model of SageMaker has it."""
    import botocore.session  # noqa: PLC0415 - it takes a second to read the model

    model = botocore.session.get_session().get_service_model("sagemaker")
    known: dict[str, Iterable[str]] = {
        use: set.intersection(*(set(model.shape_for(shape).enum) for shape in shapes)) for use, shapes in _TYPES.items()
    }
    return {use: sorted(name for name in names if not _unfit(name)) for use, names in known.items()}


def main() -> int:
    """Writes the table anew."""
    TABLE.write_text(json.dumps(ask_botocore(), indent=2) + "\n", encoding="utf-8")
    print(f"wrote {TABLE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
