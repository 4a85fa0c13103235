"""Filters as masks over the catalogue: a bool for each position, by NumPy."""

import numpy as np
from numpy.typing import NDArray

from contracts.attributes import Location
from contracts.filters import AttributeCondition, Filters, Near, Range
from ml_engine.retrieval.catalogue import Catalogue

EARTH_RADIUS_KM = 6371.0088
"""The Earth's mean radius (IUGG)."""

Mask = NDArray[np.bool_]


def matches(catalogue: Catalogue, filters: Filters, here: Location | None) -> Mask:
    """Which items meet all of the filters, bool (n,); `here` is the place of the context."""
    size = len(catalogue)
    mask = np.ones(size, dtype=bool)
    if filters.items is not None:
        only = np.zeros(size, dtype=bool)
        only[catalogue.positions(filters.items)] = True
        mask &= only
    if filters.categories is not None:
        mask &= catalogue.categories.holders(filters.categories, size)
    if filters.exclude_categories is not None:
        mask &= ~catalogue.categories.holders(filters.exclude_categories, size)
    if filters.year is not None:
        mask &= _within(catalogue.years, filters.year)
    for name, condition in filters.attributes.items():
        mask &= _meets(catalogue, name, condition)
    if filters.near is not None:
        mask &= _near(catalogue, filters.near, here)
    return mask


def distances_km(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], place: Location
) -> NDArray[np.float64]:
    """Great-circle distances by the haversine formula, float64 (n,); degrees in, NaN to NaN."""
    there, here = np.radians(latitudes), np.radians(place.latitude)
    across = np.radians(longitudes - place.longitude)
    half_chord = (
        np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * np.sin(across / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half_chord, 1.0)))


def _near(catalogue: Catalogue, near: Near, here: Location | None) -> Mask:
    place = here
    if near.latitude is not None and near.longitude is not None:
        place = Location(latitude=near.latitude, longitude=near.longitude)
    if place is None:
        return np.zeros(len(catalogue), dtype=bool)
    # No location is a distance of NaN, which is within no radius.
    return distances_km(*catalogue.places, place) <= near.radius_km


def _meets(catalogue: Catalogue, name: str, condition: AttributeCondition) -> Mask:
    size = len(catalogue)
    column = catalogue.attribute(name)
    if column is None:
        # Nobody has it: only none_of and exists: false hold of an item without an attribute.
        needed = (condition.any_of, condition.min, condition.max, condition.exists or None)
        return np.full(size, all(part is None for part in needed))
    mask = np.ones(size, dtype=bool)
    if condition.any_of is not None:
        mask &= column.holders(condition.any_of, size)
    if condition.none_of is not None:
        mask &= ~column.holders(condition.none_of, size)
    if condition.min is not None or condition.max is not None:
        mask &= _within(column.numbers(size), Range(min=condition.min, max=condition.max))
    if condition.exists is not None:
        mask &= column.present(size) == condition.exists
    return mask


def _within(numbers: NDArray[np.float64], bounds: Range) -> Mask:
    mask = ~np.isnan(numbers)
    if bounds.min is not None:
        mask &= numbers >= bounds.min
    if bounds.max is not None:
        mask &= numbers <= bounds.max
    return mask
