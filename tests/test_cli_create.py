"""`outpour create` beyond one torrent of one folder: batches, plans, presets, links and lints."""

import json
import os
import time

import pytest

from outpour.making import maker
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

URL = "http://127.0.0.1:6969/announce"


@pytest.fixture
def releases(tmp_path, monkeypatch):
    """A folder `releases` with a folder `game` and a file `disk.iso`, below the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    folder = tmp_path / "releases"
    (folder / "game").mkdir(parents=True)
    (folder / "game" / "a").write_bytes(b"a" * 20_000)
    (folder / "disk.iso").write_bytes(b"iso")
    return folder


def made(folder):
    return sorted(path.name for path in folder.glob("*.torrent"))


def test_each_makes_a_torrent_of_everything_and_once(run, releases, tmp_path):
    (releases / "old.torrent").write_bytes(b"x")
    (releases / ".hidden").write_bytes(b"x")
    (tmp_path / "out").mkdir()
    said = run("create", releases, "--each", "-t", URL, "-o", "out")
    assert (said.code, said.out) == (0, "")
    assert made(tmp_path / "out") == ["disk.iso.torrent", "game.torrent"]
    assert Metainfo.read(tmp_path / "out" / "game.torrent").announce == URL
    # The clock of files may stand still for some milliseconds.
    os.utime(tmp_path / "out" / "game.torrent", (1e9, 1e9))
    before = (tmp_path / "out" / "game.torrent").stat().st_mtime_ns
    (releases / "new").write_bytes(b"new")
    said = run("create", releases, "--each", "-t", URL, "-o", "out")
    assert said.code == 0
    assert "2 torrents there already" in said.err
    assert made(tmp_path / "out") == ["disk.iso.torrent", "game.torrent", "new.torrent"]
    assert (tmp_path / "out" / "game.torrent").stat().st_mtime_ns == before
    assert run("create", releases, "--each", "-t", URL, "-o", "out", "--force").code == 0
    assert (tmp_path / "out" / "game.torrent").stat().st_mtime_ns > before


def test_each_goes_on_after_what_cannot_be_made(run, releases):
    (releases / "empty").mkdir()
    os.mkfifo(releases / "fifo")
    said = run("create", releases, "--each")
    assert said.code == 4
    assert "/empty`: holds no files" in said.err
    assert "/fifo`: neither a file nor a folder" in said.err
    assert made(releases.parent) == ["disk.iso.torrent", "game.torrent"]


def test_each_tells_programs_a_list(run, releases):
    described = json.loads(run("create", releases, "--each", "--json").out)
    assert [entry["name"] for entry in described] == ["disk.iso", "game"]
    assert [entry["torrent"] for entry in described] == ["disk.iso.torrent", "game.torrent"]


def test_a_dry_run_lists_what_would_be_taken_and_writes_nothing(run, releases):
    (releases / "game" / "link").symlink_to("a")
    said = run("create", releases / "game", "--symlinks", "keep", "--dry-run")
    assert said.code == 0
    assert said.out.splitlines() == ["20000 a", "0 link -> a"]
    assert "2 files, 19.5 KiB, 2 pieces of 16 KiB, nothing written" in said.err
    assert made(releases.parent) == []


def test_a_dry_run_tells_programs_the_plan(run, releases):
    (releases / "game" / "b").write_bytes(b"b")
    (releases / "game" / ".hidden").write_bytes(b"h")
    said = run("create", releases / "game", "--dry-run", "--json", "--align", "-t", URL)
    assert json.loads(said.out) == {
        "torrent": "game.torrent", "name": "game", "version": "v1", "length": 20001,
        "padding": 12768 + 16383, "is_folder": True, "file_count": 2, "piece_length": 16384,
        "piece_count": 3, "left_out": [".hidden"],
        "files": [{"path": "a", "length": 20000}, {"path": "b", "length": 1}],
        "lints": [{
            "name": "padding",
            "message": "padding is longer than the content, which clients without v2 download: "
            "28.5 KiB",
        }],
    }  # fmt: skip


def test_what_a_dry_run_plans_is_what_is_made(run, releases):
    for version in ("v1", "v2", "hybrid"):
        words = ("create", releases / "game", "-f", version, "--json", "-o", f"{version}.torrent")
        plan = json.loads(run(*words, "--dry-run").out)
        result = json.loads(run(*words).out)
        for key in ("torrent", "name", "version", "length", "piece_length", "piece_count", "lints"):
            assert plan[key] == result[key]


def test_a_dry_run_of_a_tebibyte_reads_nothing(run, releases):
    with (releases / "huge").open("wb") as file:
        file.truncate(1 << 40)
    said = run("create", releases / "huge", "--dry-run")
    assert said.code == 0
    assert "1 TiB, 65536 pieces of 16 MiB" in said.err
    assert "(many-pieces)" in said.err
    said = run("create", releases / "huge", "--dry-run", "--allow", "many-pieces")
    assert "(many-pieces)" not in said.err
    said = run("create", releases / "huge", "--piece-length", "16KiB")
    assert said.code == 2
    assert "67108864 pieces make a .torrent of 1.25 GiB, and readers take 64 MiB" in said.err


def test_nodes_and_relatives_reach_the_torrent(run, releases):
    assert run("create", releases / "disk.iso", "-t", URL).code == 0
    other = Metainfo.read("disk.iso.torrent").info.infohash_v1
    said = run(
        "create", releases / "game", "--node", "[::1]:6881", "--node", "router.example.org:1",
        "--similar", "disk.iso.torrent", "--similar", "ab" * 20, "--collection", "games",
        "--piece-count", "1", "--executable",
    )  # fmt: skip
    assert said.code == 0, said.err
    metainfo = Metainfo.read("game.torrent")
    assert metainfo.nodes == (("::1", 6881), ("router.example.org", 1))
    assert metainfo.similar == (other, b"\xab" * 20)
    assert metainfo.collections == ("games",)
    assert metainfo.info.piece_length == 32768


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        (["--node", "host"], 2, "`host`: not a node"),
        (["--node", "::1:6881"], 2, "not a node"),
        (["--node", "h:70000"], 2, "not a node"),
        (["--similar", "ab"], 4, "`ab`: no such file"),
        (["--piece-length", "1MiB", "--piece-count", "2"], 2, "contradicts `--piece-count`"),
        (["--piece-length", "64MiB"], 2, "some clients refuse pieces this long"),
        (["--align", "-f", "v2"], 2, "v2 has no padding"),
        (["--each", "--name", "x"], 2, "contradicts `--each`"),
        (["--each", "-o", "-"], 5, "not a folder"),
        (["--each", "-o", "none"], 5, "not a folder"),
        (["--config", "x.toml"], 2, "`--preset` names none"),
        (["--allow", "names-not-utf8", "-f", "v2"], 2, "v2 cannot hold them"),
        (["--symlinks", "eat"], 2, "is not one of"),
    ],
)
def test_what_cannot_be_meant_is_refused(run, releases, words, code, fault):
    said = run("create", releases, *words)
    assert (said.code, said.out) == (code, "")
    assert fault in said.err
    assert made(releases.parent) == []


def test_a_torrent_that_appeared_while_hashing_is_not_replaced(run, releases, monkeypatch):
    class SlowDraft(maker.Draft):
        def finish(self, progress=None):
            (releases.parent / "game.torrent").write_bytes(b"theirs")
            return super().finish(progress)

    monkeypatch.setattr("outpour.cli.shared.creation.Draft", SlowDraft)
    said = run("create", releases / "game")
    assert said.code == 5
    assert (releases.parent / "game.torrent").read_bytes() == b"theirs"


def test_a_torrent_in_the_folder_that_it_is_of_is_left_out_of_the_next(run, releases, monkeypatch):
    monkeypatch.chdir(releases / "game")
    (releases / "game/sub").mkdir()
    (releases / "game/sub/game.torrent").write_bytes(b"content")
    assert run("create", ".").code == 0
    first = Metainfo.read("game.torrent")
    said = run("create", ".", "--force")
    assert said.code == 0
    again = Metainfo.read("game.torrent")
    assert again.info.infohash == first.info.infohash
    assert [file.path for file in again.info.files] == [("a",), ("sub", "game.torrent")]
    assert run("create", ".", "--force", "-o", "sub/[x].torrent").code == 0
    assert run("create", ".", "--force", "-o", "sub/[x].torrent", "--name", "n").code == 0
    paths = [file.path for file in Metainfo.read("sub/[x].torrent").info.files]
    assert paths == [("a",), ("game.torrent",), ("sub", "game.torrent")]


def test_each_makes_the_rest_when_some_cannot_be_made(run, releases):
    (releases / "dangling").symlink_to("nowhere")
    (releases / "outside").symlink_to("/")
    (releases / ("n" * 248)).write_bytes(b"x")
    (releases / "a").write_bytes(b"a")
    (releases / "z").write_bytes(b"z")
    said = run("create", "--each", releases, "-o", releases.parent)
    assert said.code == 4
    assert {"a.torrent", "game.torrent", "z.torrent"} <= {*made(releases.parent)}
    assert said.err.count("error: ") == 3
    assert "dangling`: a link to nothing" in said.err
    assert f"{'n' * 248}.torrent`: file name too long" in said.err


def test_what_macos_leaves_in_folders_is_junk(run, releases):
    (releases / "game/Icon\r").write_bytes(b"")
    (releases / "game/.DS_Store").write_bytes(b"")
    assert run("create", releases / "game").code == 0
    assert [file.path for file in Metainfo.read("game.torrent").info.files] == [("a",)]


def test_the_web_seed_of_a_folder_ends_with_a_slash(run, releases):
    game = releases / "game"
    seeds = ["-w", "http://a/files", "-w", "http://a/files/", "-w", "http://b/get?f=1"]
    assert run("create", game, *seeds).code == 0
    assert Metainfo.read("game.torrent").web_seeds == ("http://a/files/", "http://b/get?f=1")
    assert run("create", game / "a", "-w", "http://a/files").code == 0
    assert Metainfo.read("a.torrent").web_seeds == ("http://a/files",)
    assert run("edit", "game.torrent", "-w", "http://c/x").code == 0
    assert run("edit", "game.torrent", "--add-web-seed", "http://d/x").code == 0
    assert Metainfo.read("game.torrent").web_seeds == ("http://c/x/", "http://d/x/")


def test_several_paths_make_a_torrent_each(run, releases):
    (releases / "a").write_bytes(b"a")
    said = run("create", releases / "game", releases / "none", releases / "a", "--json")
    assert said.code == 4
    assert [one["name"] for one in json.loads(said.out)] == ["game", "a"]
    assert made(releases.parent) == ["a.torrent", "game.torrent"]
    said = run("create", releases / "game", releases / "a", "--force", "-o", releases)
    assert (said.code, made(releases)) == (0, ["a.torrent", "game.torrent"])
    for words in (["-o", "-"], ["-o", "none/x.torrent"]):
        assert run("create", releases / "game", releases / "a", *words).code == 5
    assert run("create", releases / "game", releases / "a", "--name", "x").code == 2


def test_several_folders_are_gone_through_by_each(run, releases):
    other = releases.parent / "other"
    other.mkdir()
    (other / "z").write_bytes(b"z")
    assert run("create", "--each", releases, other).code == 0
    assert {"game.torrent", "z.torrent"} <= {*made(releases.parent)}


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("each", [(), ("--each",)])
def test_no_torrent_of_a_run_replaces_another_of_it(run, releases, each, force):
    other = releases.parent / "other"
    other.mkdir()
    (other / "a").write_bytes(b"of another kind")
    (releases / "a").write_bytes(b"a")
    things = [releases, other] if each else [releases / "a", other / "a"]
    said = run("create", *each, *force, *things)
    assert (said.code, said.err.count("`a.torrent`: made of something else")) == (5, 1)
    assert Metainfo.read("a.torrent").info.length == 1


def test_http_seeds_and_any_other_field_are_written(run, releases):
    fields = '{"publisher": "me", "created by": null, "info": {"x_cross_seed": "1"}}'
    said = run(
        "create", releases / "game", "--http-seed", "http://a/s.php", "--merge", fields, "--json"
    )
    assert said.code == 0
    metainfo = Metainfo.read("game.torrent")
    assert metainfo.http_seeds == ("http://a/s.php",)
    assert metainfo.created_by is None
    assert b"9:publisher2:me" in metainfo.raw
    assert b"12:x_cross_seed1:1" in metainfo.info.raw
    assert json.loads(said.out)["infohash"] == metainfo.info.infohash_hex
    assert (
        metainfo.info.infohash_hex
        in run("create", releases / "game", "--merge", fields, "-o", "b.torrent").err
    )
    for wrong in ("[]", '{"info": 5}', '{"comment": 5}', '{"info": {"name": ".."}}'):
        said = run("create", releases / "game", "--merge", wrong, "-o", "c.torrent")
        assert said.code == 2, said.err
    assert "c.torrent" not in made(releases.parent)


def test_hashes_of_an_older_torrent_are_taken(run, releases, monkeypatch):
    game = releases / "game"
    changed = max(path.stat().st_ctime for path in (game, *game.rglob("*")))
    # A date has whole seconds, and what changed in the same one may have changed after it.
    wait_for(lambda: int(time.time()) > changed, what="another second")
    date = str(int(time.time()))
    assert run("create", game, "--date", date, "-f", "hybrid").code == 0
    first = Metainfo.read("game.torrent")
    for place in ("game.torrent", "."):
        said = run("create", game, "-f", "hybrid", "--reuse", place, "--force", "--date", date)
        assert said.code == 0
        assert f"{first.info.piece_count} pieces taken from the older torrent" in said.err
        assert Metainfo.read("game.torrent").info.raw == first.info.raw
    assert run("create", game, "--reuse", "none.torrent", "--force").code == 4
    (releases / "other").write_bytes(b"o")
    said = run("create", releases / "other", "--reuse", ".")
    assert (said.code, "taken" in said.err) == (0, False)


def test_unwise_dates_and_long_names_are_noted(run, releases):
    (releases / "game" / ("n" * 250)).write_bytes(b"x")
    said = run("create", releases / "game", "--date", "1700000000000")
    assert "(date-milliseconds)" in said.err
    assert "(names-long)" in said.err


def test_names_that_are_not_utf8_need_to_be_allowed(run, releases):
    (releases / "game" / os.fsdecode(b"caf\xe9")).write_bytes(b"x")
    said = run("create", releases / "game")
    assert said.code == 4
    assert "caf\\xe9`: a name that is not UTF-8" in said.err
    assert "hint: rename it, or take it as it is with `--allow names-not-utf8`" in said.err
    assert run("create", releases / "game", "--allow", "names-not-utf8").code == 0
    assert b"4:caf\xe9" in (releases.parent / "game.torrent").read_bytes()
    assert run("verify", "game.torrent", releases).code == 0


@pytest.mark.parametrize(
    ("name", "lint"),
    [("CON", "windows-names"), ("a:b", "windows-names"), ("e\u0301", "names-decomposed")],
)
def test_names_that_travel_badly_are_noted_until_allowed(run, releases, name, lint):
    (releases / "game" / name).write_bytes(b"x")
    assert f"({lint})" in run("create", releases / "game").err
    assert f"({lint})" not in run("create", releases / "game", "--force", "--allow", lint).err


PRESETS = """
[preset.ours]
tracker = ["http://127.0.0.1:1/announce,http://127.0.0.1:2/announce", "udp://127.0.0.1:3"]
web-seed = "http://127.0.0.1/seed"
private = true
piece-length = "32KiB"
format = "hybrid"
no-date = true
exclude = ["*.tmp"]
threads = 1

