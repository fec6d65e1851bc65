"""Tests of the bootstrap of a difference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.statistics import resampling
from harness.statistics.resampling import resample


def test_one_seed_equals_scipys_paired_bootstrap(world) -> None:
    """With one seed, interval and standard error equal those of scipy.stats.bootstrap."""
    drawn = world({"a": 0.95, "b": 0.93}, seed=0.1, image=0.5, noise=0.1).draw(1, 1500, np.random.default_rng(5))
    found = resample(drawn["a"], drawn["b"], [0])
    reference = stats.bootstrap(
        (drawn["a"][0].astype(float), drawn["b"][0].astype(float)),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        batch=1000,
        method="percentile",
        rng=np.random.default_rng(6),
    )
    interval = reference.confidence_interval
    assert found.interval(0.95) == pytest.approx((interval.low, interval.high), abs=1 / 1500)
    assert np.std(found.replicates) == pytest.approx(reference.standard_error, rel=0.03)
    assert found.variances.seeds is None


def test_equal_seeds_add_no_information(world) -> None:
    """Ten copies of one seed give the same interval as one."""
    (a, b) = world({"a": 0.95, "b": 0.94}, seed=0, image=0.5, noise=0).draw(1, 2000, np.random.default_rng(8)).values()
    one, ten = resample(a, b, [0]), resample(dict.fromkeys(range(10), a[0]), dict.fromkeys(range(10), b[0]), range(10))
    assert ten.difference == one.difference
    assert ten.interval(0.95) == pytest.approx(one.interval(0.95), abs=1 / 2000)


def test_interval_equals_students_if_images_do_not_vary() -> None:
    """If images are equal in expectation, the interval is Student's interval over the seeds."""
    generator = np.random.default_rng(9)
    errors = [400, 700, 500, 900, 650]
    a = {seed: np.ones(1_000_000, dtype=bool) for seed in range(5)}
    b = {seed: generator.permutation(1_000_000) >= 100 * wrong for seed, wrong in enumerate(errors)}
    found = resample(a, b, range(5), replicates=200_000)
    expected = stats.t.interval(0.95, 4, loc=np.mean(errors) / 1e4, scale=stats.sem(errors) / 1e4)
    assert found.interval(0.95) == pytest.approx(expected, rel=0.02)


def test_variances_equal_those_of_a_two_way_layout() -> None:
    """The variances equal the mean squares of a crossed random-effects layout."""
    generator = np.random.default_rng(10)
    s, n = 4, 300
    image, seed = generator.random(n), generator.random((s, 1))
    a = (0.6 * image + 0.3 * seed + 0.3 * generator.random((s, n))) < 0.9
    b = (0.6 * image + 0.3 * generator.random((s, n))) < 0.7
    d = a.astype(float) - b
    rows, columns = d.mean(axis=1, keepdims=True), d.mean(axis=0, keepdims=True)
    interaction = ((d - rows - columns + d.mean()) ** 2).sum() / ((s - 1) * (n - 1))
    found = resample(dict(enumerate(a)), dict(enumerate(b)), range(s)).variances
    assert found.seeds == pytest.approx(np.var(rows, ddof=1))
    assert found.images == pytest.approx((s * np.var(columns, ddof=1) - interaction) / (s * n))
    assert found.images > 0


def test_seeds_that_tie_by_chance_have_an_interval_of_positive_width() -> None:
    """Two seeds with the same difference, but on different images, leave it uncertain."""
    a = {0: np.array([False] + 9 * [True]), 1: np.array(9 * [True] + [False])}
    b = dict.fromkeys(range(2), np.ones(10, dtype=bool))
    found = resample(a, b, range(2))
    assert found.variances.seeds == pytest.approx(1 / 12 / 10**2)
    assert found.variances.images == pytest.approx(1 / 10**2)
    low, high = found.interval(0.95)
    assert low < -0.2
    assert high > 0


def test_an_interval_stays_between_minus_1_and_1() -> None:
    """The ends of the interval are clipped, because two accuracies differ by at most 1."""
    generator = np.random.default_rng(11)
    a = dict(enumerate(generator.random((2, 10)) < [[0.9], [0.2]]))
    b = dict.fromkeys(range(2), np.zeros(10, dtype=bool))
    assert resample(a, b, range(2)).interval(0.99) == (-1.0, 1.0)


def test_the_chunk_size_does_not_change_the_replicates(world, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicates do not depend on how many are drawn at the same time."""
    drawn = world({"a": 0.9, "b": 0.8}, seed=0.1, image=0.5, noise=0.5).draw(30, 500, np.random.default_rng(12))
    whole = resample(drawn["a"], drawn["b"], range(30), replicates=999).replicates
    monkeypatch.setattr(resampling, "_CHUNK", 2000)
    assert np.array_equal(resample(drawn["a"], drawn["b"], range(30), replicates=999).replicates, whole)
    assert len(whole) == 999


def test_at_least_one_seed_is_needed() -> None:
    """Resampling without seeds is an error."""
    with pytest.raises(ValueError, match="at least one seed"):
        resample({}, {}, [])
