"""The model behind HTTP on this machine, as the SageMaker container serves it: GET /ping and POST /invocations.

    python -m local.serving --model DIR --port 0

Prints its address once it answers. SIGTERM ends it after the requests in hand.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sagemaker_src.serving import inference

MAX_BODY_BYTES = 6 * 1024 * 1024
"""What an endpoint takes."""


class Handler(BaseHTTPRequestHandler):
    """Speaks the container's contract; connections are kept open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one segment
    timeout = 60
    model: inference.Model

    def do_GET(self) -> None:
        if self.path == "/ping":
            self._answer(200, "", "text/plain")
        else:
            self._refuse(404, f"{self.path}: no such page; there are GET /ping and POST /invocations")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True  # the body stays unread
            self._refuse(
                413, f"a body of {length or 'unknown'} bytes; allowed: at most {MAX_BODY_BYTES}, with Content-Length"
            )
            return
        body = self.rfile.read(int(length))
        if self.path != "/invocations":
            self._refuse(404, f"{self.path}: no such page; there are GET /ping and POST /invocations")
            return
        try:
            request = inference.input_fn(body, self.headers.get("Content-Type", ""))
            text, kind = inference.output_fn(
                inference.predict_fn(request, self.model), self.headers.get("Accept", "application/json")
            )
        except inference.BaseInferenceToolkitError as error:
            self._refuse(error.status_code, error.message)
        else:
            self._answer(200, text, kind)

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, json.dumps({"error": message}), "application/json")

    def _answer(self, status: int, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: a line a request would cost more than the request."""


class Server(ThreadingHTTPServer):
    """The server of one model. Port 0 takes a free one; `server_address` tells which."""

    daemon_threads = True

    def __init__(self, model: inference.Model, port: int = 0) -> None:
        handler = type("ModelHandler", (Handler,), {"model": model})
        super().__init__(("127.0.0.1", port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that has gone is no error of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Serve a model folder on the loopback address.")
    parser.add_argument("--model", default=os.environ.get("SM_MODEL_DIR"), help="folder of model.ubj and manifest.json")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one (default %(default)s)")
    options = parser.parse_args(arguments)
    if not options.model or not (Path(options.model) / "manifest.json").is_file():
        parser.error(f"--model: {options.model} holds no manifest.json; name a folder that training wrote")
    with Server(inference.model_fn(options.model), options.port) as server:
        # shutdown waits for serve_forever, which runs in this very thread
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
        print(f"serving {options.model} at {server.url}", flush=True)
        server.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
