"""The variables of the environment that change results: seeds, threads, and a few others; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

THREADS = frozenset((
    "OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_DYNAMIC", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY", "KMP_DETERMINISTIC_REDUCTION", "MKL_NUM_THREADS", "MKL_DYNAMIC", "OPENBLAS_NUM_THREADS",
    "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "LOKY_MAX_CPU_COUNT", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS", "TOKENIZERS_PARALLELISM",
))  # fmt: skip
OTHERS = frozenset((
    "PYTHONPATH", "PYTHONOPTIMIZE", "PYTHONNOUSERSITE", "MKL_CBWR", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES",
    "ATEN_CPU_CAPABILITY", "CUDA_VISIBLE_DEVICES", "CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "TF_ENABLE_ONEDNN_OPTS",
    "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ENABLE_MPS_FALLBACK", "XLA_FLAGS", "JAX_ENABLE_X64", "TZ", "LANG", "LC_ALL",
))  # fmt: skip
_HASH_SEED = "PYTHONHASHSEED"
_SEED = re.compile(r"(?:[A-Z0-9_]*_)?SEED\Z")
_SEED_VALUE = re.compile(r"\d{1,10}\Z")


def recorded(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that are recorded, by name: those known here, and whole numbers under the name of a seed.

    Any other may hold a secret.
    """
    for name, value in sorted(env.items()):
        known = name in THREADS or name in OTHERS or name == _HASH_SEED
        if known or (_SEED.match(name) and _SEED_VALUE.match(value)):
            yield name, value


def kind(name: str) -> Literal["seeds", "threads", "variables"]:
    """Return what a recorded variable is about."""
    if name == _HASH_SEED or _SEED.match(name):
        return "seeds"
    return "threads" if name in THREADS else "variables"
