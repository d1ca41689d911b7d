"""Windows go round between those who fill them and those who hash them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from outpour.making.elsewhere.window import Stretch, Window
from outpour.making.elsewhere.window_pool import PoolEndedError, WindowPool

ROOM = 1000
DEADLINE_S = 60


def stretch(number: int) -> Stretch:
    return Stretch(((0, number * ROOM, ROOM),))


def filled(pool: WindowPool, number: int) -> Window:
    window = pool.take(number, stretch(number))
    with window.view(0) as view:
        view[:] = bytes([number]) * ROOM
    pool.fill(window)
    return window


def numbers(windows: list[Window]) -> list[int]:
    return [window.number for window in windows]


def test_what_is_filled_is_handed_on_in_batches_in_the_order_of_the_torrent():
    pool = WindowPool(ROOM, count=8, batch=3)
    with ThreadPoolExecutor(1) as hasher:
        batch = hasher.submit(pool.batch)
        for number in (4, 2):
            filled(pool, number)
        assert not batch.done()
        filled(pool, 0)
        windows = batch.result(DEADLINE_S)
        assert numbers(windows) == [0, 2, 4]
        for window in windows:
            with window.view(0) as view:
                assert view.tobytes() == bytes([window.number]) * ROOM


def test_what_is_left_at_the_end_is_a_batch_too():
    pool = WindowPool(ROOM, count=8, batch=3)
    filled(pool, 1)
    pool.finish()
    assert numbers(pool.batch()) == [1]
    assert pool.batch() == []


def test_nobody_waits_for_a_batch_that_there_is_no_memory_for():
    pool = WindowPool(ROOM, count=2, batch=3)
    with ThreadPoolExecutor(2) as threads:
        batch = threads.submit(pool.batch)
        filled(pool, 0)
        filled(pool, 1)
        more = threads.submit(filled, pool, 2)
        windows = batch.result(DEADLINE_S)
        assert numbers(windows) == [0, 1]
        pool.give_back(windows)
        assert more.result(DEADLINE_S).number == 2


def test_a_window_of_two_users_is_filled_anew_once_both_have_given_it_back():
    pool = WindowPool(ROOM, count=1, batch=1, users=2)
    filled(pool, 0)
    with ThreadPoolExecutor(1) as reader:
        more = reader.submit(pool.take, 1, stretch(1))
        pool.give_back(pool.batch())
        summed = pool.numbered(0)
        assert summed is not None
        assert not more.done()
        pool.give_back([summed])
        assert more.result(DEADLINE_S).number == 1


def test_who_waits_is_let_go_at_the_end():
    pool = WindowPool(ROOM, count=1, batch=2, users=2)
    window = pool.take(0, stretch(0))
    with ThreadPoolExecutor(3) as threads:
        reader = threads.submit(pool.take, 1, stretch(1))
        hasher = threads.submit(pool.batch)
        summer = threads.submit(pool.numbered, 0)
        pool.end()
        with pytest.raises(PoolEndedError):
            reader.result(DEADLINE_S)
        assert hasher.result(DEADLINE_S) == []
        assert summer.result(DEADLINE_S) is None
    assert window.number == 0
