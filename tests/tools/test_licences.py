"""Every requirement stands in the list of licences, and each licence is one that goes with Apache-2.0 where it is used."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from tools.licences import (
    DEPLOYED,
    LOCAL,
    LOCAL_ONLY,
    PAGE,
    PERMISSIVE,
    ROOT,
    Licence,
    allowed,
    jar_licence,
    page,
    required,
)

ROW = re.compile(r"^\| ([^|]+) \| ([^|]*) \| ([^|]+) \|$", re.MULTILINE)


def listed(deployed: bool) -> list[Licence]:
    """What the page says."""
    deployed_part, _, rest = PAGE.read_text(encoding="utf-8").partition("## On this machine alone")
    rows = ROW.findall(deployed_part if deployed else rest)
    return [Licence(name, licence, where, deployed) for name, licence, where in rows if name not in ("package", "---")]


@pytest.mark.parametrize("file", sorted({*LOCAL, *DEPLOYED}))
def test_every_requirement_is_listed(file: str) -> None:
    names = {row.name for row in listed(file in DEPLOYED)}
    assert [name for name in required(file) if name not in names] == [], "run python -m tools.licences"


def test_every_package_of_node_is_listed() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    names = {row.name for row in listed(False)}
    assert [path for path in packages if path and path.rpartition("node_modules/")[2] not in names] == []


def test_every_list_of_requirements_is_read() -> None:
    locks = {
        str(path.relative_to(ROOT)) for path in [ROOT / "requirements.txt", *(ROOT / "requirements").glob("*.txt")]
    }
    assert {lock for lock in locks if not lock.endswith("-overrides.txt")} == {*LOCAL, *DEPLOYED}


def test_what_forbids_uses_in_production_is_in_no_list() -> None:
    named = {name for file in (*LOCAL, *DEPLOYED) for name in required(file)}
    assert named & {"copulas", "ctgan", "deepecho", "rdt", "sdv"} == set()


@pytest.mark.parametrize("deployed", [True, False])
def test_every_licence_goes_with_ours(deployed: bool) -> None:
    rows = listed(deployed)
    assert len(rows) > 20
    assert [row for row in rows if not allowed(row)] == []


@pytest.mark.parametrize(
    "licence", ["GPL-3.0", "LGPL-2.1", "MPL-2.0", "", "LicenseRef-NVIDIA-Proprietary", "MIT AND GPL-2.0"]
)
def test_what_is_deployed_is_permissive(licence: str) -> None:
    assert not allowed(Licence("some", licence, "functions", True))


def test_what_is_neither_is_never_deployed() -> None:
    for name in LOCAL_ONLY:
        assert not allowed(Licence(name, "LicenseRef-NVIDIA-Proprietary", "functions", True))
        assert name not in {row.name for row in listed(True)}
    assert not allowed(Licence("another", "LicenseRef-NVIDIA-Proprietary", "tests", False))


def test_a_choice_that_fits_suffices_and_a_part_that_does_not_spoils_it() -> None:
    assert allowed(Licence("some", "GPL-2.0 OR MIT", "functions", True))
    assert not allowed(Licence("some", "MIT AND (GPL-2.0 OR LGPL-2.1)", "functions", True))


@pytest.mark.parametrize(
    ("entry", "text", "licence"),
    [
        ("META-INF/maven/a/b/pom.xml", "<licenses><license><name>The MIT License</name></license></licenses>", "MIT"),
        ("META-INF/MANIFEST.MF", "Bundle-License: https://www.apache.org/licenses/LICENSE-2\n .0.txt\n", "Apache-2.0"),
        ("META-INF/LICENSE", "Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
        ("META-INF/LICENSE", "all rights reserved", ""),
    ],
)
def test_a_jar_says_its_licence(entry: str, text: str, licence: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.jar", "w") as jar:
        jar.writestr(entry, text)
    assert jar_licence(tmp_path / "some.jar") == licence


def test_a_package_in_two_places_is_one_row() -> None:
    text = page([Licence("six", "MIT", "functions", True), Licence("six", "MIT", "nightly job", True)])
    assert "| six | MIT | functions, nightly job |" in text
    assert "MIT" in PERMISSIVE
