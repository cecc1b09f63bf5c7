"""Script mode: how AWS's framework containers start a program that hyper-parameters name, without an entry point of its own.

As the SageMaker training toolkit does it, which the XGBoost container brings (its `params`, `mapping`, `files`, `entry_point`):
`sagemaker_program` is a file of `sagemaker_submit_directory`, here a folder of the container; all other hyper-parameters are
options of its command line, by name.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from emulator.errors import ServiceError
from emulator.sagemaker.containers import placed

PROGRAM, SUBMITTED = "sagemaker_program", "sagemaker_submit_directory"
TUNED_METRIC = "_tuning_objective_metric"
"""A tuning job tells each training job what it is tuned by."""
_RESERVED = {
    *(PROGRAM, SUBMITTED, TUNED_METRIC, "sagemaker_enable_cloudwatch_metrics", "sagemaker_container_log_level"),
    *("sagemaker_region", "sagemaker_job_name", "default_user_module_name", "sagemaker_s3_output"),
}


def started_by(parameters: Mapping[str, str], folder: Path) -> list[str]:
    """The command line that a container starts, its program put where the toolkit puts it.

    Args:
        parameters: the hyper-parameters.
        folder: what the container sees as /opt/ml.

    Raises:
        ServiceError: they name no program, or it is not there.
    """
    program, submitted = (_plain(parameters.get(name, "")) for name in (PROGRAM, SUBMITTED))
    if not program:
        raise ServiceError(
            "ValidationException", f"neither a ContainerEntrypoint nor a hyper-parameter {PROGRAM} says what runs"
        )
    if not submitted.startswith("/opt/ml/"):
        raise ServiceError("ValidationException", f"{SUBMITTED}: {submitted} is not implemented here, a folder is")
    source, code = Path(placed(submitted, folder)), folder / "code"
    if not (source / program).is_file():
        raise ServiceError("ValidationException", f"{SUBMITTED}: there is no {program} in {submitted}")
    if not program.endswith(".py"):
        raise ServiceError("ValidationException", f"{PROGRAM}: {program} is not implemented here, a file of Python is")
    shutil.copytree(source, code)
    options = ((name, _plain(parameters[name])) for name in sorted(parameters) if name not in _RESERVED)
    given = [part for name, value in options for part in (f"--{name}" if len(name) > 1 else f"-{name}", value)]
    return ["python3", f"/opt/ml/code/{program}", *given]


def _plain(value: str) -> str:
    """A hyper-parameter as the toolkit hands it on: a text of JSON without its quotes."""
    try:
        read = json.loads(value)
    except ValueError:
        return value
    return read if isinstance(read, str) else value
