"""A model behind HTTP as the SageMaker XGBoost container serves it: GET /ping and POST /invocations.

    python -m engines.serving --model DIR --program FILE --port 0

The HTTP server is the container's, gunicorn with gevent, and so is the application over the program that was deployed: see
`engines.serving_app`. They live in an environment of their own. Other than in the container, one worker serves,
not one for each core (there, a worker loads the model with its own first request, which may be a payment's), and no nginx before
it, whose part is small: it passes bodies of any size, closes idle connections after 3 s, and waits 60 s for an answer; here
gunicorn keeps connections open itself. The size of a request is limited by InvokeEndpoint.

By hand, it prints its address once the model is loaded. SIGTERM ends it after the requests in hand.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from engines.installed import ROOT, SERVING
from engines.processes import free_port
from engines.waiting import wait_until

PYTHON = SERVING / "bin" / "python"
PING_TIMEOUT_S = 2.0
"""Page *your-algorithms-inference-code*: "The request timeout on /ping attempts is 2 seconds." """
POLL_S = 0.05
START_TIMEOUT_S = 600


class UnhealthyError(RuntimeError):
    """The server answers its health check, but not with 200."""


def command(folder: Path, port: int, variables: Mapping[str, str]) -> list[str]:
    """What starts gunicorn, with the container's arguments.

    Args:
        folder: what the container sees as /opt/ml: `model` holds the model, `code` the program.
        variables: the container's, of which some are the server's.
    """
    workers = int(variables.get("SAGEMAKER_MODEL_SERVER_WORKERS", "1"))
    options = {
        "--timeout": variables.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60"),
        "--worker-class": "gevent",
        "--pythonpath": f"{ROOT},{folder / 'code'}",
        "--bind": f"127.0.0.1:{port}",
        "--worker-connections": str(1000 * workers),
        "--workers": str(workers),
        "--log-level": variables.get("SAGEMAKER_GUNICORN_LOG_LEVEL", "warning"),
        "--keep-alive": variables.get("SAGEMAKER_GUNICORN_KEEP_ALIVE", "60"),
    }
    # idle connections, which no nginx closes here, would hold up its end for the 30 s that are gunicorn's default
    options["--graceful-timeout"] = "2"
    given = [part for option in options.items() for part in option]
    return [str(PYTHON), "-m", "gunicorn", *given, "--no-control-socket", "engines.serving_app:main"]


def environment(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The server's variables, those of the container among them."""
    threads = {"OMP_NUM_THREADS": "1"}  # the container's default
    return threads | dict(variables) | {"SAGEMAKER_BASE_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def healthy(port: int) -> bool:
    """Whether it answers GET /ping, as the service asks before it sends requests; False before it answers anything.

    Raises:
        UnhealthyError: it answers something other than 200.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PING_TIMEOUT_S)
    try:
        connection.request("GET", "/ping")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        raise UnhealthyError(f"did not pass the ping health check: HTTP {status}")
    return True


def _late() -> UnhealthyError:
    return UnhealthyError(f"did not answer within {START_TIMEOUT_S} s")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Serve a model folder on the loopback address.")
    parser.add_argument("--model", default=os.environ.get("SM_MODEL_DIR"), help="folder of model.ubj and manifest.json")
    parser.add_argument("--program", type=Path, required=True, help="that serves it, as the container runs it")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one (default %(default)s)")
    options = parser.parse_args(arguments)
    if not options.model or not (Path(options.model) / "manifest.json").is_file():
        parser.error(f"--model: {options.model} holds no manifest.json; name a folder that training wrote")
    if not PYTHON.exists():
        parser.error(f"{PYTHON} is missing; run: make setup")
    with tempfile.TemporaryDirectory(prefix="serving-") as folder:
        return _serve(Path(options.model), options.program.resolve(), options.port or free_port(), Path(folder))


def _serve(model: Path, program: Path, port: int, folder: Path) -> int:
    (folder / "code").mkdir()
    (folder / "code" / program.name).symlink_to(program)
    (folder / "model").symlink_to(model.resolve())
    variables = {**os.environ, "SAGEMAKER_PROGRAM": program.name}
    server = subprocess.Popen(command(folder, port, variables), env=environment(folder, variables))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.terminate())
    try:
        wait_until(lambda: server.poll() is not None or healthy(port), START_TIMEOUT_S, _late, every_s=POLL_S)
        if server.poll() is None:
            print(f"serving {model} at http://127.0.0.1:{port}", flush=True)
    except UnhealthyError as error:
        server.terminate()
        server.wait()
        print(f"{model} {error}", file=sys.stderr)
        return 1
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
