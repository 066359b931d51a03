"""Where the built front end lies: names by the build's manifest, kept by browsers for ever."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
DIST = STATIC / "dist"


@dataclass(frozen=True, slots=True)
class Assets:
    """Addresses for a page's head; empty where the front end is not built."""

    script: str = ""
    theme: str = ""
    styles: tuple[str, ...] = ()


def assets(dist: Path = DIST) -> Assets:
    manifest = dist / "manifest.json"
    if not manifest.is_file():
        return Assets()
    entry: dict[str, Any] = orjson.loads(manifest.read_bytes())["src/main.ts"]
    return Assets(
        script=f"/static/dist/{entry['file']}",
        theme="/static/dist/theme.js",
        styles=tuple(f"/static/dist/{name}" for name in entry.get("css", [])),
    )


class KeptFiles(StaticFiles):
    """Files below `assets/` carry a digest in their names and never change."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and "/assets/" in f"/{path}":
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
