from __future__ import annotations

import pytest

from workbench.words import ranges


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], ""),
        ([3], "3"),
        (range(1, 9), "1–8"),
        ([9, 1, 2, 4, 4, 3], "1–4, 9"),
        ([1, 3, 5, 7, 9, 11, 13], "…, 5, 7, 9, 11, 13"),
    ],
)
def test_numbers_are_told_as_ranges_and_never_cut_in_silence(numbers, words):
    assert ranges(numbers) == words
