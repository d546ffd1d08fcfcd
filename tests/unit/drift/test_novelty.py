"""New values: the law of their rows is that of all ways to deal the rows out, and chance alone is rarely drift."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.drift.making import judge
from workbench.drift.novelty import at_least, dealt, moments


def new_rows(window, counts):
    held = Counter(window)
    return sum(count for value, count in enumerate(counts) if held[value] == count)


def every_deal(counts, drawn):
    rows = [value for value, count in enumerate(counts) for _ in range(count)]
    found = [
        new_rows([rows[at] for at in chosen], counts) for chosen in itertools.combinations(range(len(rows)), drawn)
    ]
    return np.asarray(found)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(1, 11))
def test_mean_and_variance_equal_those_of_all_deals(counts, drawn):
    drawn = min(drawn, sum(counts) - 1) or 1
    seen = sum(counts) - drawn
    if seen < 1 or sum(counts) > 12:
        return
    found = every_deal(counts, drawn)
    mean, variance = moments(dealt(counts, seen, drawn), seen, drawn)
    assert mean == pytest.approx(found.mean(), abs=1e-9)
    assert variance == pytest.approx(found.var(), abs=1e-9)


def sides(one, other):
    before, after = Counter(one.tolist()), Counter(other.tolist())
    fresh = sum(count for value, count in after.items() if value not in before)
    return at_least(fresh, (before + after).values(), len(one), len(other))


def zipf(random, rows):
    weights = 1 / np.arange(1, 20_001) ** 1.1
    return random.choice(20_000, rows, p=weights / weights.sum())


SAME = {
    **{
        f"{kinds} users, {n} and {m} rows": (lambda random, rows, kinds=kinds: random.integers(0, kinds, rows), n, m)
        for kinds in (50, 300, 1000, 5000)
        for n, m in ((500, 500), (1000, 100), (100, 1000), (50, 2000))
    },
    "times of day": (lambda random, rows: random.integers(0, 1440, rows), 2000, 2000),
    "ids, some of them twice": (lambda random, rows: random.integers(0, 100_000, rows), 1000, 1000),
    "ids": (lambda random, rows: random.choice(10**7, rows, replace=False), 900, 900),
    "words": (zipf, 1000, 1000),
    "many words against few": (zipf, 2000, 300),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_distribution_has_a_small_p_as_rarely_as_it_says(name):
    make, n, m = SAME[name]
    random = np.random.default_rng(7)
    found = np.asarray([sides(make(random, n), make(random, m)) for _ in range(300)])
    assert (found <= 0.01).mean() <= 0.01 + 4 * (0.01 * 0.99 / 300) ** 0.5
    assert (found <= 0.1).mean() <= 0.1 + 4 * (0.1 * 0.9 / 300) ** 0.5


@pytest.mark.parametrize(("kinds", "n", "m"), [(300, 400, 400), (200, 1500, 60), (600, 100, 800), (60, 200, 200)])
def test_p_is_near_that_of_many_deals_and_seldom_less(kinds, n, m):
    random = np.random.default_rng(3)
    counts = np.unique(random.integers(0, kinds, n + m), return_counts=True)[1]
    drawn = random.multivariate_hypergeometric(counts, m, size=5000)
    found = ((drawn == counts) * counts).sum(axis=1)
    for share in (0.5, 0.9, 0.99):
        fresh = int(np.quantile(found, share)) + 1
        true = (found >= fresh).mean()
        assert 0.7 * true - 0.001 <= at_least(fresh, counts.tolist(), n, m) <= 2 * true + 0.05


def test_a_value_of_very_many_rows_is_new_by_its_own_chance():
    assert at_least(900_000, [900_000, *[1000] * 900], 30, 1_799_970) < 0.01
    assert at_least(50_000, [50_000, 40], 50_020, 20) == pytest.approx(0.0, abs=1e-12)


def test_no_new_value_has_probability_one():
    assert at_least(0, [3, 4], 3, 4) == 1
    assert at_least(0, [2], 1, 1) == 1


def test_rows_that_are_all_different_cannot_be_otherwise():
    assert at_least(500, [1] * 1000, 500, 500) == 1
    assert at_least(20, [1] * 1000, 980, 20) > 0.1


def users(random, share, rows=1000):
    known, new = random.integers(0, 300, rows), random.integers(300, 330, rows)
    return [f"user {one}" for one in np.where(random.random(rows) < share, new, known)]


def test_one_row_in_six_of_new_users_drifts_and_the_same_users_do_not():
    random = np.random.default_rng(11)
    reference = {"user": users(random, 0)}
    same, changed = (judge(reference, {"user": users(random, share)}, ids=("user",)) for share in (0, 1 / 6))
    assert [one.verdict for one in (same.columns[0], changed.columns[0])] == ["ok", "drift"]


def test_one_row_in_ten_of_new_users_is_significant():
    random = np.random.default_rng(12)
    found = [judge({"user": users(random, 0)}, {"user": users(random, 0.1)}, ids=("user",)) for _ in range(10)]
    ps = [one.statistic.p for window in found for one in window.columns[0].judged if one.name == "novelty"]
    assert len(ps) == 10 and max(ps) < 0.01
