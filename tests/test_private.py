"""A private tracker: who has no key is refused over HTTP and UDP, and keys change while it runs."""

from __future__ import annotations

import http.client
import json
import secrets
import time

import pytest

from outpour.announcer import announce as announce_to
from outpour.announcer.values import AnnounceRequest
from outpour.base.errors import TrackerRefused
from tests.trackers import HELLO, Process
from tests.waiting import wait_for

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def start(tmp_path):
    processes = []

    def begin(*words):
        common = ("track", "--listen", "127.0.0.1:0", "--workers", "1", "--open")
        processes.append(Process([*common, *words], tmp_path))
        return processes[-1]

    yield begin
    for process in processes:
        process.close()


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text("first-key # alice\nshort-lived expires=2001-01-01\n")
    return path


def told(process, scheme, key):
    """Why an announce is refused, empty if it is not."""
    host, port = process.address
    path = f"/{key}/announce" if key else "/announce"
    request = AnnounceRequest(
        infohash=HELLO, peer_id=b"-AA0000-" + secrets.token_bytes(12), port=7, left=0
    )
    try:
        announce_to(f"{scheme}://{host}:{port}{path}", request, timeout_s=20, family="any")
    except TrackerRefused as refused:
        return refused.message
    return ""


def ask(process, method, path, *, token=TOKEN, body=None):
    host, port = process.address
    connection = http.client.HTTPConnection(host, port, timeout=60)
    try:
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, body=raw, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        connection.close()


@pytest.mark.parametrize("scheme", ["http", "udp"])
def test_an_announce_needs_a_key_that_counts(start, keys, scheme):
    process = start("--key-list", keys)
    assert "needs a key" in told(process, scheme, "")
    assert "key is not known" in told(process, scheme, "other-key")
    assert "key is not known" in told(process, scheme, "short-lived")
    assert told(process, scheme, "first-key") == ""


@pytest.mark.parametrize("scheme", ["http", "udp"])
def test_keys_made_and_revoked_by_command_count_while_the_tracker_runs(start, keys, run, scheme):
    process = start("--key-list", keys)
    assert told(process, scheme, "first-key") == ""
    made = run("key", "make", "--key-list", keys, "--label", "bob").out.strip()
    process.until(lambda: told(process, scheme, made) == "", "let in")
    assert run("key", "revoke", "--key-list", keys, "alice").code == 0
    process.until(lambda: told(process, scheme, "first-key") != "", "revoked")
    assert told(process, scheme, made) == ""


def test_a_list_that_is_gone_or_damaged_leaves_its_keys_in_force(start, keys):
    process = start("--key-list", keys)
    assert told(process, "http", "first-key") == ""
    keys.unlink()
    process.until(lambda: "what it last held stays in force" in process.text, "told")
    assert told(process, "http", "first-key") == ""
    assert "needs a key" in told(process, "http", "")
    keys.write_bytes(b"<html>\x00\xff\n")
    process.until(lambda: "not one good line" in process.text, "told")
    assert told(process, "http", "first-key") == ""


def test_a_key_ends_with_its_second(start, keys, run):
    process = start("--key-list", keys)
    assert told(process, "udp", "first-key") == ""
    ends = int(time.time()) + 3
    made = run("key", "make", "--key-list", keys, "--expires", ends).out.strip()
    process.until(lambda: told(process, "udp", made) != "" and time.time() > ends, "ended")
    assert told(process, "udp", "first-key") == ""


