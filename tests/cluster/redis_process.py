"""Real servers of Valkey or Redis, started by tests at a port or socket of their own."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.free_ports import free_port
from tests.waiting import wait_for

PROGRAMS = [name for name in ("redis-server", "valkey-server") if shutil.which(name)]


class Server:
    """A server; `url` is for `--cluster`."""

    def __init__(
        self,
        folder: Path,
        *words: object,
        program: str | None = None,
        port: int = 0,
        is_tls: bool = False,
        **login: Any,
    ):
        if not PROGRAMS:
            pytest.skip("redis-server is not installed")
        self.program = program or PROGRAMS[0]
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.port = port or free_port()
        self.tls_port = free_port() if is_tls else 0
        self.words = (*words, "--tls-port", self.tls_port) if is_tls else words
        self.login = login
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.popen: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self.popen = subprocess.Popen(
            [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(self.folder), *map(str, self.words)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.client = Redis(port=self.port, socket_timeout=30, **self.login)
        wait_for(self.answers, what="server")

    @classmethod
    def sentinel(cls, folder: Path, config: Path, port: int) -> Server:
        """One that watches others."""
        one = cls.__new__(cls)
        one.program, one.folder, one.port, one.words = PROGRAMS[0], folder, port, ()
        folder.mkdir()
        one.popen = subprocess.Popen(
            [one.program, str(config), "--sentinel"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        one.client = Redis(port=port, socket_timeout=30)
        wait_for(one.answers, what="sentinel")
        return one

    def as_user(self, name: str, password: str) -> Redis:
        return Redis(port=self.port, socket_timeout=30, username=name, password=password)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except Exception:
            assert self.popen is not None
            assert self.popen.poll() is None
            return False

    def send(self, number: int) -> None:
        assert self.popen is not None
        self.popen.send_signal(number)

    def stop(self, number: int = signal.SIGKILL) -> None:
        if self.popen is not None:
            self.client.close()
            self.send(signal.SIGCONT)
            self.send(number)
            self.popen.wait(60)
            self.popen = None
