"""engines.serving over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import re
import socket
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import urllib3
import xgboost as xgb

from engines import serving
from engines.processes import Process, free_port
from fraud.model_request import ACCEPT, CONTENT_TYPE, read_scores, request_body
from local.stand_ins import PROGRAM
from sagemaker_src.serving.inference import Request, model_fn, predict, read_request
from samples.deciding_world import INPUT, THRESHOLDS, write_model
from tests.engines.mutations import mutated

pytestmark = pytest.mark.slow  # a server takes seconds to start


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@contextmanager
def served(model, folder):
    port = free_port()
    argv = [sys.executable, "-m", "engines.serving", "--model", model, "--program", PROGRAM, "--port", port]
    with Process("serving", argv, log_path=folder / "log") as process:
        process.wait_until(lambda: "serving" in process.log_tail(), "served")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def url(model_folder, tmp_path_factory):
    with served(model_folder, tmp_path_factory.mktemp("serving")) as url:
        yield url


@contextmanager
def container(folder, program, model=None):
    """The container's server over a program of the test's own."""
    port, variables = free_port(), {"SAGEMAKER_PROGRAM": "inference.py"}
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text(program)
    (folder / "model").mkdir() if model is None else (folder / "model").symlink_to(model)
    argv, environment = serving.command(folder, port, variables), serving.environment(folder, variables)
    with Process("serving", argv, environment, log_path=folder / "log") as process:
        yield process, port


@pytest.fixture
def rows():
    vectors = np.random.default_rng(3).gamma(2, 40, size=(5, len(INPUT.names))).astype(np.float32)
    vectors[:, INPUT.names.index("category")] = 1
    vectors[0, 2] = np.nan
    return vectors


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping", 200),
        ("GET", "/ping?x", 200),
        ("HEAD", "/ping", 200),
        ("POST", "/ping", 405),
        ("GET", "/invocations", 405),
        ("PUT", "/invocations", 405),
        ("GET", "/pong", 404),
        ("POST", "/", 404),
    ],
)
def test_the_containers_paths(url, method, path, status):
    assert urllib3.request(method, f"{url}{path}", retries=False).status == status


def test_one_connection_serves_many_requests(url):
    pool = urllib3.HTTPConnectionPool(*url.removeprefix("http://").split(":"), retries=False)
    for _ in range(3):
        assert pool.request("POST", "/invocations", body=b"1,2", headers={"Content-Type": "text/csv"}).status == 400
    assert pool.num_connections == 1


ROW = ",".join("1" * len(INPUT.names))


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status", "says"),
    [
        ("1,2", "text/csv", "*/*", 400, "rows of 2 values; the model takes 38"),
        ("nonsense", "application/json", "*/*", 400, "Expecting value"),
        (
            "nonsense",
            "",
            "*/*",
            400,
            "the body is not application/json",
        ),  # the container's own type, where none is given
        (b"\xff", "text/csv", "*/*", 400, "row 1, column 1: not a number"),  # it decodes, and replaces what is no UTF-8
        (b"\xff", "text/csv;", "*/*", 400, "codec can't decode"),
        ("1" * 140_000, "text/csv", "*/*", 400, "field larger than field limit"),
        ('1,"2', "text/csv", "*/*", 400, "unexpected end of data"),
        (b"\x93NUMPY\x01\x00\x04\x00{[]}", "application/x-npy", "*/*", 400, "the header is not a dictionary"),
        ("1,2", "text/plain", "*/*", 415, "allowed: text/csv"),
        (ROW, "text/csv", "image/png", 406, "served: application/json, text/csv"),
        (ROW, "text/csv", "application/json;q=0", 406, "served: application/json, text/csv"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(url, body, kind, accept, status, says):
    headers = {"Content-Type": kind, "Accept": accept}
    answer = urllib3.request("POST", f"{url}/invocations", body=body, headers=headers, retries=False)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json"
    assert says in answer.json()["error"]


@pytest.mark.parametrize(
    ("kind", "accept", "answered"),
    [
        ("text/csv;", "*/*", "application/json"),
        ("text/csv", "text/csv;q=0.5, application/json;q=0.4", "text/csv; charset=utf-8"),
        ("text/csv", "text/csv;q=0, application/json", "application/json"),
    ],
)
def test_the_answer_is_of_the_type_that_is_liked_best(url, kind, accept, answered):
    headers = {"Content-Type": kind, "Accept": accept}
    answer = urllib3.request("POST", f"{url}/invocations", body=f"{ROW}\n\n", headers=headers, retries=False)
    assert (answer.status, answer.headers["Content-Type"]) == (200, answered)


def said_to(url, request):
    """The status of the answer to bytes on a connection of their own; None if it is dropped without one."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        with contextlib.suppress(OSError):  # it may have answered and closed already
            connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection, method="POST")
        try:
            answer.begin()
        except http.client.BadStatusLine:
            return None
        return answer.status