def test_keys_are_made_listed_and_revoked_by_the_api(start, keys, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    process = start("--key-list", keys, "--admin-token-file", token)
    status, made, headers = ask(
        process, "POST", "/api/v1/keys", body={"label": "carol", "expires": "2100-01-01"}
    )
    assert (status, headers["cache-control"]) == (201, "no-store")
    assert made["announce_url"].endswith(f"/{made['key']}/announce")
    for scheme in ("http", "udp"):
        assert told(process, scheme, made["key"]) == ""
    status, listed, _ = ask(process, "GET", "/api/v1/keys")
    assert status == 200
    active = {one["label"]: one["active"] for one in listed["keys"]}
    assert active == {"alice": True, "": False, "carol": True}
    assert made["key"] not in json.dumps(listed)
    status, gone, _ = ask(process, "DELETE", f"/api/v1/keys/{made['id']}")
    assert (status, gone["label"]) == (200, "carol")
    for scheme in ("http", "udp"):
        assert told(process, scheme, made["key"]) != ""
        assert told(process, scheme, "first-key") == ""
    assert ask(process, "DELETE", f"/api/v1/keys/{made['id']}")[0] == 404
    assert made["key"] not in keys.read_text()


def test_keys_stay_out_of_page_metrics_and_what_the_tracker_says(start, keys, tmp_path, run):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    process = start("--key-list", keys, "--admin-token-file", token)
    made = ask(process, "POST", "/api/v1/keys", body={})[1]["key"]
    for scheme in ("http", "udp"):
        assert told(process, scheme, made) == ""
    assert process.get(f"/{made}/scrape")[0] == 200
    shown = b"".join(
        process.get(path)[1]
        for path in ("/", "/metrics", "/api/v1/torrents", "/api/v1/stats", "/feed.xml",
                     f"/torrent/{HELLO.hex()}", "/api/v1/openapi.json")
    )  # fmt: skip
    assert process.end() == 0
    for secret in (made, "first-key", TOKEN):
        assert secret.encode() not in shown
        assert secret not in process.text


@pytest.mark.parametrize(
    ("method", "path", "token", "body", "status"),
    [
        ("GET", "/api/v1/keys", None, None, 401),
        ("GET", "/api/v1/keys", "", None, 401),
        ("GET", "/api/v1/keys", TOKEN[:-1], None, 401),
        ("POST", "/api/v1/keys", "grüße", {}, 401),
        ("DELETE", "/api/v1/keys/x", TOKEN + "x", None, 401),
        ("DELETE", "/api/v1/keys/x", TOKEN, None, 404),
        ("DELETE", "/api/v1/keys/%0a..%2f", TOKEN, None, 404),
        ("PUT", "/api/v1/keys", TOKEN, {}, 405),
        ("POST", "/api/v1/keys", TOKEN, b"{", 400),
        ("POST", "/api/v1/keys", TOKEN, b"[" * 5000, 400),
        ("POST", "/api/v1/keys", TOKEN, b"\xff", 400),
        ("POST", "/api/v1/keys", TOKEN, [], 400),
        ("POST", "/api/v1/keys", TOKEN, {"lable": "x"}, 400),
        ("POST", "/api/v1/keys", TOKEN, {"label": 5}, 400),
        ("POST", "/api/v1/keys", TOKEN, {"expires": "soon"}, 400),
        ("POST", "/api/v1/keys", TOKEN, {"expires": True}, 400),
        ("POST", "/api/v1/keys", TOKEN, {"expires": -1}, 400),
        ("POST", "/api/v1/keys", TOKEN, {"expires": 10**30}, 400),
        ("POST", "/api/v1/keys", TOKEN, {"label": "x" * 20_000}, 413),
    ],
)
def test_what_the_api_of_keys_refuses(guarded, method, path, token, body, status):
    process, keys = guarded
    before = keys.read_bytes()
    sent = token if token is None or token.isascii() else token.encode().decode("latin-1")

    def answered():
        found = ask(process, method, path, token=sent, body=body)[0]
        # Who gave wrong tokens has to wait before the next one is looked at.
        return found if found != 429 else None

    assert wait_for(answered) == status
    assert keys.read_bytes() == before


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    root = tmp_path_factory.mktemp("guarded")
    (root / "token").write_text(TOKEN)
    (root / "keys.txt").write_text("first-key\n")
    words = ("track", "--listen", "127.0.0.1:0", "--workers", "1", "--open")
    more = ("--key-list", root / "keys.txt", "--admin-token-file", root / "token")
    process = Process([*words, *more], root)
    yield process, root / "keys.txt"
    process.close()


def test_without_token_or_list_the_api_of_keys_is_off(start, keys, tmp_path):
    process = start("--key-list", keys)
    for token in (None, TOKEN):
        status, answer, _ = ask(process, "GET", "/api/v1/keys", token=token)
        assert (status, "admin_token_file" in answer["error"]) == (404, True)
        assert ask(process, "POST", "/api/v1/keys", token=token, body={})[0] == 404
    token = tmp_path / "token"
    token.write_text(TOKEN)
    other = start("--admin-token-file", token)
    assert ask(other, "GET", "/api/v1/keys", token=None)[0] == 401
    status, answer, _ = ask(other, "GET", "/api/v1/keys")
    assert (status, "key_list" in answer["error"]) == (404, True)


def test_the_token_is_followed_and_a_damaged_file_keeps_the_last_one(start, keys, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    process = start("--key-list", keys, "--admin-token-file", token)
    assert ask(process, "GET", "/api/v1/keys")[0] == 200
    token.write_text("short")
    assert ask(process, "GET", "/api/v1/keys")[0] == 200
    assert ask(process, "GET", "/api/v1/keys", token="short")[0] == 401
    token.write_text("another-" + TOKEN)
    assert ask(process, "GET", "/api/v1/keys")[0] == 401
    assert ask(process, "GET", "/api/v1/keys", token="another-" + TOKEN)[0] == 200
    token.unlink()
    assert ask(process, "GET", "/api/v1/keys", token="another-" + TOKEN)[0] == 200


def test_a_list_that_cannot_be_changed_is_told_and_nothing_is_lost(start, keys, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    process = start("--key-list", keys, "--admin-token-file", token)
    assert told(process, "http", "first-key") == ""
    keys.unlink()
    keys.mkdir()
    status, answer, _ = ask(process, "POST", "/api/v1/keys", body={})
    assert (status, "keys.txt" in answer["error"]) == (503, True)
    assert told(process, "http", "first-key") == ""


@pytest.mark.parametrize(
    ("content", "text"), [(None, "no such file"), ("short", "not one token"), ("", "not one token")]
)
def test_a_token_that_is_none_is_refused_at_start(run, tmp_path, content, text):
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    done = run("track", "--open", "--listen", "127.0.0.1:0", "--admin-token-file", token)
    assert done.code == 4
    assert text in done.err
    assert "openssl rand -hex 32" in done.err


def status_of(process, path):
    return process.get(path)[0]


EVERY_WAY_IN = (
    "/", "/index.html", f"/torrent/{HELLO.hex()}", "/api/v1/torrents", "/api/v1/stats",
    "/feed.xml", "/metrics", "/torrents/hello.txt.torrent", f"/file?info_hash={HELLO.hex()}",
    "/content/",
)  # fmt: skip


def test_a_private_tracker_shows_strangers_nothing_unless_it_is_told_to(start, keys):
    process = start("--key-list", keys)
    assert {status_of(process, path) for path in EVERY_WAY_IN} <= {403, 404}
    assert status_of(process, "/healthz") == 200
    assert status_of(process, "/first-key/") == 200
    assert status_of(process, "/first-key/api/v1/torrents") == 200
    assert status_of(process, "/short-lived/") == 404
    opened = start("--key-list", keys, "--page", "open", "--api", "open", "--metrics", "open")
    assert status_of(opened, "/") == status_of(opened, "/metrics") == 200
    assert status_of(opened, "/content/") == 403


def test_an_open_tracker_shows_everybody_everything(start):
    process = start()
    for path in ("/", "/api/v1/torrents", "/feed.xml", "/metrics", "/content/"):
        assert status_of(process, path) == 200


def test_a_key_that_is_revoked_opens_nothing_any_more(start, keys, run):
    process = start("--key-list", keys)
    assert status_of(process, "/first-key/") == 200
    assert run("key", "revoke", "--key-list", keys, "first-key").code == 0
    wait_for(lambda: status_of(process, "/first-key/") == 404)


def test_a_level_that_cannot_be_kept_is_a_mistake_in_the_settings(run):
    told = run("track", "--listen", "127.0.0.1:0", "--open", "--page", "key")
    assert (told.code, "`key_list`" in told.err) == (3, True)
    told = run("track", "--listen", "127.0.0.1:0", "--open", "--metrics", "token")
    assert (told.code, "`admin_token_file`" in told.err) == (3, True)
    told = run("track", "--listen", "127.0.0.1:0", "--open", "--page", "nobody")
    assert told.code == 3
