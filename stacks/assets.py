"""What is uploaded beside the templates, put together below `.cache/assets`: code, layers, the stream job, the bootstrap model.

Each folder's name says what it was made from, so an unchanged one is made once. No Docker: libraries come as wheels for the
platform they will run on, the stream job's jar from Maven.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stacks.asset_cache import ROOT, made, run
from stacks.bundles import FUNCTIONS, JOBS, STREAM, function_sources, sources
from stacks.bytecode import PINS, compile_sources

FUNCTIONS_PLATFORM = ("aarch64-manylinux_2_28", "3.13")
"""Lambda on Graviton, Amazon Linux 2023."""
CODE_MOUNTED, LAYERS_MOUNTED = "/var/task", "/opt"
"""Where Lambda puts a function's code and its layers."""
JOBS_PLATFORM = ("x86_64-manylinux_2_28", "3.12")
"""SageMaker's Spark container."""
GLUE_PLATFORM = ("x86_64-manylinux_2_28", "3.11")
"""Glue 5.1 (page *release-notes*)."""

_NEVER_IMPORTED = ("tests", "include", "*.pxd", "*.pyx", "*.pyi", "*.lib")
"""Left out of libraries: they weigh, and nothing here imports them."""
SERVICES = (
    "cloudformation",
    "dynamodb",
    "events",
    "frauddetector",
    "glue",
    "kafka",
    "kinesisanalyticsv2",
    "logs",
    "s3",
    "sagemaker",
    "sagemaker-featurestore-runtime",
    "sagemaker-runtime",
    "sqs",
    "stepfunctions",
)
"""What functions make clients of. Of these alone botocore's models are shipped: all of AWS would be a quarter of the layer."""
_FIXED_TIME = 315_532_800
"""1980: the time in archives, so that the same content gives the same bytes."""


def function_code(name: str) -> Path:
    """A function's code with its bytecode: the bundle of it that `stacks.bundles` names."""
    files = function_sources(name)

    def make(target: Path) -> None:
        # all in one go, for starting the compiler takes longer than all that it compiles
        compiled = _compiled(sorted({file for each in FUNCTIONS for file in function_sources(each)}))
        for file in (file.relative_to(ROOT) for file in files):
            bytecode = file.parent / "__pycache__" / f"{file.stem}.cpython-{FUNCTIONS_PLATFORM[1].replace('.', '')}.pyc"
            for part in (file, bytecode) if file.suffix == ".py" else (file,):
                (target / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(compiled / part, target / part)

    return made(f"function-{name}", (*_content(files), PINS.read_bytes()), make)


def layer(name: str, system: str = FUNCTIONS_PLATFORM[0]) -> Path:
    """A layer of the functions: libraries where Lambda looks for them, with their bytecode.

    Args:
        name: of a lock file in `requirements/`, without its suffix.
        system: the platform, the functions' unless it is only tried out.
    """
    lock = ROOT / "requirements" / f"{name}.txt"
    version = FUNCTIONS_PLATFORM[1]

    def make(target: Path) -> None:
        _install(lock, (system, version), target / "python")
        data = target / "python" / "botocore" / "data"
        for unused in [path for path in data.glob("*") if path.is_dir() and path.name not in SERVICES]:
            shutil.rmtree(unused)
        compile_sources(f"the libraries of {lock.name}", target, LAYERS_MOUNTED, version)

    return made(f"{name}-layer", (lock.read_bytes(), PINS.read_bytes(), system.encode(), version.encode()), make)


def jobs_code(machine: str) -> Path:
    """The code of a state machine's jobs; as a zip it can be run: `python3 code.zip MODULE`."""
    return _code(f"{machine}-jobs", sources(JOBS[machine]), {"__main__.py": job_runner()})


def walk_through() -> Path:
    """The walk-through with all that it imports, and what stops the instance that it runs on when nobody works there."""
    files = [file for room in ("fraud", "sagemaker_src") for file in sorted((ROOT / room).rglob("*")) if _shipped(file)]
    own = {
        "synthetic-fraud.ipynb": ROOT / "docs" / "synthetic-fraud.ipynb",
        "stop_when_idle.py": ROOT / "stacks" / "notebook" / "stop_when_idle.py",
    }
    return _code("walk-through", files, own)


def _shipped(file: Path) -> bool:
    return file.is_file() and file.suffix != ".pyc"


def job_runner() -> Path:
    """The program that runs a module of the jobs' code."""
    return ROOT / "sagemaker_src" / "run_module.py"


def stream_code() -> Path:
    """The stream job: `flink_src/main.py` with what it imports and, under `lib`, its functions and connector as one jar."""
    return _code("stream", sources(STREAM), {"lib/stream-features.jar": _stream_jar()})


def libraries(requirements: str, platform: tuple[str, str]) -> Path:
    """The libraries of a lock file, as wheels of a platform.

    Args:
        requirements: the name of a file in `requirements/`.
        platform: (platform, Python's version).
    """
    lock = ROOT / "requirements" / requirements
    made_from = (lock.read_bytes(), *(part.encode() for part in platform))
    return made(f"{lock.stem}-libraries", made_from, lambda target: _install(lock, platform, target))


class Wheels(NamedTuple):
    """A zip of wheels, and what it is called by: the same, whether it is there or its names alone stand in for it."""

    path: Path
    asset_hash: str


def wheels(requirements: str, platform: tuple[str, str], *, names_alone: bool = False) -> Wheels:
    """The wheels of a lock file, as they are published, in one zip: `run_module` unpacks them where they run.

    For lists whose gigabyte of files would be unpacked, packed, hashed and copied whenever the stacks are synthesized.

    Args:
        requirements: the name of a file in `requirements/`.
        platform: (platform, Python's version).
        names_alone: a list of their names in their place, which needs nothing to be fetched and gives the same templates.
    """
    lock = ROOT / "requirements" / requirements
    system, version = platform
    made_from = (lock.read_bytes(), *(part.encode() for part in platform))
    called = hashlib.sha256(b"\0".join(made_from)).hexdigest()
    if names_alone:
        return Wheels(
            made(f"{lock.stem}-wheel-names", made_from, lambda target: _list(lock, target)) / "names.zip", called
        )
    machine, newest = system.split("-")[0], int(system.rpartition("_")[2])

    def make(target: Path) -> None:
        # pip takes each older platform by name alone
        systems = [f"manylinux_2_{glibc}_{machine}" for glibc in range(newest, 4, -1)] + [f"manylinux2014_{machine}"]
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            run(
                f"the wheels of {lock.name}",
                [
                    *(
                        sys.executable,
                        "-m",
                        "pip",
                        "download",
                        "--quiet",
                        "--dest",
                        folder,
                        "--no-deps",
                        "--require-hashes",
                    ),
                    *("--only-binary", ":all:", "--implementation", "cp", "--python-version", version),
                    *(part for each in systems for part in ("--platform", each)),
                    *("--disable-pip-version-check", "-r", str(lock)),
                ],
            )
            with zipfile.ZipFile(target / f"{lock.stem}.zip", "w", zipfile.ZIP_STORED) as archive:
                for wheel in sorted(Path(folder).glob("*.whl")):
                    # of 1980: the same content gives the same bytes
                    archive.writestr(zipfile.ZipInfo(wheel.name), wheel.read_bytes())

    return Wheels(made(f"{lock.stem}-wheels", made_from, make) / f"{lock.stem}.zip", called)


def _list(lock: Path, target: Path) -> None:
    names = [line.split(" ")[0] for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line]
    with zipfile.ZipFile(target / "names.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("wheels.txt"), "\n".join(names))


def tarball(name: str, files: Mapping[str, Path]) -> Path:
    """A `.tar.gz` of {name in it: file}, the same bytes for the same content."""

    def pack(target: Path) -> None:
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for inside, file in sorted(files.items()):
                entry = tarfile.TarInfo(inside)
                entry.size, entry.mtime = file.stat().st_size, _FIXED_TIME
                with file.open("rb") as source:
                    archive.addfile(entry, source)
        (target / f"{name}.tar.gz").write_bytes(gzip.compress(content.getvalue(), mtime=0))

    made_from = [part for inside, file in sorted(files.items()) for part in (inside.encode(), file.read_bytes())]
    return made(name, tuple(made_from), pack) / f"{name}.tar.gz"


def _install(lock: Path, platform: tuple[str, str], target: Path) -> None:
    system, version = platform
    run(
        f"the libraries of {lock.name}",
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(target)),
            *("--python-platform", system, "--python-version", version, "--only-binary", ":all:"),
            *("--no-deps", "--require-hashes", "--link-mode", "copy", "-r", str(lock)),
        ],
    )
    for unwanted in [file for name in _NEVER_IMPORTED for file in target.rglob(name)]:
        shutil.rmtree(unwanted) if unwanted.is_dir() else unwanted.unlink(missing_ok=True)


