"""How much an event of each type counts."""

import pytest

from ml_engine.domain.event_weights import weight_of


@pytest.mark.parametrize(
    ("weights", "event_type", "expected"),
    [
        ({}, "view", 1.0),
        ({}, "impression", 0.0),
        ({}, "of-our-own", 1.0),
        ({"view": 0.0, "impression": 2.0}, "view", 0.0),
        ({"view": 0.0, "impression": 2.0}, "impression", 2.0),
        ({"of-our-own": 0.5}, "of-our-own", 0.5),
    ],
)
def test_a_tenants_own_weight_goes_before_the_standard_one(
    weights: dict[str, float], event_type: str, expected: float
) -> None:
    assert weight_of(weights, event_type) == expected