[preset.other]
created_by = "me"
"""


@pytest.fixture
def presets(tmp_path, releases):
    file = tmp_path / "settings" / "outpour" / "create.toml"
    file.parent.mkdir(parents=True)
    file.write_text(PRESETS)
    return file


def test_a_preset_gives_what_the_command_line_does_not(run, releases, presets):
    (releases / "game" / "x.tmp").write_bytes(b"x")
    said = run("create", releases / "game", "--preset", "ours")
    assert said.code == 0, said.err
    metainfo = Metainfo.read("game.torrent")
    assert metainfo.tiers == (
        ("http://127.0.0.1:1/announce", "http://127.0.0.1:2/announce"),
        ("udp://127.0.0.1:3",),
    )
    assert metainfo.web_seeds == ("http://127.0.0.1/seed/",)
    assert (metainfo.info.private, metainfo.info.piece_length) == (True, 32768)
    assert (metainfo.info.version, metainfo.creation_date) == ("hybrid", None)
    assert [file.path for file in metainfo.info.files if not file.is_padding] == [("a",)]


def test_the_command_line_wins_over_a_preset(run, releases, presets):
    said = run(
        "create", releases / "disk.iso", "--preset", "ours", "--date", "5", "--piece-count", "7",
        "-t", URL, "-f", "v1",
    )  # fmt: skip
    assert said.code == 0, said.err
    metainfo = Metainfo.read("disk.iso.torrent")
    assert metainfo.tiers == ((URL,),)
    assert (metainfo.creation_date, metainfo.info.version) == (5, "v1")
    assert metainfo.info.piece_length == 16384


def test_presets_may_lie_in_another_file(run, releases, presets, tmp_path):
    presets.rename(tmp_path / "here.toml")
    assert run("create", releases / "game", "--preset", "other").code == 4
    words = ("create", releases / "game", "--config", "here.toml", "--preset", "other")
    assert run(*words).code == 0
    assert Metainfo.read("game.torrent").created_by == "me"


@pytest.mark.parametrize(
    ("text", "fault", "hint"),
    [
        ("[preset.ours]\ntrakcer = 'x'", "`FILE:[preset.ours].trakcer`", "did you mean `tracker`?"),
        ("[preset.ours]\npath = 'x'", "no such setting", "keys are the long options"),
        ("[preset.ours]\nprivate = 'yes'", "must be true or false", None),
        ("[preset.ours]\nformat = 'v3'", "`v3` is not one of", None),
        ("[preset.ours]\nthreads = 0", "not in the range", None),
        ("[preset.ours]\ncomment = 1.5", "must be a text or a number", None),
        ("[preset.hours]\n", "no preset `ours`", "did you mean `hours`?"),
        ("[preset.x]\n", "no preset `ours`", "it has `x`"),
        ("", "no preset `ours`", "write a table such as: [preset.ours]"),
        ("preset = 1", "not a table of presets", "[preset.NAME]"),
        ("[ours]\n", "`FILE:ours`: no such setting", "[preset.NAME]"),
        ("[preset", "not TOML", None),
    ],
)
def test_presets_that_make_no_sense_are_settings_errors(run, releases, presets, text, fault, hint):
    presets.write_text(text)
    said = run("create", releases / "game", "--preset", "ours")
    assert (said.code, said.out) == (3, "")
    assert fault.replace("FILE", str(presets)) in said.err
    assert (hint or "") in said.err
    assert made(releases.parent) == []


def test_a_preset_is_held_to_the_rules_of_the_command_line(run, releases, presets):
    presets.write_text("[preset.ours]\npiece-length = '3MiB'")
    said = run("create", releases / "game", "--preset", "ours")
    assert said.code == 2
    assert "not a power of two" in said.err


def test_the_command_starts_without_what_it_may_not_need(spawn, releases, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    for words in (["create", "--help"], ["show", "--help"], ["create", "game"]):
        said = spawn("outpour", *words, cwd=releases)
        assert said.code == 0
        imported = {
            line.rsplit("|", 1)[1].strip()
            for line in said.err.splitlines()
            if line.startswith("import time:")
        }
        heavy = {"libtorrent", "pydantic", "starlette", "uvicorn", "jinja2", "rich", "asyncio"}
        assert not imported & {*heavy, "urllib.request", "http.client", "sqlite3", "tomllib"}


def test_a_torrent_of_a_very_long_name_is_written_under_a_shorter_one(run, tmp_path):
    for name in ("a" * 255, "ü" * 127):
        (tmp_path / name).write_bytes(b"content")
        done = run("create", str(tmp_path / name), "-o", str(tmp_path))
        assert done.code == 0, done.err
    written = {path.name for path in tmp_path.glob("*.torrent")}
    assert written == {"a" * 247 + ".torrent", "ü" * 123 + ".torrent"}
