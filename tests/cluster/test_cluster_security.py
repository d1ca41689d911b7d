"""What stands between a cluster and strangers: users, TLS and sockets, as in docs/cluster.md."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.cluster.node import ONE
from tests.cluster.redis_process import Server
from tests.conftest import ROOT
from tests.waiting import wait_for


def acl_line():
    page = (ROOT / "docs/cluster.md").read_text()
    found = re.search(r"<!-- acl: begin -->\n```\n(.*)\n```\n<!-- acl: end -->", page)
    assert found
    return found[1]


def until_shared(one, other):
    one.download(ONE, 1)
    wait_for(lambda: other.downloaded(ONE) == 1 and other.peers(ONE) == {1}, what="the news")


def until_tracked(one, infohash):
    wait_for(lambda: b"peers" in one.announce(infohash, 1), what="the torrent")


def test_the_user_of_the_docs_may_all_that_a_node_does_and_nothing_else(tmp_path, node, classic):
    users = tmp_path / "users.acl"
    users.write_text(f"user default off\nuser root on >root ~* +@all\n{acl_line()}\n")
    server = Server(tmp_path / "server", "--aclfile", users, username="root", password="root")
    try:
        url = f"redis://outpour:SECRET@127.0.0.1:{server.port}/0"
        folder = tmp_path / "torrents"
        folder.mkdir()
        given = {"open": False, "allowed_dir": folder}
        one = node("one", url, **given).until_joined()
        other = node("other", url, **given).until_joined()
        (folder / "hello.torrent").write_bytes((classic / "hello.torrent").read_bytes())
        infohash = bytes.fromhex("e25d7c06d525617193e405c30a3c6a77b2e56510")
        for each in (one, other):
            until_tracked(each, infohash)
        one.download(infohash, 2)
        wait_for(lambda: other.downloaded(infohash) == 1, what="the download")
        late = node("late", url, **given).until_joined()
        # The counter of the download may have come before its peer to who gave its swarms.
        wait_for(lambda: late.peers(infohash) == {1, 2}, what="the peers")
        wait_for(lambda: late.figures().servers[0].memory_bytes, what="the memory")
        late.close()
        assert not [one for one in server.client.acl_log() if "setinfo" not in str(one["object"])]
        assert "SECRET" not in str(late.events) + str(one.figures())
        # Neither another cluster's keys nor what is no node's business.
        client = server.as_user("outpour", "SECRET")
        for words in (("GET", "other"), ("CONFIG", "GET", "*"), ("FLUSHALL",), ("KEYS", "*")):
            with pytest.raises(Exception, match=r"(?i)permission|noperm"):
                client.execute_command(*words)
        client.close()
    finally:
        server.stop()


def test_a_wrong_password_is_told_and_the_node_goes_on_alone(tmp_path, node):
    server = Server(tmp_path / "server", "--requirepass", "right", password="right")
    try:
        one = node("one", f"redis://:wrong@127.0.0.1:{server.port}/0")
        wait_for(lambda: one.said("user or password is wrong"), what="a line")
        assert one.is_ready()
        assert "wrong@" not in str(one.events)
        node("two", f"redis://:right@127.0.0.1:{server.port}/0").until_joined()
    finally:
        server.stop()


def test_a_socket_of_the_machine_will_do(tmp_path, node):
    path = tmp_path / "redis.sock"
    server = Server(tmp_path / "server", "--unixsocket", path)
    try:
        url = f"unix://{path}?db=3"
        one, other = node("one", url).until_joined(), node("other", url).until_joined()
        until_shared(one, other)
    finally:
        server.stop()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_over_tls_the_server_has_to_be_who_it_says(tmp_path, node):
    for name in ("right", "wrong"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.crt"],
            check=True, capture_output=True,
        )  # fmt: skip
    files = ("--tls-cert-file", tmp_path / "right.crt", "--tls-key-file", tmp_path / "right.key")
    server = Server(tmp_path / "server", *files, "--tls-auth-clients", "no", is_tls=True)
    try:
        where = f"rediss://127.0.0.1:{server.tls_port}/0?ssl_ca_certs={tmp_path}"
        one, other = (node(name, f"{where}/right.crt").until_joined() for name in ("one", "other"))
        until_shared(one, other)
        stranger = node("stranger", f"{where}/wrong.crt")
        wait_for(lambda: stranger.said("its certificate is not trusted"), what="a line")
    finally:
        server.stop()
