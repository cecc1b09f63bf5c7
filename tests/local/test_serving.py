"""local.serving over HTTP, and local.scoring, which asks it."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import urllib3

from fraud.model_request import FIRST_PAUSE_S, LONGEST_PAUSE_S
from fraud.ports import ScorerUnavailableError
from fraud.vector import FEATURE_NAMES
from local.processes import Process
from local.scoring import HttpScorer
from local.serving import MAX_BODY_BYTES, Server, main
from sagemaker_src.serving.inference import input_fn, model_fn, predict_fn
from tests.deciding_world import CATEGORIES, THRESHOLDS, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return model_fn(str(write_model(tmp_path_factory.mktemp("model"))))


@pytest.fixture(scope="module")
def url(model):
    yield from serve(Server(model))


def serve(server):
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def rows():
    vectors = np.random.default_rng(3).gamma(2, 40, size=(5, len(FEATURE_NAMES))).astype(np.float32)
    vectors[:, FEATURE_NAMES.index("category")] = 1
    vectors[0, 2] = np.nan
    return vectors


def test_ping_and_pages_that_are_not_there(url):
    pool = urllib3.PoolManager(retries=False)
    assert pool.request("GET", f"{url}/ping").status == 200
    assert pool.request("GET", f"{url}/pong").status == 404
    assert pool.request("POST", f"{url}/ping", body=b"1").status == 404


def test_one_connection_serves_many_requests(url):
    pool = urllib3.HTTPConnectionPool(*url.removeprefix("http://").split(":"), retries=False)
    for _ in range(3):
        assert pool.request("POST", "/invocations", body=b"1,2", headers={"Content-Type": "text/csv"}).status == 400
    assert pool.num_connections == 1


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"1,2", "text/csv", 400, "rows of 2 values; the model takes 38"),
        (b"nonsense", "application/json", 400, "Expecting value"),
        (b"1,2", "text/plain", 415, "allowed: text/csv"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(url, body, kind, status, says):
    answer = urllib3.request("POST", f"{url}/invocations", body=body, headers={"Content-Type": kind}, retries=False)
    assert answer.status == status
    assert says in answer.json()["error"]


def test_a_body_that_is_too_long_is_refused_unread(url):
    connection = http.client.HTTPConnection(*url.removeprefix("http://").split(":"))
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Length", str(MAX_BODY_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_the_scorer_gets_what_the_model_says(url, model, rows):
    scorer = HttpScorer(url)
    answer = scorer.score(rows, 3)
    text = json.dumps([[None if np.isnan(v) else float(v) for v in row] for row in rows])
    expected = predict_fn(input_fn(f'{{"instances": {text}, "reasons": 3}}', "application/json"), model)
    assert answer.scores == expected["scores"]
    assert [[list(reason) for reason in row] for row in answer.reasons] == expected["reasons"]
    assert (answer.model_version, answer.categories) == ("small", tuple(CATEGORIES))
    assert answer.thresholds.model_dump() == THRESHOLDS
    scorer.close()


def test_a_server_of_another_model_refuses_the_vectors(tmp_path, rows):
    other = model_fn(str(write_model(tmp_path)))
    other.manifest["feature_names"] = list(reversed(FEATURE_NAMES))
    for url in serve(Server(other)):
        with pytest.raises(ScorerUnavailableError, match=r"HTTP 400: .*feature_names are not the model's"):
            HttpScorer(url).score(rows, 3)


class Misbehaving(BaseHTTPRequestHandler):
    """Answers what the test says: a status and a body, or silence."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        self.server.wait.wait(5)
        with suppress(BrokenPipeError):  # who asked may have given up
            self.send_response(self.server.status)
            self.send_header("Content-Length", str(len(self.server.body)))
            self.end_headers()
            self.wfile.write(self.server.body)

    def log_message(self, *_):
        """Silent."""


@pytest.fixture
def misbehaving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    server.asked, server.status, server.body, server.wait = 0, 200, b"{}", threading.Event()
    server.wait.set()
    for url in serve(server):
        server.url = url
        yield server
        server.wait.set()


@pytest.mark.parametrize(
    ("status", "body", "says", "asked"),
    [
        (500, b"out of order", "HTTP 500: out of order", 2),
        (400, b"no", "HTTP 400: no", 1),
        (200, b"{}", "makes no sense", 1),
        (200, b"<html>", "makes no sense", 1),
        (200, b'{"scores": [1], "reasons": [[["amount"]]]}', "makes no sense", 1),
    ],
)
def test_a_server_that_answers_nonsense_is_unavailable(misbehaving, rows, status, body, says, asked):
    misbehaving.status, misbehaving.body = status, body
    with pytest.raises(ScorerUnavailableError, match=says):
        HttpScorer(misbehaving.url).score(rows, 3)
    assert misbehaving.asked == asked


def test_a_server_that_hangs_delays_one_batch_and_no_more(misbehaving, rows):
    misbehaving.wait.clear()
    scorer = HttpScorer(misbehaving.url, timeout_s=0.2)
    began = time.monotonic()
    for _ in range(50):
        with pytest.raises(ScorerUnavailableError, match=r"did not answer within 0\.2 s"):
            scorer.score(rows, 3)
    assert time.monotonic() - began < 0.2 + FIRST_PAUSE_S
    assert misbehaving.asked == 1


def test_pauses_grow_to_a_limit_and_end_with_the_first_success(misbehaving, rows):
    now = [0.0]
    scorer = HttpScorer(misbehaving.url, clock=lambda: now[0])

    def tried():
        before = misbehaving.asked
        with pytest.raises(ScorerUnavailableError):
            scorer.score(rows, 3)
        return misbehaving.asked > before

    pauses = []
    for _ in range(6):
        began = now[0]
        while not tried():
            now[0] += 0.125
        pauses.append(now[0] - began)
    assert pauses == [0, FIRST_PAUSE_S, 0.5, 1.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    now[0] += LONGEST_PAUSE_S
    sound = {
        "scores": [],
        "reasons": [],
        "model_version": "v",
        "thresholds": {"review": 0, "block": 1},
        "categories": [],
    }
    misbehaving.body = json.dumps(sound).encode()
    scorer.score(rows[:0], 3)
    misbehaving.body = b"{}"
    assert tried()
    now[0] += FIRST_PAUSE_S
    assert tried()


def test_by_hand_it_says_where_it_serves_and_ends_when_asked(tmp_path, rows):
    argv = [sys.executable, "-m", "local.serving", "--model", write_model(tmp_path / "model"), "--port", "0"]
    with Process("serving", argv, log_path=tmp_path / "log") as serving:
        serving.wait_until(lambda: "serving" in serving.log_tail(), "served")
        url = serving.log_tail().split()[-1]
        scorer = HttpScorer(url)
        assert len(scorer.score(rows, 3).scores) == 5
        serving.stop(grace_s=8)
        assert "Traceback" not in serving.log_tail()
        with pytest.raises(ScorerUnavailableError, match="cannot be reached"):
            scorer.score(rows, 3)


def test_a_folder_without_a_model_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--model", str(tmp_path)])
    assert "holds no manifest.json; name a folder that training wrote" in capsys.readouterr().err
