"""nginx as the server that others are held against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import programs
from harness.process import BenchError, Server, free_port

CONFIG = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@contextmanager
def nginx(root: Path, folder: Path) -> Iterator[tuple[str, Server]]:
    """Serve a folder; yields the address, which ends in a slash, and the process.

    Raises:
        BenchError: nginx is not installed, or does not start.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    port = free_port()
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port, root=root))
    command = programs.call("nginx", "-p", folder, "-c", folder / "nginx.conf", "-e",
                            folder / "start.log")  # fmt: skip
    if command is None:
        raise BenchError("`nginx`: not installed")
    with Server(command, cwd=folder) as server:
        server.wait_until_listening(port)
        yield f"http://127.0.0.1:{port}/", server
