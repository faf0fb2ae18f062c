"""Static files: read once, addressed by the hash of the whole tree, compressed once, cached for ever.

Every file lives under `/static/<hash of the tree>/…`, so that a stylesheet or an ES module can refer to its
neighbours by a relative address, and any change gives all of them new addresses. What every page needs is
joined into one style sheet and one script.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePath

from starlette.requests import Request
from starlette.responses import Response

from kontinuum.web.workspace import joining

STATIC = Path(__file__).resolve().parent.parent / "static"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
    "": "text/plain; charset=utf-8",
}
_COMPRESSIBLE = frozenset({".css", ".js", ".svg", ""})
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to be sent; `packed` is its gzip form where that is smaller."""

    media_type: str
    body: bytes
    packed: bytes | None
    etag: str


class Assets:
    """The tree of static files under one folder."""

    def __init__(self, folder: Path = STATIC) -> None:
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in _TYPES
        }
        files |= {joining.JOINED_SHEET: joining.sheet(files), joining.SCRIPT: joining.script(files)}
        self._files = {name: _packed(name, body) for name, body in files.items()}
        tree = hashlib.sha256()
        for name, asset in self._files.items():
            tree.update(f"{name}\0{asset.etag}\0".encode())
        self.version = tree.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file; KeyError for one that does not exist."""
        if name not in self._files:
            raise KeyError(f"there is no static file {name!r}")
        return f"/static/{self.version}/{name}"

    async def serve(self, request: Request) -> Response:
        """Answer `/static/{version}/{name}`; an address of another release gets today's file, not cached."""
        asset = self._files.get(request.path_params["name"])
        if asset is None:
            return Response("There is no such file.", status_code=404, media_type="text/plain")
        current = request.path_params["version"] == self.version
        headers = {
            "etag": asset.etag,
            "cache-control": _FOREVER if current else "no-cache",
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
        }
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = asset.body
        if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["content-encoding"] = asset.packed, "gzip"
        return Response(body, headers={**headers, "content-type": asset.media_type})


def _packed(name: str, body: bytes) -> Asset:
    kind = PurePath(name).suffix
    packed = gzip.compress(body, 9, mtime=0) if kind in _COMPRESSIBLE else None
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return Asset(_TYPES[kind], body, packed, etag)
