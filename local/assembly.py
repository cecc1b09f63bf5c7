"""A synthesized application: what `cdk synth` leaves in `cdk.out`, read without the CDK."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from emulator.account import ACCOUNT, REGION


class AssemblyError(ValueError):
    """The folder is not a synthesized application, or holds what cannot be stood up here."""


@dataclass(frozen=True)
class Asset:
    """A file or a folder that a template refers to by its place in a bucket.

    Attributes:
        as_is: whether it goes there whatever it holds.
    """

    source: Path
    bucket: str
    key: str
    as_is: bool = False

    @property
    def built_for_elsewhere(self) -> bool:
        """Whether it holds libraries compiled for the machines in the cloud. The same ones, built for this machine, stand in."""
        if self.as_is:
            return False
        if self.source.is_dir():
            return any(self.source.rglob("*.so"))
        return self.source.suffix == ".zip" and any(name.endswith(".whl") for name in self._names())

    def body(self) -> bytes:
        """What goes into the bucket: the file, or the folder as a zip; of libraries built for elsewhere, their names."""
        packed = io.BytesIO()
        if self.source.is_file():
            if not self.built_for_elsewhere:
                return self.source.read_bytes()
            with zipfile.ZipFile(packed, "w") as archive:
                archive.writestr(zipfile.ZipInfo("wheels.txt"), "\n".join(self._names()))
            return packed.getvalue()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            pattern = "*.dist-info/METADATA" if self.built_for_elsewhere else "*"
            for path in sorted(self.source.rglob(pattern)):
                if path.is_file():
                    # one fixed time: the same folder gives the same bytes
                    info = zipfile.ZipInfo(str(path.relative_to(self.source)), (1980, 1, 1, 0, 0, 0))
                    info.external_attr = (path.stat().st_mode & 0o777) << 16
                    info.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(info, path.read_bytes())
        return packed.getvalue()

    def _names(self) -> list[str]:
        with zipfile.ZipFile(self.source) as archive:
            return archive.namelist()


@dataclass(frozen=True)
class Stack:
    """One stack of the application.

    Attributes:
        name: CloudFormation's name of it.
        template: its template, as synthesized.
        body: the template's text.
        assets: what it refers to.
        needs: the names of the stacks that come before it.
        protected: whether it is protected from being deleted.
    """

    name: str
    body: str
    assets: tuple[Asset, ...]
    needs: tuple[str, ...]
    protected: bool = False

    @cached_property
    def template(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


def read_assembly(folder: Path) -> list[Stack]:
    """The stacks in a `cdk.out` folder, each after those that it needs.

    Raises:
        AssemblyError: it is none, or an asset needs Docker.
    """
    manifest_path = folder / "manifest.json"
    if not manifest_path.is_file():
        raise AssemblyError(f"{folder} holds no manifest.json: `make synth` writes one")
    artifacts = json.loads(manifest_path.read_text())["artifacts"]
    stacks = {
        artifact_id: _stack(folder, artifact_id, artifacts)
        for artifact_id, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    ordered: dict[str, Stack] = {}

    def add(name: str) -> None:
        for needed in stacks[name].needs:
            if needed not in ordered:
                add(needed)
        ordered[name] = stacks[name]

    for name in stacks:
        if name not in ordered:
            add(name)
    return list(ordered.values())


def _stack(folder: Path, artifact_id: str, artifacts: dict[str, Any]) -> Stack:
    artifact = artifacts[artifact_id]
    needed = artifact.get("dependencies", [])
    body = (folder / artifact["properties"]["templateFile"]).read_text()
    own_code = _function_keys(json.loads(body))
    assets = [
        asset
        for name in needed
        if artifacts[name]["type"] == "cdk:asset-manifest"
        for asset in _assets(folder, artifacts[name]["properties"]["file"], own_code)
    ]
    return Stack(
        artifact["properties"].get("stackName", artifact_id),
        body,
        tuple(assets),
        tuple(name for name in needed if artifacts[name]["type"] == "aws:cloudformation:stack"),
        bool(artifact["properties"].get("terminationProtection")),
    )


def _function_keys(template: dict[str, Any]) -> set[str]:
    """Where functions' own code is: nothing stands in for that."""
    functions = [one for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Function"]
    return {str(one["Properties"]["Code"].get("S3Key")) for one in functions}


def _assets(folder: Path, manifest: str, as_is: set[str]) -> Iterator[Asset]:
    described = json.loads((folder / manifest).read_text())
    if described.get("dockerImages"):
        raise AssemblyError(f"{manifest}: an image built by Docker cannot be stood up here")
    for asset in described["files"].values():
        for place in asset["destinations"].values():
            source = folder / asset["source"]["path"]
            key = _here(place["objectKey"])
            yield Asset(source, _here(place["bucketName"]), key, key in as_is)


def _here(text: str) -> str:
    for name, value in {"AccountId": ACCOUNT, "Region": REGION, "Partition": "aws"}.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    return text
