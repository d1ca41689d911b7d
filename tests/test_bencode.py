import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.base.errors import BencodeError
from outpour.torrent import bencode
from outpour.torrent.bencode import INTEGER_MAX, INTEGER_MIN, Limits

VALUES = st.recursive(
    st.integers(INTEGER_MIN, INTEGER_MAX) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=9), inner),
    max_leaves=40,
)
FEW = st.recursive(
    st.integers(INTEGER_MIN, INTEGER_MAX) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=3), inner),
    max_leaves=5,
)
# Bytes that look like bencode reach further into the reader than any bytes do.
ALMOST = st.lists(
    st.sampled_from([b"d", b"l", b"i", b"e", b"0:", b"1:a", b"1:b", b"i1e", b"-", b"9", b":", b"0"])
).map(b"".join)


@given(VALUES)
def test_what_is_written_is_read_back(value):
    assert bencode.decode(bencode.encode(value)) == value


@given(ALMOST | st.binary(max_size=60))
def test_what_can_be_read_is_written_back_byte_for_byte(raw):
    try:
        value = bencode.decode(raw)
    except BencodeError:
        return
    assert bencode.encode(value) == raw


@given(ALMOST)
def test_the_lenient_reader_only_forgives_the_order_of_keys_and_what_is_behind(raw):
    try:
        value = bencode.decode(raw, strict=False)
    except BencodeError:
        return
    written = bencode.encode(value)
    assert sorted(written) == sorted(raw[: len(written)])


def test_where_a_dictionary_ends_is_told():
    table = bencode.read_dictionary(b"d1:ai1ee\n\n", strict=False)
    assert (table.value, table.end) == ({b"a": 1}, 8)
    with pytest.raises(BencodeError, match="bytes after the end at byte 8"):
        bencode.read_dictionary(b"d1:ai1ee\n")


@given(st.dictionaries(st.binary(max_size=9), FEW, max_size=5))
def test_spans_lie_around_the_values(value):
    raw = bencode.encode(value)
    spans = bencode.spans(raw)
    assert {key: bencode.decode(raw[a:b]) for key, (a, b) in spans.items()} == value


@pytest.mark.parametrize(
    ("raw", "offset", "what"),
    [
        (b"", 0, "unexpected end"),
        (b"d", 1, "unexpected end"),
        (b"l", 1, "unexpected end"),
        (b"d1:a", 4, "unexpected end"),
        (b"d1:ae", 4, "key without a value"),
        (b"di1ei2ee", 1, "key that is not a string"),
        (b"d1:bi1e1:ai1ee", 7, "unsorted key"),
        (b"d1:ai1e1:ai2ee", 7, "repeated key"),
        (b"i1ex", 3, "bytes after the end"),
        (b"de\n", 2, "bytes after the end"),
        (b"e", 0, "not a value"),
        (b"x", 0, "not a value"),
        (b"i0100e", 0, "malformed integer"),
        (b"i-0e", 0, "malformed integer"),
        (b"i+1e", 0, "malformed integer"),
        (b"i 1e", 0, "malformed integer"),
        (b"i1", 0, "malformed integer"),
        (b"ie", 0, "malformed integer"),
        (b"i9223372036854775808e", 0, "integer of more than 64 bits"),
        (b"i" + b"9" * 5000 + b"e", 0, "malformed integer"),
        (b"05:a.txt", 0, "malformed string length"),
        (b"1_0:0123456789", 0, "malformed string length"),
        (b"5", 0, "malformed string length"),
        (b"9:a", 0, "string longer than the input"),
        (b"999999999999:", 0, "string longer than the input"),
        (b"99999999999999999999:", 0, "malformed string length"),
    ],
)
def test_malformed_input_is_refused_at_its_offset(raw, offset, what):
    with pytest.raises(BencodeError, match=what) as caught:
        bencode.decode(raw)
    assert caught.value.offset == offset


@pytest.mark.parametrize("opening", [b"l", b"d1:a", b"ld1:a"])
def test_a_million_nested_containers_are_refused_without_recursion(opening):
    with pytest.raises(BencodeError, match="nested deeper than 64"):
        bencode.decode(opening * 1_000_000)


def test_nesting_up_to_the_limit_is_read():
    limits = Limits(depth=3)
    assert bencode.decode(b"llleee", limits=limits) == [[[]]]
    with pytest.raises(BencodeError, match="nested deeper than 3"):
        bencode.decode(b"lllleeee", limits=limits)


def test_deep_values_are_written_without_recursion():
    value: bencode.Value = []
    for _ in range(100_000):
        value = [value]
    assert bencode.encode(value) == b"l" * 100_001 + b"e" * 100_001


def test_values_and_keys_count_against_the_limit():
    raw = b"d1:ai1e1:bi2ee"
    assert bencode.decode(raw, limits=Limits(tokens=5))
    with pytest.raises(BencodeError, match="more than 4 values"):
        bencode.decode(raw, limits=Limits(tokens=4))


def test_input_longer_than_the_limit_is_refused_unread():
    with pytest.raises(BencodeError, match="longer than 8 bytes"):
        bencode.decode(b"7:1234567", limits=Limits(length=8))


def test_the_lenient_reader_takes_unsorted_keys_and_keeps_their_order():
    value = bencode.decode(b"d1:bi1e1:ai2ee", strict=False)
    assert isinstance(value, dict)
    assert list(value) == [b"b", b"a"]


def test_spans_of_something_else_than_a_dictionary_are_refused():
    with pytest.raises(BencodeError, match="not a dictionary"):
        bencode.spans(b"le")


def test_text_is_written_as_utf8_and_file_names_keep_their_bytes():
    assert bencode.encode({"é": "caf\udce9"}) == b"d2:\xc3\xa94:caf\xe9e"


@pytest.mark.parametrize("value", [None, 1.5, {1: 2}, [object()], {3}])
def test_what_has_no_form_in_bencode_is_not_written(value):
    with pytest.raises(TypeError):
        bencode.encode(value)


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, {"a": 1, b"a": 2}])
def test_what_could_not_be_read_back_is_not_written(value):
    with pytest.raises(ValueError, match=r"64 bits|twice"):
        bencode.encode(value)
