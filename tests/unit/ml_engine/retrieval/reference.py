"""What filters mean, item by item: written from the contract alone, to check the masks by."""

import math
import random
from typing import Any

from tests.unit.ml_engine.retrieval.worlds import BRANDS, CATEGORIES

from backends.ports import ItemContent
from contracts.attributes import Location
from contracts.filters import AttributeCondition, Filters, Near


def eligible(item: ItemContent, filters: Filters, here: Location | None) -> bool:
    return item.available and not item.removed and meets(item, filters, here)


def meets(item: ItemContent, filters: Filters, here: Location | None) -> bool:
    own, near = set(item.categories), filters.near
    conditions = filters.attributes.items()
    return (
        (filters.items is None or item.item_id in filters.items)
        and (filters.categories is None or bool(own & set(filters.categories)))
        and (filters.exclude_categories is None or not own & set(filters.exclude_categories))
        and (filters.year is None or between(item.year, filters.year.min, filters.year.max))
        and all(meets_condition(item.attributes.get(name), c) for name, c in conditions)
        and (near is None or within(item.location, near, here))
    )


def within(place: tuple[float, float] | None, near: Near, here: Location | None) -> bool:
    if place is None:
        return False
    if near.latitude is not None and near.longitude is not None:
        return kilometres(place, (near.latitude, near.longitude)) <= near.radius_km
    assert here is not None
    return kilometres(place, (here.latitude, here.longitude)) <= near.radius_km


def meets_condition(value: Any, condition: AttributeCondition) -> bool:
    elements = [] if value is None else value if isinstance(value, list) else [value]
    wanted, unwanted = condition.any_of, condition.none_of
    bounded = condition.min is not None or condition.max is not None
    return (
        (wanted is None or any(same(e, w) for e in elements for w in wanted))
        and (unwanted is None or not any(same(e, w) for e in elements for w in unwanted))
        and (not bounded or between(value, condition.min, condition.max))
        and (condition.exists is None or condition.exists == (value is not None))
    )


def same(one: Any, other: Any) -> bool:
    return kind(one) == kind(other) and one == other


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


def between(value: Any, low: float | None, high: float | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By the angle between the two directions from the Earth's centre."""

    def direction(place: tuple[float, float]) -> tuple[float, float, float]:
        latitude, longitude = map(math.radians, place)
        return (
            math.cos(latitude) * math.cos(longitude),
            math.cos(latitude) * math.sin(longitude),
            math.sin(latitude),
        )

    a, b = direction(one), direction(other)
    across = math.hypot(
        a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    )
    along = sum(x * y for x, y in zip(a, b, strict=True))
    return 6371.0088 * math.atan2(across, along)


def random_filters(rng: random.Random, n_items: int) -> Filters:
    """From nearly nothing to a handful of conditions."""
    fields: dict[str, Any] = {}
    if rng.random() < 0.1:
        fields["items"] = [f"item-{rng.randrange(n_items + 5)}" for _ in range(rng.randint(0, 60))]
    if rng.random() < 0.3:
        fields["categories"] = rng.sample([*CATEGORIES, "unknown"], rng.randint(1, 3))
    if rng.random() < 0.2:
        fields["exclude_categories"] = rng.sample([*CATEGORIES, "unknown"], rng.randint(1, 2))
    if rng.random() < 0.2:
        fields["year"] = random_range(rng, 1950, 2030)
    if rng.random() < 0.2:
        fields["near"] = {"radius_km": rng.uniform(10, 12_000)} | random_place(rng)
    names = [
        name for name in ("price", "brand", "tags", "new", "mixed", "no") if rng.random() < 0.15
    ]
    fields["attributes"] = {name: random_condition(rng) for name in names}
    return Filters.model_validate(fields)


def random_place(rng: random.Random) -> dict[str, float]:
    if rng.random() < 0.3:
        return {}
    return {"latitude": rng.uniform(-90, 90), "longitude": rng.uniform(-180, 180)}


def random_range(rng: random.Random, low: int, high: int) -> dict[str, float]:
    bounds = sorted(rng.choice([rng.randint(low, high), rng.uniform(low, high)]) for _ in range(2))
    names = rng.choice([("min",), ("max",), ("min", "max")])
    return {name: bounds[name == "max"] for name in names}


def random_condition(rng: random.Random) -> dict[str, Any]:
    values: list[Any] = [*BRANDS, "x", "y", True, False, 0, 1, 1.0, 7]
    condition: dict[str, Any] = {}
    if rng.random() < 0.4:
        condition["any_of"] = rng.sample(values, rng.randint(1, 5))
    if rng.random() < 0.3:
        condition["none_of"] = rng.sample(values, rng.randint(1, 3))
    if rng.random() < 0.4:
        condition |= random_range(rng, 0, 20)
    if not condition or rng.random() < 0.2:
        condition["exists"] = rng.random() < 0.7
    return condition
