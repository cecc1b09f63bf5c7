"""What people read agrees with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.diagram import PICTURE, drawing
from stacks.readme import README, with_tables
from tests.stacks.stacks_under_test import Templates


def test_the_readmes_tables_are_the_codes() -> None:
    readme = README.read_text(encoding="utf-8")
    assert with_tables(readme) == readme, "run python -m stacks.readme"


def test_a_readme_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- settings -->"):
        with_tables("# Nothing")


def test_the_picture_is_of_these_stacks(dev: Templates) -> None:
    assert Path(PICTURE).read_text(encoding="utf-8") == drawing(dev), "run make diagram"


def test_the_picture_is_stale_when_a_function_goes(dev: Templates) -> None:
    less = {
        **dev,
        "Streaming": {
            **dev["Streaming"],
            "Resources": {name: body for name, body in dev["Streaming"]["Resources"].items() if "Archive" not in name},
        },
    }
    assert drawing(less) != drawing(dev)
