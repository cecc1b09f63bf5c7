"""What is uploaded beside the templates, put together below `.cache/assets`: code, layers, the stream job, the bootstrap model.

Each folder's name says what it was made from, so an unchanged one is made once. No Docker: libraries come as wheels for the
platform they will run on, the stream job's jar from Maven.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "assets"

FUNCTIONS_PLATFORM = ("aarch64-manylinux_2_28", "3.13")
"""Lambda on Graviton, Amazon Linux 2023."""
JOBS_PLATFORM = ("x86_64-manylinux_2_28", "3.12")
"""SageMaker's Spark container."""

_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "world", "bootstrap")
_NEVER_IMPORTED = ("tests", "include", "*.pxd", "*.pyx", "*.pyi", "*.lib")
"""Left out of libraries: they weigh, and nothing here imports them."""
_FIXED_TIME = 315_532_800
"""1980: the time in archives, so that the same content gives the same bytes."""


class AssetError(RuntimeError):
    """An asset could not be made: says which, and what the tool that makes it said."""


def functions_code() -> Path:
    """All functions' code: one folder for all of them, the handler's name picks the function."""
    return _code("functions", ("fraud", "lambda_src"))


def jobs_code() -> Path:
    """All jobs' code; as a zip it can be run: `python3 code.zip MODULE`."""
    return _code("jobs", ("fraud", "sagemaker_src", "glue_scripts"), {"__main__.py": job_runner()})


def job_runner() -> Path:
    """The program that runs a module of the jobs' code."""
    return ROOT / "sagemaker_src" / "run_module.py"


def stream_code() -> Path:
    """The stream job: `flink_src/main.py` with what it imports and, under `lib`, its connector as one jar."""
    return _code("stream", ("fraud", "flink_src"), {"lib/stream-features.jar": _connector()})


def libraries(requirements: str, platform: tuple[str, str], folder: str = "") -> Path:
    """The libraries of a lock file, as wheels of a platform.

    Args:
        requirements: the name of a file in `requirements/`.
        platform: (platform, Python's version).
        folder: where in the result they are; a Lambda layer wants `python`.
    """
    lock = ROOT / "requirements" / requirements
    system, version = platform

    def install(target: Path) -> None:
        _run(
            f"the libraries of {lock.name}",
            [
                *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(target / folder)),
                *("--python-platform", system, "--python-version", version, "--only-binary", ":all:"),
                *("--no-deps", "--require-hashes", "--link-mode", "copy", "-r", str(lock)),
            ],
        )
        for unwanted in [file for name in _NEVER_IMPORTED for file in target.rglob(name)]:
            shutil.rmtree(unwanted) if unwanted.is_dir() else unwanted.unlink(missing_ok=True)

    return _made(
        f"{lock.stem}-libraries", (lock.read_bytes(), system.encode(), version.encode(), folder.encode()), install
    )


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
    return _made(name, tuple(made_from), pack) / f"{name}.tar.gz"


def _code(name: str, packages: tuple[str, ...], files: Mapping[str, Path] | None = None) -> Path:
    def copy(target: Path) -> None:
        for package in packages:
            shutil.copytree(ROOT / package, target / package, ignore=_NOT_SHIPPED)
        for inside, file in (files or {}).items():
            (target / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / inside)

    sources = [file for package in packages for file in sorted((ROOT / package).rglob("*")) if file.is_file()]
    sources = [file for file in sources if "__pycache__" not in file.parts]
    made_from = [part for file in sources for part in (str(file.relative_to(ROOT)).encode(), file.read_bytes())]
    made_from += [part for inside, file in (files or {}).items() for part in (inside.encode(), file.read_bytes())]
    return _made(name, tuple(made_from), copy)


def _connector() -> Path:
    pom = ROOT / "flink_src" / "pom.xml"

    def build(target: Path) -> None:
        shutil.copyfile(pom, target / "pom.xml")
        maven = ["mvn", "--quiet", "--batch-mode", "--file", str(target / "pom.xml"), "--activate-profiles", "deploy"]
        _run("the stream job's jar", [*maven, "package"])
        _without_times(target / "target" / "stream-features.jar", target / "stream-features.jar")
        shutil.rmtree(target / "target")

    return _made("connector", (pom.read_bytes(),), build) / "stream-features.jar"


def _without_times(jar: Path, result: Path) -> None:
    """The same jar without the times at which it was made: the same content gives the same bytes."""
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(zipfile.ZipInfo(entry.filename), source.read(entry), zipfile.ZIP_DEFLATED)


def _made(name: str, made_from: tuple[bytes, ...], make: Callable[[Path], None]) -> Path:
    """The folder of this content; made whole or not at all, so that two programs may want it at once."""
    digest = hashlib.sha256()
    for part in (Path(__file__).read_bytes(), *made_from):
        digest.update(len(part).to_bytes(8, "big") + part)
    folder = CACHE / f"{name}-{digest.hexdigest()[:16]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=CACHE) as temporary:
            target = Path(temporary) / "made"
            target.mkdir()
            make(target)
            try:
                target.rename(folder)
            except OSError:
                if not folder.exists():  # else another program made the same one meanwhile
                    raise
    return folder


def _run(what: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    except FileNotFoundError as error:
        raise AssetError(f"{what}: {command[0]} is not on this machine; `make setup` says how to install it") from error
    if done.returncode:
        raise AssetError(f"{what}: {command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
