"""An HTTP server whose files and manners a test decides."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Remote:
    """A server whose files and manners a test decides."""

    files: dict[str, bytes] = field(default_factory=dict)
    has_ranges: bool = True
    cut_every: int = 0
    refuse: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    tags: Iterator[str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        with self.lock:
            self.asked.append(request.path)
            is_refused = self.refuse > 0
            self.refuse -= is_refused
            tag = next(self.tags, "") if self.tags else ""
        if request.path in self.redirects:
            request.send_response(302)
            request.send_header("Location", self.redirects[request.path])
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body = self.files.get(request.path)
        if is_refused or body is None:
            request.send_error(503 if is_refused else 404)
            return
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        begin, end = 0, len(body)
        if self.has_ranges and span:
            begin, end = int(span[1]), min(int(span[2]) + 1, len(body))
            if begin >= len(body):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(body)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(body)}")
        else:
            request.send_response(200)
        for name, value in self.headers.items():
            request.send_header(name, value)
        if tag:
            request.send_header("ETag", tag)
        request.send_header("Content-Length", str(end - begin))
        request.end_headers()
        part = body[begin:end]
        if self.cut_every and len(part) > self.cut_every:
            request.wfile.write(part[: self.cut_every])
            request.close_connection = True
            return
        request.wfile.write(part)


@contextmanager
def serving(certified: tuple[Path, Path] | None = None) -> Iterator[Remote]:
    """A server on a free port of loopback; with a certificate and its key over TLS."""
    made = Remote()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with made.lock:
                made.connections += 1

        def do_GET(self) -> None:
            made.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certified is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certified)
        # The handshake is for the thread of each connection.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"{'https' if certified else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