def _compiled(files: Sequence[Path]) -> Path:
    """Sources with their bytecode."""
    plain = _code("functions-sources", files)

    def make(target: Path) -> None:
        shutil.copytree(plain, target, dirs_exist_ok=True)
        compile_sources("the functions' code", target, CODE_MOUNTED, FUNCTIONS_PLATFORM[1])

    return made("functions", (plain.name.encode(), PINS.read_bytes()), make)


def _code(name: str, files: Sequence[Path], more: Mapping[str, Path] | None = None) -> Path:
    """Files where they are in the project, and more: {place: file}."""
    placed = {str(file.relative_to(ROOT)): file for file in files} | dict(more or {})

    def copy(target: Path) -> None:
        for place, file in placed.items():
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / place)

    made_from = (part for place, file in placed.items() for part in (place.encode(), file.read_bytes()))
    return made(name, tuple(made_from), copy)


def _content(files: Sequence[Path]) -> Iterator[bytes]:
    """Where files are in the project, and what is in them."""
    for file in files:
        yield from (str(file.relative_to(ROOT)).encode(), file.read_bytes())


def _stream_jar() -> Path:
    pom = ROOT / "flink_src" / "pom.xml"
    sources = sorted((ROOT / "flink_src" / "java").rglob("*.java"))

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            maven = ["mvn", "--quiet", "--batch-mode", "--file", str(pom), "--activate-profiles", "deploy"]
            run("the stream job's jar", [*maven, f"-Dmade.in={folder}", "package"])
            _without_times(Path(folder) / "stream-features.jar", target / "stream-features.jar")

    made_from = [file.read_bytes() for file in (pom, *sources, ROOT / "fraud" / "card_numbers.txt")]
    return made("stream-jar", tuple(made_from), build) / "stream-features.jar"


def _without_times(jar: Path, result: Path) -> None:
    """The same jar without the times at which it was made: the same content gives the same bytes."""
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(zipfile.ZipInfo(entry.filename), source.read(entry), zipfile.ZIP_DEFLATED)
