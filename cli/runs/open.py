"""`fraud runs open`: the page of MLflow, or one of ours where MLflow's is not installed."""

from __future__ import annotations

import socket
import subprocess
import sys
import webbrowser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.endings import EndedError
from cli.progress import console
from cli.reports.place import check_page, whole_page
from cli.reports.runs import runs_page
from cli.runs.kept import OfApplication, kept, opened, place_of
from cli.tracking import TrackingUri, checked_place
from reading.errors import BadInputError

_PAGE = "runs.html"
_MOST = 500
_FOR = {"ExpiresInSeconds": 300}
"""The longest that CreatePresignedMlflowTrackingServerUrl allows."""


def open(
    tracking_uri: TrackingUri = None,
    env: OfApplication = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write a page of the runs there, and nothing else; default: see above.", metavar="FILE"),
    ] = None,
) -> None:
    """Open the runs in a browser: MLflow's own page where it is installed, else a page of ours.

    Of a folder MLflow's server is started on this machine, until Ctrl-C; where only MLflow's client is installed, runs.html is
    written into the folder, with the newest 500 runs and their pages, and a line says how MLflow's own page is had. Of a server
    its address is opened, of SageMaker's one that is signed for five minutes. On a terminal a browser comes up by itself.

    Example: fraud runs open

    Example: fraud runs open --tracking-uri out/runs --out out/runs.html

    Example: fraud runs open --env prod
    """
    tracking_uri = place_of(tracking_uri, env)
    where = checked_place(tracking_uri)
    if where is None:
        raise BadInputError("--tracking-uri: none keeps no runs; name the place that is to be shown")
    if out is not None:
        _written(tracking_uri, out)
    elif where.folder is None:
        _show(_signed(where.uri) if where.uri.startswith("arn:") else where.uri)
    elif _served():
        with opened(tracking_uri):
            pass
        _serve(where.uri)
    else:
        _written(tracking_uri, where.folder / _PAGE)
        client = version("mlflow-skinny")
        console.print(
            f"MLflow's own page, with any MLflow from {client} on, in an environment of its own: pip install mlflow=={client}",
            markup=False,
            soft_wrap=True,
        )
        console.print(f"  mlflow server --backend-store-uri {where.uri}", markup=False, soft_wrap=True)


def _written(tracking_uri: str | None, page: Path) -> None:
    with opened(tracking_uri) as store:
        runs = [kept(run) for run in store.runs(_MOST)]
        name = str(store.where)
    check_page(page)
    with whole_page(page) as part:
        runs_page(part, runs, name)
    console.print(f"Wrote {page}", markup=False, soft_wrap=True)
    _show(page.absolute().as_uri(), say=False)


def _show(url: str, *, say: bool = True) -> None:
    if say:
        console.print(url, markup=False, soft_wrap=True)
    if console.is_terminal:
        webbrowser.open(url)


def _signed(arn: str) -> str:
    """An address of SageMaker's server that lets whoever has these credentials in.

    Raises:
        EndedError: SageMaker gives none.
    """
    kind, _, name = arn.rpartition(":")[2].partition("/")
    try:
        client = boto3.client("sagemaker", region_name=arn.split(":")[3])
        if kind == "mlflow-app":
            return str(client.create_presigned_mlflow_app_url(Arn=arn, **_FOR)["AuthorizedUrl"])
        return str(client.create_presigned_mlflow_tracking_server_url(TrackingServerName=name, **_FOR)["AuthorizedUrl"])
    except (BotoCoreError, ClientError) as error:
        raise EndedError(f"{arn}: {error}", 1) from error


def _served() -> bool:
    """Whether the whole of MLflow is installed here, with its server."""
    try:
        version("mlflow")
    except PackageNotFoundError:
        return False
    return True


def _serve(uri: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    with subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)]) as server:
        _show(f"http://127.0.0.1:{port}")
        try:
            status = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            return
    if status:
        raise EndedError(f"mlflow server: exit status {status}", 1)
