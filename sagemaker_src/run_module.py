"""Runs a module of the project inside a SageMaker job's container, where nothing of the project is installed:

    python3 code.zip sagemaker_src.processing.nightly --transactions ...

A job's code comes as zip files, whose paths JOB_ARCHIVES names, joined by `:`. They are unpacked into a temporary folder, for
compiled libraries cannot be imported from a zip; so are the wheels that such a zip may hold. This file is the code zip's
`__main__.py`, and `spark-submit`'s program. It is the program of a tuning job's trials, too, whose command line holds
hyper-parameters alone: for these JOB_MODULE names the module.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
import zipfile
from pathlib import Path


def main() -> None:
    """Unpacks the archives and runs the module that JOB_MODULE or the first argument names, with the other arguments."""
    with tempfile.TemporaryDirectory(prefix="job-") as folder:
        for archive in os.environ["JOB_ARCHIVES"].split(":"):
            with zipfile.ZipFile(archive) as content:
                content.extractall(folder)
        for wheel in Path(folder).glob("*.whl"):
            with zipfile.ZipFile(wheel) as content:
                content.extractall(folder)
            wheel.unlink()
        sys.path.insert(0, folder)
        # the processes that the module starts, such as Spark's workers, find the code as well
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
        if module := os.environ.get("JOB_MODULE"):
            sys.argv[0] = module
        else:
            del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
