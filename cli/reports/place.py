"""Where a page is written: whole or not at all, and over nothing but another page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reading.errors import BadInputError


def check_page(page: Path, model: Path | None = None) -> None:
    """Whether a page can be written there: asked before long work.

    Args:
        model: a model's folder, which is looked at later.

    Raises:
        BadInputError: it cannot, or something that is no page is there.
    """
    if page.is_dir() or not (page.parent.is_dir() or page.parent == model):
        raise BadInputError(f"--out: {page} cannot be written; name a file in a folder that there is")
    if page.exists() and page.suffix not in (".html", ".htm"):
        raise BadInputError(
            f"--out: {page} is there, and no page; name a file that ends with .html, or one that is not there"
        )


@contextmanager
def whole_page(page: Path) -> Iterator[Path]:
    """A file to write that becomes the page when all went well.

    Raises:
        BadInputError: it cannot be written.
    """
    part = page.with_name(f".{page.name}.part")
    try:
        yield part
        part.rename(page)
    except OSError as error:
        raise BadInputError(f"--out: {page} cannot be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)
