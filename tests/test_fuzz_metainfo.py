"""A bounded run of the fuzzer, the same inputs each time; `python fuzz/metainfo.py` goes on."""

import pytest

from fuzz import metainfo
from outpour.torrent import bencode

EXAMPLES = 1500


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_fuzzed_is_refused_or_can_be_worked_with(seed):
    tried, good = metainfo.run(seed=seed, examples=EXAMPLES)
    assert tried == EXAMPLES
    assert EXAMPLES / 10 < good < EXAMPLES * 9 / 10


def test_equal_seeds_give_equal_inputs():
    first, second = (metainfo.inputs(7) for _ in range(2))
    assert [next(first) for _ in range(50)] == [next(second) for _ in range(50)]


def test_a_reader_that_fails_is_noticed_and_its_input_is_kept(monkeypatch, tmp_path):
    def fail(raw, **named):
        raise RecursionError

    monkeypatch.setattr(bencode, "decode", fail)
    monkeypatch.setattr(metainfo, "HERE", tmp_path)
    monkeypatch.setattr(metainfo, "inputs", lambda seed: iter([b"d1:ae"]))
    with pytest.raises(RecursionError):
        metainfo.run(seed=1, examples=1)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == b"d1:ae"
