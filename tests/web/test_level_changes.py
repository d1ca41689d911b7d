"""Where refusals changed: found in numbers that scatter, and told in words."""

from __future__ import annotations

import random

import pytest

from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.level_changes import LEVELS_MAX, levels
from outpour.web.admin.refusal_story import EPISODES_MAX, tell_story

NOON = 1_795_003_200


def scattered(*parts: tuple[int, float], seed: int = 1) -> list[float]:
    """So many numbers around each of these means, as counts of chance scatter."""
    chance = random.Random(seed)
    return [max(0.0, chance.gauss(mean, mean**0.5)) for count, mean in parts for _ in range(count)]


def minutes(*series: tuple[str, list[float]], began: int = NOON) -> list[Moment]:
    found = []
    for at in range(len(series[0][1])):
        counts = {f"refused_{name}": values[at] for name, values in series if values[at]}
        found.append(Moment(began + 60 * at, 60.0, counts, {}, {}))
    return found


def edges(counts: list[float]) -> list[int]:
    return [level.first for level in levels(counts)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(1440, 0)], [0]),
        ([(1440, 200)], [0]),
        ([(700, 40), (740, 1240)], [0, 700]),
        ([(700, 200), (740, 350)], [0, 700]),
        ([(1438, 40), (2, 1240)], [0, 1438]),
        ([(600, 0), (30, 12), (810, 0)], [0, 600, 630]),
        ([(300, 3000), (300, 10), (300, 3000)], [0, 300, 600]),
    ],
)
def test_levels_begin_where_they_do(parts: list[tuple[int, float]], expected: list[int], seed: int):
    assert edges(scattered(*parts, seed=seed)) == expected


def test_numbers_without_a_level_make_no_endless_list():
    chance = random.Random(1)
    wild = [chance.choice([0, 10_000]) for _ in range(2000)]
    assert len(levels(wild)) <= LEVELS_MAX + 1
    assert levels([]) == []
    assert edges([5]) == [0]


def test_a_change_is_told_with_its_minute_its_number_and_its_reason():
    quiet, loud = scattered((60, 0.2), (90, 0.2)), scattered((60, 0), (90, 1216))
    story = tell_story(minutes(("torrent", loud), ("rate", scattered((150, 24))), ("key", quiet)))
    assert story.present is not None
    assert story.present.began == NOON + 60 * 60
    assert story.present.ended is None
    assert story.present.per_minute == pytest.approx(1240, rel=0.02)
    assert story.present.before == pytest.approx(24, rel=0.2)
    assert story.present.main is not None
    assert story.present.main.reason.key == "torrent"
    assert story.present.main.percent == pytest.approx(98, abs=0.5)
    assert not story.present.has_changed
    assert story.past == story.hidden == ()


def test_what_became_less_goes_on_since_it_began():
    story = tell_story(minutes(("torrent", scattered((60, 10), (60, 2000), (60, 300)))))
    assert story.present is not None
    assert story.present.began == NOON + 3600
    assert story.present.has_changed
    assert story.present.lately == pytest.approx(300, rel=0.05)
    assert story.past == ()


def test_a_reason_that_the_sum_hides_is_told_by_itself():
    story = tell_story(
        minutes(("rate", scattered((120, 10_000))), ("torrent", scattered((100, 0), (20, 400))))
    )
    assert story.present is not None
    assert story.present.before is None
    (hidden,) = story.hidden
    assert hidden.only is not None
    assert hidden.only.key == "torrent"
    assert hidden.began == NOON + 6000
    assert hidden.per_minute == pytest.approx(400, rel=0.05)


def test_what_is_over_is_told_the_latest_first_and_not_endlessly():
    counts = [part for at in range(9) for part in ((30, 2.0), (10, 500.0 + at))]
    story = tell_story(minutes(("full", scattered(*counts, (60, 0.0)))))
    assert story.present is None
    assert len(story.past) == EPISODES_MAX
    assert story.past[0].began == NOON + (8 * 40 + 30) * 60
    assert story.past[0].ended == NOON + 9 * 40 * 60
    assert story.past[0].began > story.past[1].began


def test_nothing_known_and_nothing_refused_are_told_apart():
    assert tell_story([]).began is None
    story = tell_story(minutes(("torrent", [0.0] * 10)))
    assert story.began == NOON
    assert story.present is None
    # A minute of which hardly anything was seen says nothing of a rate.
    assert tell_story([Moment(NOON, 0.01, {"refused_torrent": 1.0}, {}, {})]).present is None


def test_a_last_few_refusals_of_what_is_over_are_not_what_goes_on():
    story = tell_story(minutes(("torrent", [0.0] * 10 + [40.0] * 4 + [11.0] + [0.0] * 5)))
    assert story.present is None
    (past,) = story.past
    assert past.began == NOON + 600
