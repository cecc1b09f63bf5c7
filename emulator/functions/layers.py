"""What a function sees beside its code: the libraries of its layers, and those of Lambda's own runtime.

A layer holds libraries built for the functions' platform. The same distributions, as this machine's environment has them, stand
in: a layer is known by the distributions that it names (its `.dist-info` folders), and nothing else in it is seen.
"""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution
from pathlib import Path

RUNTIME = (
    *("awslambdaric", "simplejson", "snapshot-restore-py"),
    *("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3"),
)
"""What the runtime brings: its client, and AWS's SDK."""
_INFO = re.compile(r"(?:^|/)([^/]+)-[^/-]+\.dist-info/METADATA$")


class LayerError(RuntimeError):
    """A layer holds a library that this machine does not have."""


class Layers:
    """Folders with the libraries of layers.

    Args:
        folder: they go below it.
        packages: folders of distributions that stand in for those of the layers.
    """

    def __init__(self, folder: Path, packages: Sequence[Path]) -> None:
        self._folder, self._packages = folder, packages
        self._made: dict[str, Path] = {}
        self._lock = threading.Lock()

    def paths(self, layers: Mapping[str, bytes]) -> list[Path]:
        """Where to import from, in order: the layers, then the runtime.

        Args:
            layers: {ARN: zip}.

        Raises:
            LayerError: a library of a layer is not in this machine's environment.
        """
        with self._lock:
            for arn, content in layers.items():
                if arn not in self._made:
                    self._made[arn] = self._linked(arn.split(":layer:")[-1].replace(":", "-"), distributions(content))
            if "" not in self._made:
                self._made[""] = self._linked("runtime", RUNTIME)
            return [self._made[arn] for arn in (*layers, "")]

    def _linked(self, name: str, wanted: Iterable[str]) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        places = [str(path) for path in self._packages]
        for one in wanted:
            found = next(iter(Distribution.discover(name=one, path=places)), None)
            if found is None:
                raise LayerError(f"layer {name} holds {one}, which is not in {', '.join(places)}")
            tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
            for top in tops:
                link = folder / top
                if not link.is_symlink():
                    link.symlink_to(Path(str(found.locate_file(top))))
        return folder


def distributions(content: bytes) -> list[str]:
    """The names of the distributions in a layer's zip; none in one without content."""
    if not content:
        return []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return sorted({found[1] for name in archive.namelist() if (found := _INFO.search(name))})
