"""Tests of the feature engineering: python -m unittest"""

import unittest

from src.features import NAMES, features


class FeaturesTest(unittest.TestCase):
    """What every row must give."""

    def test_one_number_for_each_name(self):
        self.assertEqual(len(features({"cement": "300", "water": "180", "age_days": "28"})), len(NAMES))

    def test_great_ages_count_as_ninety_days(self):
        old = features({"cement": "300", "water": "180", "age_days": "365"})
        self.assertEqual(old[2], 1.0)


if __name__ == "__main__":
    unittest.main()
