"""Pictures of every state of a board: `python -m tests.browser.pictures FOLDER [STATE ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.site import ARGS, running
from tests.browser.states import STATES


def main(folder: Path, *states: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        for name in states or STATES:
            _pictures(browser, name, folder)
        browser.close()


def _pictures(browser: Browser, name: str, folder: Path) -> None:
    prepare, path = STATES[name]
    with running() as site:
        prepare(site.world)
        for width, height in ((1440, 900), (390, 844)):
            for theme in ("light", "dark"):
                size = {"width": width, "height": height}
                context = browser.new_context(viewport=size, color_scheme=theme)
                page = context.new_page()
                page.goto(site.url + path)
                page.wait_for_load_state("networkidle")
                file = folder / f"{name.replace(' ', '-')}-{width}-{theme}.png"
                page.screenshot(path=file, full_page=True)
                context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
