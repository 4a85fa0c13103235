import math

import numpy as np
import pytest

from ml_engine.domain.interactions import Histories, ItemContent
from ml_engine.evaluation.calibration import SMOOTHING, categories_of, miscalibration

# Item 0 is drama, 1 comedy, 2 both, 3 nothing that is known.
CONTENTS = [
    ItemContent(categories=("drama",)),
    ItemContent(categories=("comedy",)),
    ItemContent(categories=("drama", "comedy")),
    ItemContent(),
]


def measured(rankings: list[list[int]], histories: list[list[int]]) -> list[float]:
    categories = categories_of(CONTENTS)
    assert categories is not None
    return miscalibration(np.array(rankings), Histories.from_rows(histories), categories).tolist()


def test_the_same_mixture_is_calibrated():
    assert measured([[0, 1]], [[2, 3]]) == pytest.approx([0])


def test_the_divergence_is_steck_s_by_hand():
    # Half drama and half comedy were met, drama alone is recommended.
    drama = 0.5 * math.log(0.5 / (1 - SMOOTHING + SMOOTHING / 2))
    comedy = 0.5 * math.log(0.5 / (SMOOTHING / 2))
    assert measured([[0, -1]], [[0, 1]]) == pytest.approx([drama + comedy])
    # Three parts of four: items of two categories give half to each.
    expected = 0.75 * math.log(0.75 / (0.5 * (1 - SMOOTHING) + SMOOTHING * 0.75))
    expected += 0.25 * math.log(0.25 / (0.5 * (1 - SMOOTHING) + SMOOTHING * 0.25))
    assert measured([[0, 1]], [[0, 2]]) == pytest.approx([expected])


def test_what_has_no_categories_is_not_judged():
    assert measured([[3, -1], [0, 1], [-1, -1]], [[0, 1], [3], [0]]) == [0, 0, 0]
    assert categories_of([ItemContent(), ItemContent()]) is None