def plain(body=b"1,2", *headers):
    lines = [b"POST /invocations HTTP/1.1", b"Host: x", b"Content-Type: text/csv", *headers]
    return b"\r\n".join([*lines, b"", body])


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (plain(ROW.encode(), b"Content-Length: %d" % len(ROW)), 200),
        (plain(b"1,2", b"Content-Length: 3", b"Content-Length: 2"), 400),
        (plain(b"1,2", b"Content-Length: 3", b"Content-Length: 3"), 400),
        (plain(b"1,2", b"Content-Length: -3"), 400),
        (plain(b"1,2", b"Content-Length: 0x3"), 400),
        (plain(b"1,2", b"Content-Length: 3_0"), 400),
        (plain(b"1,2", "Content-Length: \u0663".encode()), 400),
        (plain(b"1,2", b"Content-Length: 3", b"Transfer-Encoding: chunked"), 400),
        (plain(b"3\r\n1,2\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), 400),
        (plain(b"1,2"), 400),
        (b"nonsense\r\n\r\n", 400),
        (b"POST /invocations\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_by_the_containers_server(url, request_bytes, status):
    assert said_to(url, request_bytes) == status


KINDS = ("text/csv", "text/csv; charset=utf-8; reasons=3", "application/json", CONTENT_TYPE)
ACCEPTS = ("*/*", "application/json", "text/csv;q=0.5, application/json;q=0.4", "text/*, */*;q=0")


def bodies(rows):
    text = [["" if np.isnan(value) else repr(float(value)) for value in row] for row in rows]
    lists = [[None if np.isnan(value) else float(value) for value in row] for row in rows]
    return (
        "\n".join(",".join(row) for row in text).encode(),
        "\n".join(",".join(f'"{cell}"' for cell in row) for row in text).encode(),
        json.dumps({"instances": lists, "reasons": 2, "feature_names": list(INPUT.names)}).encode(),
        request_body(rows, INPUT, 3),
    )


def test_whatever_a_caller_sends_is_answered(url, rows):
    """Requests mutated in body, type and accepted types: 2xx or 4xx, on the same connection throughout."""
    chance = random.Random(7)
    seeds, statuses = bodies(rows[:2]), Counter()
    connection = http.client.HTTPConnection(*url.removeprefix("http://").split(":"), timeout=20)
    connection.connect()
    opened = connection.sock
    for number in range(4_000):
        kind = chance.choice(KINDS)
        seed = chance.choice(
            seeds
            if chance.random() < 0.2
            else [one for one, of in zip(seeds, KINDS, strict=True) if of[:12] == kind[:12]]
        )
        body = mutated(chance, seed)
        headers = {"Content-Type": kind.encode(), "Accept": chance.choice(ACCEPTS).encode()}
        for name, value in headers.items():
            if chance.random() < 0.3:  # as InvokeEndpoint would pass them on: no control characters, at most 1,024
                headers[name] = re.sub(rb"[\x00-\x1f\x7f]", b" ", mutated(chance, value)).strip()[:1_024]
        connection.request("POST", "/invocations", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status in (200, 400, 406, 415), (number, body[:2_000], headers, said[:500])
        assert answer.status == 200 or json.loads(said)["error"]
        assert connection.sock is opened
        statuses[answer.status] += 1
    assert min(statuses[status] for status in (200, 400, 406, 415)) > 100, statuses


def test_whatever_bytes_come_are_answered(url, rows):
    """Whole requests mutated, lines and headers too: an answer, and none that says our program failed."""
    chance = random.Random(11)
    found = set()
    for number in range(600):
        body, kind = chance.choice(bodies(rows[:1])), chance.choice(KINDS).encode()
        lines = (b"POST /invocations HTTP/1.1", b"Host: x", b"Content-Type: " + kind, b"Content-Length: %d" % len(body))
        request = mutated(chance, b"\r\n".join((*lines, b"", b"")), most=3) + body
        status = said_to(url, request)
        found.add(status)
        # 501 and 505 are the server's own, for methods and versions of HTTP that it does not have
        assert status is None or status < 500 or status in (501, 505), (number, request[:2_000], status)
    assert {200, 400} <= found


RAISES = """
from sagemaker_containers._errors import UnsupportedFormatError

def model_fn(folder):
    return None

def input_fn(body, kind):
    raise {error}

def predict_fn(data, model):
    return data

def output_fn(prediction, accept):
    return "", accept
"""


@pytest.mark.parametrize("error", ["UnsupportedFormatError(kind)", "ValueError('no number')"])
def test_whatever_a_program_raises_is_a_failure_to_the_container(tmp_path, error):
    """Therefore ours returns its refusals: sagemaker_containers 2.8.6 wraps all functions, and knows no status of theirs."""
    with container(tmp_path, RAISES.format(error=error)) as (process, port):
        process.wait_until(lambda: serving.healthy(port), "served")
        assert urllib3.request("POST", f"http://127.0.0.1:{port}/invocations", body=b"1", retries=False).status == 500


def test_a_model_that_cannot_be_loaded_fails_the_health_check(tmp_path):
    with container(tmp_path, PROGRAM.read_text()) as (process, port):
        with pytest.raises(serving.UnhealthyError, match="did not pass the ping health check: HTTP 500"):
            process.wait_until(lambda: serving.healthy(port), "served")
        assert "manifest.json" in process.log_tail(200)


def test_the_container_runs_what_the_requirements_say():
    """aws/sagemaker-xgboost-container, test/resources/versions/train.py of the images with Python 3.12."""
    pinned = (Path(serving.ROOT) / "requirements" / "serving.txt").read_text()
    for version in (
        "sagemaker-containers==2.8.6.post2",
        *("flask==3.1.3", "werkzeug==3.1.8", "gunicorn==25.3.0", "gevent==26.4.0", "numpy==2.1.0", "scipy==1.15.0"),
        "xgboost==3.2.0",
    ):
        assert f"\n{version} " in pinned


def post(url, rows):
    """The answer to the deciding step's own request."""
    headers = {"Content-Type": CONTENT_TYPE, "Accept": ACCEPT}
    return urllib3.request(
        "POST", f"{url}/invocations", body=request_body(rows, INPUT, 3), headers=headers, retries=False
    )


def test_the_deciding_step_gets_what_the_model_says(url, model_folder, rows):
    answer = read_scores(post(url, rows).data)
    text = json.dumps([[None if np.isnan(v) else float(v) for v in row] for row in rows])
    asked = read_request(f'{{"instances": {text}, "reasons": 3}}', "application/json")
    expected = predict(asked, model_fn(str(model_folder)))
    assert answer.scores == expected["scores"]
    assert [[list(reason) for reason in row] for row in answer.reasons] == expected["reasons"]
    assert (answer.model_version, answer.missing) == ("small", ())
    assert answer.thresholds.model_dump() == THRESHOLDS


def test_a_server_of_a_model_with_other_columns_takes_its_own(tmp_path, rows):
    names = list(reversed(INPUT.names))
    folder = write_model(tmp_path / "model", feature_names=names, feature_types=list(reversed(INPUT.types)))
    trees = xgb.Booster(model_file=folder / "model.ubj")
    trees.feature_names = names
    trees.save_model(folder / "model.ubj")
    with served(folder, tmp_path) as url:
        answer = read_scores(post(url, rows).data)
        refused = urllib3.request("POST", f"{url}/invocations", body=b"{}", headers={"Content-Type": CONTENT_TYPE})
    own = predict(Request(np.ascontiguousarray(rows[:, ::-1])), model_fn(str(folder)))
    assert (answer.scores, answer.missing) == (own["scores"], ())
    assert refused.status == 400
    assert "no line of JSON before the array" in refused.json()["error"]


def test_by_hand_it_says_where_it_serves_and_ends_when_asked(tmp_path, rows):
    argv = [sys.executable, "-m", "engines.serving", "--model", write_model(tmp_path / "model")]
    argv += ["--program", PROGRAM, "--port", "0"]
    with Process("serving", argv, log_path=tmp_path / "log") as process:
        process.wait_until(lambda: "serving" in process.log_tail(), "served")
        url = process.log_tail().split()[-1]
        assert len(read_scores(post(url, rows).data).scores) == 5
        process.stop(grace_s=8)
        with pytest.raises(urllib3.exceptions.HTTPError):
            post(url, rows)


def test_a_folder_without_a_model_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        serving.main(["--model", str(tmp_path), "--program", str(PROGRAM)])
    assert "holds no manifest.json; name a folder that training wrote" in capsys.readouterr().err


def test_a_model_that_does_not_fit_its_manifest_ends_it(tmp_path, capfd):
    folder = write_model(tmp_path / "model", feature_names=["amount"])
    assert serving.main(["--model", str(folder), "--program", str(PROGRAM), "--port", "0"]) == 1
    said = capfd.readouterr().err
    assert "did not pass the ping health check: HTTP 500" in said
    assert "model.ubj and manifest.json name different features" in said
