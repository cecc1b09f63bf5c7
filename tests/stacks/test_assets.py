"""What is uploaded: small enough, whole, the same bytes for the same content."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from local.assembly import Asset
from stacks import asset_cache, assets
from stacks.constructs.stream_job import IAM_CLIENT

MB = 1_000_000
CODE_LIMIT_MB = 262
"""What Lambda takes unpacked, a function's code and layers together."""
MAKE_CLIENTS = """import sys
import botocore
from botocore.session import Session
print(botocore.__file__)
for service in sys.argv[1:]:
    print(Session().create_client(service).meta.service_model.service_name)
"""


def unpacked(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def zipped(*folders: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in folders:
            for file in folder.rglob("*"):
                archive.write(file, file.relative_to(folder))
    return content.getvalue()


def services_used() -> set[str]:
    """What the functions' code makes clients of; raises if a call does not name its service."""
    used = set()
    for source in sorted((asset_cache.ROOT / "lambda_src").rglob("*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("client", "create_client"):
                match node.args:
                    case [ast.Constant(value=str(service)), *_]:
                        used.add(service)
                    case _ if source.name != "clients.py":
                        raise ValueError(f"{source}:{node.lineno} does not name its service")
    return used


@pytest.mark.slow
def test_the_deciding_function_is_light() -> None:
    assert len(zipped(assets.function_code("decide"), assets.layer("functions"))) < 40 * MB


@pytest.mark.parametrize(("name", "more"), [("create_topics", "functions-kafka"), ("archive", "functions-parquet")])
def test_functions_with_a_second_layer_are_within_lambdas_limit(name: str, more: str) -> None:
    folders = (assets.function_code(name), assets.layer("functions"), assets.layer(more))
    assert sum(map(unpacked, folders)) < CODE_LIMIT_MB * MB


def test_libraries_are_for_their_platform() -> None:
    compiled = [file.name for file in assets.layer("functions").rglob("*.so") if "cpython" in file.name]
    assert compiled
    assert all("313-aarch64" in name for name in compiled)


def test_the_services_that_functions_use_are_shipped_and_no_others() -> None:
    data = assets.layer("functions") / "python" / "botocore" / "data"
    assert services_used() == set(assets.SERVICES) == {path.name for path in data.iterdir() if path.is_dir()}


@pytest.mark.slow
def test_the_layer_makes_a_client_of_each_service() -> None:
    libraries = assets.layer("functions") / "python"
    used = sorted(services_used())
    # without `site` nothing but the layer can be imported, and nothing is written into it
    command = [sys.executable, "-S", "-B", "-c", MAKE_CLIENTS, *used]
    environment = {"PYTHONPATH": str(libraries), "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.split() == [str(libraries / "botocore" / "__init__.py"), *used], done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("machine", "module", "option"),
    [
        ("nightly", "sagemaker_src.processing.nightly", "--cut"),
        ("training", "sagemaker_src.processing.batch_features", "--transactions"),
        ("training", "sagemaker_src.training.train", "--model-dir"),
        ("training", "sagemaker_src.training.evaluate_model", "--champion"),
    ],
)
def test_a_jobs_zip_runs_its_modules(machine: str, module: str, option: str, tmp_path: Path) -> None:
    archive = tmp_path / "code.zip"
    archive.write_bytes(zipped(assets.jobs_code(machine)))
    environment = {**os.environ, "JOB_ARCHIVES": str(archive), "TMPDIR": str(tmp_path), "PYTHONPATH": ""}
    command = [sys.executable, "-P", archive, module, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert option in done.stdout
    assert list(tmp_path.iterdir()) == [archive]  # nothing unpacked is left


def test_the_stream_job_brings_its_functions_its_connector_and_iam_on_the_same_kafka_classes() -> None:
    folder = assets.stream_code()
    assert (folder / "flink_src" / "main.py").is_file()
    jar = zipfile.ZipFile(folder / "lib" / "stream-features.jar")
    names = set(jar.namelist())
    assert {"cardfraud/HoldsCardNumber.class", "cardfraud/CardNumbers.class", "card_numbers.txt"} <= names
    assert not [name for name in names if name.startswith("org/apache/flink/table/functions/")], (
        "Flink's own are Flink's"
    )
    shaded = "org/apache/flink/kafka/shaded/org/apache/kafka/"
    assert "software/amazon/msk/auth/iam/IAMClientCallbackHandler.class" in names
    assert f"{shaded}common/security/auth/AuthenticateCallbackHandler.class" in names
    factories = jar.read("META-INF/services/org.apache.flink.table.factories.Factory").decode()
    assert "org.apache.flink.streaming.connectors.kafka.table.KafkaDynamicTableFactory" in factories
    assert not [name for name in names if name.startswith("org/apache/kafka/") and name.endswith(".class")]


@pytest.mark.engines
def test_the_stream_jobs_clients_can_prove_themselves_by_iam() -> None:
    jars = [assets.stream_code() / "lib" / "stream-features.jar", *Path(".jars/kafka").glob("slf4j-api-*.jar")]
    settings = [f"{name.removeprefix('properties.')}={value}" for name, value in IAM_CLIENT.items()]
    command = ["java", "-cp", ":".join(map(str, jars)), "tests/stacks/IamClient.java", *settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "made\n", done.stderr


def test_a_tarball_is_the_same_bytes_whenever_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "inference.py"
    file.write_text("x = 1\n")
    made = []
    for cache in ("one", "two"):
        monkeypatch.setattr(asset_cache, "CACHE", tmp_path / cache)
        os.utime(file, (0, len(made)))
        made.append(assets.tarball("serving", {"inference.py": file}).read_bytes())
    assert made[0] == made[1]
    with tarfile.open(fileobj=io.BytesIO(made[0])) as archive:
        assert archive.getnames() == ["inference.py"]


def test_a_tool_that_fails_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asset_cache, "CACHE", tmp_path)
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "wrong.txt").write_text("nothing-of-this-name==0 --hash=sha256:00\n")
    with pytest.raises(asset_cache.AssetError, match=r"the libraries of wrong\.txt: .* ended with"):
        assets.libraries("wrong.txt", assets.JOBS_PLATFORM)
    assert [path.name for path in tmp_path.iterdir()] == ["requirements"]


def test_wheels_are_unpacked_where_a_job_runs(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("shipped/__init__.py", "SAYS = 'from a wheel'")
    with zipfile.ZipFile(tmp_path / "libraries.zip", "w") as archive:
        archive.write(tmp_path / "a-1-py3-none-any.whl", "a-1-py3-none-any.whl")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.write(assets.job_runner(), "__main__.py")
        archive.writestr("job.py", "import shipped; print(shipped.SAYS)")
    paths = f"{tmp_path / 'code.zip'}:{tmp_path / 'libraries.zip'}"
    command = [sys.executable, "-S", str(tmp_path / "code.zip"), "job"]
    done = subprocess.run(command, env={"JOB_ARCHIVES": paths}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "from a wheel"
    # where the emulated AWS stands, this machine's own libraries stand in: hundreds of megabytes less
    body = Asset(tmp_path / "libraries.zip", "bucket", "key").body()
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == ["wheels.txt"]


def test_wheels_go_by_the_same_name_whether_they_are_there_or_not() -> None:
    there = assets.wheels("installer.txt", assets.JOBS_PLATFORM)
    named = assets.wheels("installer.txt", assets.JOBS_PLATFORM, names_alone=True)
    assert there.asset_hash == named.asset_hash != assets.wheels("jobs.txt", assets.JOBS_PLATFORM, names_alone=True)[1]
    wheels = zipfile.ZipFile(there.path).namelist()
    assert wheels
    assert all(name.endswith(("x86_64.whl", "any.whl")) for name in wheels)
    listed = zipfile.ZipFile(named.path).read("wheels.txt").decode().splitlines()
    assert [name.split("==")[0] for name in listed] == [name.split("-")[0] for name in wheels]
