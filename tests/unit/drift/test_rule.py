"""The verdict on columns and windows: significance and effect, and everything that is no ordinary column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

from tests.unit.drift.making import STATISTICS, judge, verdicts, window
from workbench import config
from workbench.drift import rule
from workbench.drift.report import Settings
from workbench.drift.rule import benjamini_hochberg, weigh

ROWS = 2000


def normal(seed: int, rows: int = ROWS, shift: float = 0.0):
    return np.random.default_rng(seed).normal(size=rows) + shift


def names(seed: int, rows: int = ROWS, levels: int = 4):
    return [f"c{code}" for code in np.random.default_rng(seed).integers(0, levels, rows)]


def column(found, name="x"):
    return found.column(name)


def test_benjamini_hochberg_equals_scipy():
    random = np.random.default_rng(0)
    for size in (1, 2, 30):
        ps = random.random(size) ** 3
        assert benjamini_hochberg(list(ps)) == pytest.approx(stats.false_discovery_control(ps), abs=1e-12)
    assert benjamini_hochberg([]) == []


# --- drift, and none


def test_the_same_distribution_is_ok_and_says_that_it_is_chance():
    found = judge({"x": normal(1), "c": names(1)}, {"x": normal(2), "c": names(2)})
    assert verdicts(found) == {"x": "ok", "c": "ok"}
    assert found.verdict == "ok"
    assert "chance" in column(found).why


def test_a_shift_is_drift_and_the_reason_has_value_chance_and_threshold():
    found = judge({"x": normal(1)}, {"x": normal(2, shift=0.5)})
    assert (found.verdict, column(found).verdict) == ("drift", "drift")
    assert column(found).why.startswith("KS 0.")
    assert "by chance" in column(found).why and "≥ 0.1" in column(found).why


def test_many_rows_do_not_make_a_tiny_change_drift():
    found = judge({"x": normal(1, 200_000)}, {"x": normal(2, 200_000, shift=0.05)})
    assert column(found).verdict == "ok"
    assert column(found).p < 1e-6
    assert "< 0.05" in column(found).why


def test_few_rows_do_not_make_chance_drift():
    found = judge({"x": normal(1)}, {"x": normal(3, 60)})
    assert column(found).verdict == "ok"


@pytest.mark.parametrize("rows", [3, 29])
def test_too_few_rows_are_insufficient(rows):
    found = judge({"x": normal(1)}, {"x": normal(1, rows)})
    assert (found.verdict, column(found).verdict) == ("insufficient", "insufficient")
    assert f"Only {rows} rows" in column(found).why


def test_thresholds_are_those_of_the_settings():
    sides = {"x": normal(1)}, {"x": normal(2, shift=0.3)}
    assert column(judge(*sides)).verdict == "drift"
    assert column(judge(*sides, Settings(drift=0.5))).verdict == "warn"
    assert column(judge(*sides, Settings(warn=0.5, drift=0.5))).verdict == "ok"


# --- what is missing, not finite, unseen, out of range


def masked(values, share, seed=9):
    return pa.array(values, mask=np.random.default_rng(seed).random(len(values)) < share)


def test_more_missing_values_are_drift_though_the_others_are_as_before():
    found = judge({"x": masked(normal(1), 0.05)}, {"x": masked(normal(2), 0.3)})
    assert column(found).verdict == "drift"
    assert column(found).why.startswith("missing 0.2")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_counted_apart(value):
    odd = normal(2)
    odd[:400] = value
    found = judge({"x": normal(1)}, {"x": odd})
    assert column(found).verdict == "drift"
    assert column(found).why.startswith("infinite" if np.isinf(value) else "NaN")


def test_a_column_without_a_value_is_empty():
    found = judge({"x": normal(1)}, {"x": pa.nulls(ROWS, pa.float64())})
    assert (column(found).verdict, found.verdict) == ("empty", "drift")


def test_a_column_of_infinities_only_is_empty_and_says_what_it_holds():
    odd = np.full(ROWS, np.inf)
    assert column(judge({"x": normal(1)}, {"x": odd})).why == "None of 2,000 rows has a finite value: 2,000 infinite."
    odd[:500] = np.nan
    found = judge({"x": normal(1)}, {"x": odd})
    assert column(found).why == "None of 2,000 rows has a finite value: 1,500 infinite, 500 NaN."


def test_a_column_that_never_had_a_value_is_ok():
    found = judge({"x": pa.nulls(ROWS)}, {"x": pa.nulls(ROWS)})
    assert (column(found).verdict, found.verdict) == ("ok", "ok")


def test_few_values_left_are_insufficient_unless_their_lack_is_the_drift():
    few = judge({"x": masked(normal(1), 0.99)}, {"x": masked(normal(2), 0.99)})
    assert column(few).verdict == "insufficient"
    gone = judge({"x": normal(1)}, {"x": masked(normal(2), 0.99)})
    assert column(gone).verdict == "drift"


def test_columns_that_came_and_went_are_new_and_missing():
    found = judge({"x": normal(1), "old": normal(2)}, {"x": normal(3), "fresh": normal(4)})
    assert verdicts(found) == {"x": "ok", "old": "missing", "fresh": "new"}
    assert found.verdict == "drift"


def test_labels_that_are_not_there_yet_and_predictions_in_no_reference_are_no_drift():
    found = judge({"x": normal(1), "y": normal(2)}, {"x": normal(3), "p": normal(4)}, target="y", prediction="p")
    assert verdicts(found) == {"x": "ok", "y": "insufficient", "p": "insufficient"}
    assert found.verdict == "ok"


def test_a_new_category_is_seen_by_200_rows_against_many():
    current = ["brand new" if at % 7 == 0 else name for at, name in enumerate(names(2, 200))]
    found = judge({"c": names(1, 20_000)}, {"c": current})
    assert column(found, "c").verdict == "drift"
    assert any(one.name == "unseen" and one.statistic.value > 0.1 for one in column(found, "c").judged)


def test_a_long_tail_of_rare_categories_is_no_drift():
    def tail(seed):
        return [f"v{code}" for code in np.minimum(np.random.default_rng(seed).zipf(1.7, 500), 10_000)]

    flagged = [judge({"c": tail(seed)}, {"c": tail(seed + 100)}).verdict for seed in range(20)]
    assert flagged.count("ok") >= 19


@pytest.mark.parametrize(("before", "after"), [(3000, 3000), (300, 5000), (5000, 300), (1000, 4000)])
def test_values_that_are_too_many_to_be_counted_on_one_side_are_no_drift(before, after):
    def tail(seed, rows):
        return [f"v{code}" for code in np.minimum(np.random.default_rng(seed).zipf(1.6, rows), 10_000)]

    found = [judge({"c": tail(seed, before)}, {"c": tail(seed + 100, after)}).verdict for seed in range(8)]
    assert found == ["ok"] * 8


def test_values_out_of_the_range_of_the_reference_are_told_with_their_probability():
    few = np.clip(normal(2, 180), -2, 2)
    found = judge({"x": normal(1)}, {"x": np.append(few, [50.0, 60.0, -40.0])})
    outside = next(one.statistic for one in column(found).judged if one.name == "outside")
    assert (outside.note, outside.value) == ("1 below, 2 above", pytest.approx(3 / 183))
    n, m = ROWS, 183
    assert outside.p == pytest.approx(2 * m * (m - 1) / ((n + m) * (n + m - 1)))
    assert column(found).verdict == "ok"  # three of 183 are no drift


def test_quantiles_tell_values_out_of_range_only_about():
    rows = 6000
    one, other = normal(1), np.append(normal(2, rows), [50.0])
    found = judge({"x": one}, {"x": other})
    outside = next(one.statistic for one in column(found).judged if one.name == "outside")
    assert outside.p is None
    assert outside.note.endswith("above") and "about" in outside.note
    assert abs(outside.value - ((other < one.min()) | (other > one.max())).mean()) <= 2 * outside.error


def statistic(found, name):
    return next(one.statistic for one in column(found).judged if one.name == name)


def test_the_distances_of_a_few_thousand_numbers_are_exact_with_an_outlier_too():
    for rows, outlier in ((1000, 1e12), (1000, 0.5), (4000, 0.5)):
        one, other = normal(1, rows), np.append(normal(2, rows - 1), [outlier])
        found = judge({"x": one}, {"x": other})
        distance = statistic(found, "Wasserstein")
        assert distance.value == pytest.approx(stats.wasserstein_distance(one, other), rel=1e-9)
        assert statistic(found, "KS").value == pytest.approx(stats.ks_2samp(one, other).statistic, abs=1e-12)
        assert distance.error == statistic(found, "KS").error == 0


@pytest.mark.parametrize("outlier", [0.5, 1e12])
def test_the_distance_of_many_numbers_is_right_within_its_stated_error(outlier):
    one, other = normal(1, 9000), np.append(normal(2, 8999), [outlier])
    distance = statistic(judge({"x": one}, {"x": other}), "Wasserstein")
    assert 0 < abs(distance.value - stats.wasserstein_distance(one, other)) <= distance.error


# --- kinds of columns


def test_a_type_that_changed_but_not_the_values_is_no_drift():
    codes = np.random.default_rng(0).integers(0, 4, ROWS)
    texts = [str(code) for code in codes]
    floats = codes.astype(float)
    for one, other in (
        (codes, texts),
        (texts, codes),
        (floats, texts),
        (codes, floats),
        (codes < 1, (codes < 1).astype(int)),
    ):
        assert column(judge({"x": one}, {"x": other})).verdict == "ok"


def test_numbers_that_became_words_are_drift():
    found = judge({"x": normal(1)}, {"x": [f"{value:.3f} kg" for value in normal(2)]})
    assert column(found).verdict == "drift"
    assert "was number, is text" in column(found).why


def test_float32_against_float64_is_no_drift():
    values = np.round(normal(1), 1)
    assert column(judge({"x": values}, {"x": values.astype(np.float32)})).verdict == "ok"
    assert column(judge({"x": values.astype(np.float32)}, {"x": values})).effect == 0


def test_numbers_of_few_levels_are_compared_as_categories_whatever_the_window_has():
    found = judge({"x": np.tile([0, 1, 2, 3], 500)}, {"x": np.tile([0, 3], 1000)})
    assert column(found).verdict == "drift"
    assert column(found).why.startswith("TV 0.5")


def test_a_constant_stays_ok_and_another_constant_is_drift():
    assert column(judge({"x": np.full(100, 7.0)}, {"x": np.full(90, 7.0)})).verdict == "ok"
    assert column(judge({"x": np.full(100, 7.0)}, {"x": np.full(90, 8.0)})).verdict == "drift"


def test_huge_numbers_and_one_outlier_neither_hide_nor_make_drift():
    huge = judge({"x": np.clip(normal(1), -1.7, 1.7) * 1e308}, {"x": np.clip(normal(2), -1.7, 1.7) * 1e308})
    assert column(huge).verdict == "ok"
    outlier = judge({"x": normal(1)}, {"x": np.append(normal(2, shift=1), 1e308)})
    assert column(outlier).verdict == "drift"
    blinded = judge({"x": np.append(normal(1), 1e308)}, {"x": normal(2, shift=1)})
    assert column(blinded).verdict == "drift"


def test_ids_are_judged_by_how_many_are_new():
    fresh = judge({"id": np.arange(ROWS)}, {"id": np.arange(ROWS, 2 * ROWS)}, ids=("id",))
    assert column(fresh, "id").verdict == "ok"
    repeated = judge({"id": np.arange(ROWS)}, {"id": np.arange(ROWS)}, ids=("id",))
    assert column(repeated, "id").verdict == "ok"  # as a part of the reference would
    assert "0% new values, 100% expected" in column(repeated, "id").why
    users = np.arange(ROWS) % 200
    others = judge({"id": users}, {"id": users + 100}, ids=("id",))
    assert column(others, "id").verdict == "drift"
    assert "50% new values, 0% expected" in column(others, "id").why


def texts(seed, rows=ROWS, shape="{:05d}"):
    return [shape.format(code) for code in np.random.default_rng(seed).integers(0, 3000, rows)]


def test_texts_of_many_values_are_judged_by_length_signs_and_new_values():
    assert column(judge({"t": texts(1, 9000)}, {"t": texts(2)}), "t").verdict == "ok"
    longer = judge({"t": texts(1)}, {"t": texts(2, shape="{:05d} and more")})
    assert column(longer, "t").verdict == "drift"
    same_length = judge({"t": texts(1)}, {"t": texts(2, shape="A{:04d}")})
    assert column(same_length, "t").verdict == "drift"


ENGLISH = "the flight was late and the crew said nothing about when we would leave".split()
GERMAN = "der flug kam erst spat und von der crew war nicht zu horen wann es geht".split()


def sentences(seed, words, rows=ROWS):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(words, 8)) for _ in range(rows)]


def test_other_words_of_the_same_length_are_drift_and_new_sentences_of_the_same_words_are_not():
    assert column(judge({"t": sentences(1, ENGLISH)}, {"t": sentences(2, ENGLISH, 700)}), "t").verdict == "ok"
    found = column(judge({"t": sentences(1, ENGLISH)}, {"t": sentences(2, GERMAN, 700)}), "t")
    assert found.verdict == "drift"
    assert next(one.statistic.effect for one in found.judged if one.name == "word TV") > 0.8


def test_a_value_that_fills_a_text_column_is_drift():
    filled = ["N/A00" if at % 3 == 0 else text for at, text in enumerate(texts(2))]
    assert column(judge({"t": texts(1)}, {"t": filled}), "t").verdict == "drift"


def moments(days, start=datetime(2025, 1, 1, tzinfo=UTC), hours=24):
    return pa.array([start + timedelta(hours=at * 24 / hours) for at in range(days * hours)])


def test_time_that_moves_on_is_no_drift_but_other_weekdays_and_hours_are():
    year = moments(364)
    later = moments(56, datetime(2026, 1, 7, tzinfo=UTC))
    assert column(judge({"t": year}, {"t": later}), "t").verdict == "ok"
    weekdays = pa.array([moment for moment in later.to_pylist() if moment.weekday() < 5])
    assert column(judge({"t": year}, {"t": weekdays}), "t").why.startswith("weekday TV")
    days = pa.array([moment for moment in later.to_pylist() if moment.hour < 12])
    assert column(judge({"t": year}, {"t": days}), "t").why.startswith("hour TV")


def test_a_window_of_one_day_is_not_blamed_for_having_one_weekday():
    assert (
        column(judge({"t": moments(364)}, {"t": moments(1, datetime(2026, 1, 7, tzinfo=UTC), 200)}), "t").verdict
        == "ok"
    )


def test_times_too_short_for_weekdays_and_hours_say_so_instead_of_a_unit():
    day = column(judge({"t": moments(1, hours=200)}, {"t": moments(364)}), "t")
    assert day.verdict == "ok"
    assert day.why == "Time itself is not judged; on both sides weekdays need 14 days, hours need 2 days."
    dates = pa.array([one.date() for one in moments(10).to_pylist()], pa.date32())
    found = column(judge({"t": dates}, {"t": dates}), "t")
    assert found.why == "Time itself is not judged; on both sides weekdays need 14 days."
    week = column(judge({"t": moments(7)}, {"t": moments(7)}), "t")
    assert week.why.startswith("hour TV") and all(one.name != "time" for one in week.judged)


def test_zones_do_not_matter_only_moments_do():
    utc = pd.date_range("2025-01-01", periods=24 * 60, freq="h", tz="UTC")
    sides = {"t": pa.array(utc)}, {"t": pa.array(utc.tz_convert("Asia/Tokyo"))}
    assert column(judge(*sides), "t").effect == 0


CODES = np.random.default_rng(4).integers(0, 4, ROWS)


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(CODES),
        pd.Series(CODES, dtype="float64"),
        pd.Series(CODES, dtype="float32"),
        pd.Series(CODES, dtype="Int64"),
        pd.Series(CODES, dtype="int8"),
        pd.Series(CODES, dtype="int64[pyarrow]"),
        pd.Series(CODES.astype(str), dtype="object"),
        pd.Series(CODES.astype(str), dtype="string"),
        pd.Series(CODES.astype(str)).astype("category"),
        pd.Series(CODES).astype("category"),
        pd.Series(CODES.astype(str), dtype="string[pyarrow]"),
    ],
    ids=lambda series: str(series.dtype),
)
def test_every_type_of_pandas_has_the_same_values(series):
    array = pa.array(series, from_pandas=True)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    assert column(judge({"x": CODES}, {"x": array})).verdict == "ok"
    assert column(judge({"x": array}, {"x": np.minimum(CODES, 1)})).verdict == "drift"


# --- the window


def test_importance_decides_which_columns_matter():
    sides = {"x": normal(1), "y": normal(2)}, {"x": normal(3), "y": normal(4, shift=1)}
    assert judge(*sides, importance={"x": 1, "y": 9}).verdict == "drift"
    little = judge(*sides, importance={"x": 9, "y": 1})
    assert (little.verdict, column(little, "y").verdict, column(little, "y").matters) == ("warn", "drift", False)
    assert [one.name for one in little.columns] == ["x", "y"]


def test_columns_of_no_known_importance_do_not_matter_but_target_and_prediction_do():
    weights, mattering = weigh(["a", "b", "c"], {"a": 3, "b": 1})
    assert weights == {"a": 0.75, "b": 0.25, "c": 0.0}
    assert mattering == {"a", "b"}
    found = judge(
        {"x": normal(1), "y": normal(2)}, {"x": normal(3), "y": normal(4, shift=1)}, importance={"x": 1}, target="y"
    )
    assert (found.verdict, column(found, "y").role) == ("drift", "target")


def test_ignored_columns_are_left_out_and_the_axis_is_not_judged():
    found = judge(
        {"x": normal(1), "y": normal(2)}, {"x": normal(3, shift=3), "y": normal(4, shift=3)}, ignored=("x",), axis="y"
    )
    assert verdicts(found) == {"y": "ok"}


def test_columns_come_by_severity():
    found = judge(
        {"a": normal(1), "b": normal(2), "c": normal(3)},
        {"a": normal(4), "b": normal(5, shift=2), "c": normal(6, shift=0.5)},
    )
    assert [one.name for one in found.columns] == ["b", "c", "a"]
    assert found.effect == column(found, "b").effect


def test_one_statistic_that_fails_is_a_note_and_keeps_none_of_the_others():
    def broken(one, other):
        raise ZeroDivisionError("by zero")

    functions = {"number": {"broken": broken, **rule_statistics()["number"]}, "category": {}}
    sides = window({"x": normal(1)}), window({"x": normal(2, shift=1)})
    found = rule.judge(*sides, Settings(), functions, rule.Roles())
    assert column(found).verdict == "drift"
    assert column(found).judged[0].statistic.note == "ZeroDivisionError: by zero"


def rule_statistics():
    return STATISTICS


def test_false_alarms_on_the_same_distribution_are_rare():
    random = np.random.default_rng(21)
    reference = window({f"x{at}": random.normal(size=5000) for at in range(20)})
    flagged = sum(
        judge(reference, {f"x{at}": random.normal(size=100) for at in range(20)}).verdict == "drift" for _ in range(60)
    )
    assert flagged <= 3


def test_a_check_without_configuration_is_as_strict_as_one_with_an_empty_one():
    assert config.Drift()._asdict().items() >= vars(Settings()).items()
