"""The WSGI application of the SageMaker XGBoost container in script mode, for the HTTP server that `engines.serving` starts.

The container's own `sagemaker_xgboost_container.serving:main` is no package that could be installed; it is these few steps over
`sagemaker_containers`, which is one and does all that a caller can tell: paths, statuses, content types, what an error becomes.
As there, the program is imported and its model loaded with a worker's first request.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

# the package still looks for it here; the container's image mends that in the package's file
collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined] # Python has it there no more

# its parts by name: as a whole it would import what training on several hosts needs
from sagemaker_containers import _env, _transformer, _worker  # noqa: E402

FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


@cache
def application() -> _worker.Worker:
    """The Flask application over the program that SAGEMAKER_PROGRAM names; what fails is tried again with the next request."""
    module = _env.ServingEnv().module_name
    program = importlib.import_module(module)
    transformer = _transformer.Transformer(**{name: getattr(program, name, None) for name in FUNCTIONS})
    transformer.initialize()
    return _worker.Worker(transform_fn=transformer.transform, module_name=module)


def main(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A request."""
    answer: Iterable[bytes] = application()(environ, start_response)
    return answer
