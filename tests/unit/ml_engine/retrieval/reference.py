"""What filters mean, item by item: written from the contract alone, to check the masks by."""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.unit.ml_engine.retrieval.worlds import BRANDS, CATEGORIES

from backends.ports import ItemContent
from contracts.attributes import Location
from contracts.filters import AttributeCondition, Filters

EARTH_RADIUS_KM = 6371.0088

Direction = tuple[float, float, float]
Tagged = frozenset[tuple[bool, Any]]
NOTHING: Tagged = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """An item as conditions look at it; `elements` are an attribute's values, tagged."""

    item_id: str
    servable: bool
    categories: frozenset[str]
    year: int | None
    attributes: dict[str, Any]
    elements: dict[str, Tagged]
    direction: Direction | None


Condition = Callable[[Record], bool]


def record_of(item: ItemContent) -> Record:
    values = dict(item.attributes)
    return Record(
        item.item_id,
        item.available and not item.removed,
        frozenset(item.categories),
        item.year,
        values,
        {name: tagged(v if isinstance(v, list) else [v]) for name, v in values.items()},
        None if item.location is None else direction(*item.location),
    )


def eligible(records: Sequence[Record], filters: Filters, here: Location | None) -> list[Record]:
    """The records that may be in an answer."""
    left = [record for record in records if record.servable]
    for holds in conditions(filters, here):
        left = [record for record in left if holds(record)]
    return left


def meets(item: ItemContent, filters: Filters, here: Location | None) -> bool:
    record = record_of(item)
    return all(holds(record) for holds in conditions(filters, here))


def conditions(filters: Filters, here: Location | None) -> list[Condition]:
    """What must hold, each alone, the cheapest first."""
    found: list[Condition] = []
    if filters.items is not None:
        items = frozenset(filters.items)
        found.append(lambda record: record.item_id in items)
    if filters.categories is not None:
        wanted = frozenset(filters.categories)
        found.append(lambda record: not wanted.isdisjoint(record.categories))
    if filters.exclude_categories is not None:
        unwanted = frozenset(filters.exclude_categories)
        found.append(lambda record: unwanted.isdisjoint(record.categories))
    for name, condition in filters.attributes.items():
        found += attribute_conditions(name, condition)
    if filters.year is not None:
        low, high = filters.year.min, filters.year.max
        found.append(lambda record: between(record.year, low, high))
    if filters.near is not None:
        near = filters.near
        if near.latitude is not None and near.longitude is not None:
            centre = direction(near.latitude, near.longitude)
        else:
            assert here is not None
            centre = direction(here.latitude, here.longitude)
        found.append(within(centre, near.radius_km))
    return found


def attribute_conditions(name: str, condition: AttributeCondition) -> list[Condition]:
    found: list[Condition] = []
    if condition.exists is not None:
        exists = condition.exists
        found.append(lambda record: (name in record.attributes) == exists)
    if condition.any_of is not None:
        wanted = tagged(condition.any_of)
        found.append(lambda record: not wanted.isdisjoint(record.elements.get(name, NOTHING)))
    if condition.none_of is not None:
        unwanted = tagged(condition.none_of)
        found.append(lambda record: unwanted.isdisjoint(record.elements.get(name, NOTHING)))
    if condition.min is not None or condition.max is not None:
        low, high = condition.min, condition.max
        found.append(lambda record: between(record.attributes.get(name), low, high))
    return found


def tagged(values: Iterable[Any]) -> Tagged:
    """Values by which two are the same if and only if they are so in JSON: 1 is 1.0, not true."""
    return frozenset((isinstance(value, bool), value) for value in values)


def between(value: Any, low: float | None, high: float | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def within(centre: Direction, radius_km: float) -> Condition:
    def holds(record: Record) -> bool:
        there = record.direction
        return there is not None and EARTH_RADIUS_KM * angle(centre, there) <= radius_km

    return holds


def direction(latitude: float, longitude: float) -> Direction:
    """A place as a unit vector from the Earth's centre."""
    up, around = math.radians(latitude), math.radians(longitude)
    return (math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up))


def angle(one: Direction, other: Direction) -> float:
    """In radians; by sine and cosine both, since each alone is vague somewhere."""
    ax, ay, az = one
    bx, by, bz = other
    sine = math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    return math.atan2(sine, ax * bx + ay * by + az * bz)


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
