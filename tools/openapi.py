"""The scoring API's OpenAPI document, docs/openapi.json, from the models it answers with:

python -m tools.openapi
"""

from __future__ import annotations

import json
from pathlib import Path

from fraud.api_document import document

PAGE = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
