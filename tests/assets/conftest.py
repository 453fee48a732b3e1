"""A web server on this machine that behaves as well or as badly as a test wants."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from isocortex.assets import fetching
from isocortex.assets.asset import Asset, AssetFile


@dataclass
class Page:
    """What an address gives. ``cuts``: after how many bytes the next answers break off (None: not)."""

    content: bytes = b""
    etag: str | None = '"one"'
    date: str | None = None
    ranges: bool = True
    heed_if_range: bool = True
    length: bool = True
    kind: str = "application/octet-stream"
    encoding: str | None = None
    status: list[int] = field(default_factory=list)
    to: str | None = None
    cuts: list[int | None] = field(default_factory=list)
    delay: float = 0.0
    shift: int = 0
    """How many bytes too early a partial answer begins (a fault of the server)."""


@dataclass
class Site:
    """All addresses of the server, and what was asked of it: (path, Range header)."""

    url: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def put(self, name: str, content: bytes, **more: object) -> str:
        """Offer a file; gives its address."""
        self.pages[f"/{name}"] = Page(content, **more)  # type: ignore[arg-type]
        return f"{self.url}/{name}"

    def ranges(self) -> list[str | None]:
        """The Range headers of all requests so far."""
        return [item for _, item in self.asked]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, *arguments: object) -> None:
        pass

    def end_headers(self) -> None:
        # Said, since each connection is closed: who does not know may reuse one that is just closing.
        self.send_header("Connection", "close")
        super().end_headers()

    def do_GET(self) -> None:
        site, wanted = self.server.site, self.headers.get("Range")  # type: ignore[attr-defined]
        site.asked.append((self.path, wanted))
        page = site.pages.get(self.path, Page(status=[404]))
        status = page.status.pop(0) if len(page.status) > 1 else (page.status or [200])[0]
        self.close_connection = True
        if page.to is not None:
            self.send_response(302)
            self.send_header("Location", page.to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if status != 200:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._give(page, wanted)

    def _give(self, page: Page, wanted: str | None) -> None:
        start, body = 0, page.content
        condition = self.headers.get("If-Range")
        holds = condition is None or not page.heed_if_range or condition in (page.etag, page.date)
        if wanted and page.ranges and holds:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            first = start - page.shift
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
            body = body[first:]
        else:
            self.send_response(200)
        self.send_header("Content-Type", page.kind)
        for name, value in (
            ("ETag", page.etag),
            ("Last-Modified", page.date),
            ("Content-Encoding", page.encoding),
            ("Content-Length", str(len(body)) if page.length else None),
        ):
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        cut = page.cuts.pop(0) if page.cuts else None
        part = body if cut is None else body[:cut]
        try:
            for begin in range(0, len(part), 1 << 16):
                self.wfile.write(part[begin : begin + (1 << 16)])
                self.wfile.flush()
                time.sleep(page.delay)
        except OSError:  # who asked has gone
            return


@pytest.fixture
def site() -> Iterator[Site]:
    """A running server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.site = Site(f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True)
    thread.start()
    yield server.site  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of this test, and no waiting between attempts."""
    monkeypatch.setenv("ISOCORTEX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    quick = partial(fetching.ResumingDownloader, pause=0.0)
    monkeypatch.setattr(fetching, "ResumingDownloader", quick)
    return tmp_path / "data"


@pytest.fixture
def single(site: Site) -> Callable[..., Asset]:
    """Make an asset of one file, offered by the server."""

    def make(
        content: bytes, name: str = "weights.bin", page: dict[str, object] | None = None, **more: object
    ) -> Asset:
        url = site.put(name, content, **(page or {}))
        return Asset("weights", "some weights", (AssetFile(url, name, **more),))  # type: ignore[arg-type]

    return make
