"""Whether a classifier can tell a window from the reference: drift of all columns together.

It sees what no single column shows, such as two columns that are no longer correlated. It needs rows of both sides, of
which it takes a sample of at most ROWS each; scikit-learn is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from workbench.data.profile import Kind
from workbench.drift.measure import By, Windows
from workbench.drift.report import Domain

if TYPE_CHECKING:
    from workbench.drift.distribution import Floats

ROWS = 1000
FOLDS = 3
PERMUTATIONS = 99
_LEAST = 30
_CODES = 30
_SHOWN = 5


class RowSample:
    """A uniform sample of the rows of a window, the same one each time."""

    def __init__(self, seed: int = 0) -> None:
        import numpy as np

        self._random = np.random.default_rng(seed)
        self._keys: Any = np.zeros(0)
        self._rows: Any = None

    def add(self, batch: Any, _pool: Any = None) -> None:
        """Take the next rows, an Arrow record batch."""
        import numpy as np
        import pyarrow as pa

        keys = self._random.random(batch.num_rows)
        near = np.flatnonzero(keys < self._keys.max()) if len(self._keys) == ROWS else np.arange(len(keys))
        near = near[np.argsort(keys[near], kind="stable")[:ROWS]]
        part = pa.Table.from_batches([batch]).take(near)
        joined = part if self._rows is None else pa.concat_tables([self._rows, part])
        keys = np.concatenate([self._keys, keys[near]])
        kept = np.argsort(keys, kind="stable")[:ROWS]
        self._keys, self._rows = keys[kept], joined.take(kept)

    @property
    def rows(self) -> Any:
        """The sample, an Arrow table."""
        return self._rows

    def join(self, other: RowSample) -> None:
        """Take the rows of another sample of the same window, so that both are one uniform sample."""
        import numpy as np
        import pyarrow as pa

        keys = np.concatenate([self._keys, other._keys])
        rows = pa.concat_tables([self._rows, other._rows], promote_options="permissive")
        kept = np.argsort(keys, kind="stable")[:ROWS]
        self._keys, self._rows = keys[kept], rows.take(kept)


class Samples(Windows):
    """A sample of the rows of each window of a table."""

    def __init__(self, columns: Sequence[tuple[str, str, Kind]], by: By, time: str, seed: int = 0) -> None:
        super().__init__(columns, by, time)
        self._seed = seed

    def _new(self) -> Any:
        return RowSample(self._seed)

    def by_label(self) -> dict[str, RowSample]:
        """Return the samples by the labels of their windows, "" where the table is not cut."""
        self._pool.shutdown()
        return {self.describe(key)[0]: measure for key, measure in sorted(self._measures.items())}


def domain(
    reference: Any, current: Any, left_out: Collection[str], *, permutations: int = PERMUTATIONS, seed: int = 0
) -> Domain | None:
    """Return how well rows of two Arrow tables are told apart, over the columns that both have but `left_out`.

    The area under the ROC curve is that of predictions for rows that were not learned from (boosted trees, 3 folds); p
    from as many refits with permuted labels. None where a side has under 30 rows, or no column is left.
    """
    import numpy as np
    import sklearn.ensemble  # noqa: F401 - the limit below holds only for what is loaded
    from threadpoolctl import threadpool_limits

    names = [name for name in reference.column_names if name in current.column_names and name not in left_out]
    if min(len(reference), len(current)) < _LEAST:
        return None
    columns = {name: values for name in names if (values := _encoded(reference[name], current[name])) is not None}
    if not columns:
        return None
    table = np.column_stack(list(columns.values()))
    labels = np.repeat([0, 1], [len(reference), len(current)])
    random = np.random.default_rng(seed)
    with threadpool_limits(1, "openmp"):  # the fits are so small that sharing one costs more than it brings
        auc, used = _out_of_fold(table, labels, seed, explain=True)
        reached = sum(_out_of_fold(table, random.permutation(labels), seed)[0] >= auc for _ in range(permutations))
    order = sorted(zip(used, columns, strict=True), key=lambda pair: -pair[0])
    shown = tuple(name for gain, name in order[:_SHOWN] if gain > 0)
    return Domain(auc, (reached + 1) / (permutations + 1), permutations, len(labels), shown)


def _encoded(one: Any, other: Any) -> Floats | None:
    """Return a column of both tables as numbers: texts by how frequent they are, the rare ones as one; no times."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    types = one.type, other.type
    if any(pa.types.is_temporal(type_) or pa.types.is_null(type_) for type_ in types):
        return None
    if any(pa.types.is_string(type_) for type_ in types):
        texts = pc.cast(one, pa.string()).to_pylist() + pc.cast(other, pa.string()).to_pylist()
        counts = dict.fromkeys(texts, 0)
        for text in texts:
            counts[text] += 1
        ranked = sorted((text for text in counts if text is not None), key=lambda text: (-counts[text], text))
        codes = {text: min(place, _CODES) for place, text in enumerate(ranked)}
        return np.asarray([codes.get(text, np.nan) for text in texts], dtype=np.float64)
    sides = [pc.cast(side, pa.float64(), safe=False).to_numpy() for side in (one, other)]
    values: Floats = np.concatenate(sides)
    return np.where(np.isfinite(values), values, np.nan)


def _out_of_fold(table: Any, labels: Any, seed: int, *, explain: bool = False) -> tuple[float, list[float]]:
    """Return the AUC of out-of-fold predictions, and what shuffling each column takes from that of the last fold."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    scores = np.zeros(len(labels))
    losses: list[float] = []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(table, labels):
        model = HistGradientBoostingClassifier(
            max_iter=20, learning_rate=0.2, max_depth=3, max_bins=32, early_stopping=False, random_state=seed
        )
        model.fit(table[train], labels[train])
        scores[test] = model.predict_proba(table[test])[:, 1]
        if explain:
            losses = _losses(lambda rows: model.predict_proba(rows)[:, 1], table[test], labels[test], seed)  # noqa: B023
    return float(roc_auc_score(labels, scores)), losses


def _losses(predict: Callable[[Any], Any], table: Any, labels: Any, seed: int) -> list[float]:
    import numpy as np
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(seed)
    best = roc_auc_score(labels, predict(table))
    found = []
    for at in range(table.shape[1]):
        shuffled = table.copy()
        shuffled[:, at] = random.permutation(shuffled[:, at])
        found.append(float(best - roc_auc_score(labels, predict(shuffled))))
    return found
