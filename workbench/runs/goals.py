"""Whether more or less of a metric is better, told from its name where nobody said; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Goal = Literal["max", "min"]

_LESS = re.compile(
    r"loss|error|err|[rm]{0,2}se|rmsle|mae|mape|perplexity|ppl|time|duration|latency|size|brier|deviance|divergence|regret"
    r"|wer|cer|fid|l1|l2|nll|logloss|bpb|bpc"
)
_MORE = re.compile(
    r"acc|accuracy|r?o?c?auc|auroc|ap|map|f1|precision|recall|score|r2|iou|dice|bleu|rouge|ndcg|hits?|mrr|psnr"
)


def infer_goal(name: str, goals: Mapping[str, Goal] | None = None) -> Goal | None:
    """Return "max" or "min" for a metric: what `goals` say, else what a word of its name says, else None."""
    if goals and name in goals:
        return goals[name]
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    for word in reversed(words):  # the last word names the thing: `score_time` is a time
        if _LESS.fullmatch(word) or word.endswith(("loss", "error", "latency")):
            return "min"
        if _MORE.fullmatch(word) or word.endswith(("acc", "auc", "score", "accuracy")):
            return "max"
    return None
