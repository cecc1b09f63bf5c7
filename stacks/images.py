"""The container images of the SageMaker jobs and the endpoint, from `images.json`, and the command that writes it anew:

    python -m stacks.images

The table is SageMaker's own, which takes seconds to import: so it is copied here, and a test compares the copy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("images.json")

_IMAGES: dict[str, dict[str, Any]] = {
    "xgboost": {"framework": "xgboost", "version": "3.2-0"},
    "spark": {"framework": "spark", "version": "3.5", "py_version": "py312", "instance_type": "ml.m5.large"},
}
"""What is asked of SageMaker's table. Both images run on x86-64; `spark` has Python 3.12."""

_ASKED_REGIONS = (
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "us-east-1",
    "us-east-2",
    "us-west-2",
)

_TABLE: dict[str, dict[str, str]] = json.loads(TABLE.read_text(encoding="utf-8"))
REGIONS = tuple(sorted(_TABLE["xgboost"]))
"""The regions a deployment may be in."""


def image(name: str, region: str) -> str:
    """The image's address in a region.

    >>> image("xgboost", "eu-central-1").endswith("/sagemaker-xgboost:3.2-0")
    True
    """
    return _TABLE[name][region]


def ask_sagemaker() -> dict[str, dict[str, str]]:
    """The table as SageMaker's SDK has it: {image: {region: address}}."""
    from sagemaker.core import image_uris  # noqa: PLC0415 - it takes 5 s to import

    return {
        name: {region: image_uris.retrieve(region=region, **asked) for region in _ASKED_REGIONS}
        for name, asked in _IMAGES.items()
    }


def main() -> int:
    """Writes the table anew."""
    TABLE.write_text(json.dumps(ask_sagemaker(), indent=2) + "\n", encoding="utf-8")
    print(f"wrote {TABLE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
