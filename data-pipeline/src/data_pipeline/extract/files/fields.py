"""The columns that a table of records may have, and what their cells mean.

Columns are named after the fields of the records. `attributes.price` is the attribute `price`;
`location.latitude` and `location.longitude` make a location.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from contracts.imports import DataType
from data_pipeline.domain.imports import BrokenFile

ATTRIBUTES: Final = "attributes"
LOCATION: Final = "location"


class Kind(Enum):
    """What the values of a column are."""

    TEXT = auto()
    MOMENT = auto()
    NUMBER = auto()
    WHOLE = auto()
    TRUTH = auto()
    TEXTS = auto()
    ANY = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the field it fills, within `group` where it is part of one."""

    name: str
    field: str
    kind: Kind
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of one type of data."""

    record: str
    required: frozenset[str]
    kinds: dict[str, Kind]
    attributes: bool

    def columns(self, names: Sequence[str]) -> list[Column]:
        """The columns of a table with these names.

        Raises:
            BrokenFile: a column is unknown, missing or there twice.
        """
        found = [self._column(name) for name in names]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise BrokenFile(f"the column {_shown(twice)} is there twice")
        missing = sorted(self.required.difference(names))
        if missing:
            raise BrokenFile(
                f"the column {missing[0]} is missing: {self.record} needs "
                f"{', '.join(sorted(self.required))}"
            )
        return found

    def _column(self, name: str) -> Column:
        kind = self.kinds.get(name)
        group, dot, field = name.partition(".")
        if kind is not None:
            return Column(name, field, kind, group) if dot else Column(name, name, kind)
        if dot and field and group == ATTRIBUTES and self.attributes:
            return Column(name, field, Kind.ANY, ATTRIBUTES)
        raise BrokenFile(
            f"the column {_shown(name)} is no field of {self.record}; the columns are "
            f"{', '.join([*self.kinds, *(['attributes.<name>'] if self.attributes else [])])}, "
            "named in the first row"
        )


_PLACE: Final = {f"{LOCATION}.latitude": Kind.NUMBER, f"{LOCATION}.longitude": Kind.NUMBER}
TABLES: Final = {
    DataType.EVENTS: Table(
        "an event",
        frozenset({"event_id", "user_id", "item_id", "event_type", "timestamp"}),
        {
            "event_id": Kind.TEXT,
            "user_id": Kind.TEXT,
            "item_id": Kind.TEXT,
            "event_type": Kind.TEXT,
            "timestamp": Kind.MOMENT,
            "value": Kind.NUMBER,
            "recommendation_id": Kind.TEXT,
        },
        attributes=False,
    ),
    DataType.ITEMS: Table(
        "an item",
        frozenset({"item_id"}),
        {
            "item_id": Kind.TEXT,
            "title": Kind.TEXT,
            "categories": Kind.TEXTS,
            "year": Kind.WHOLE,
            "available": Kind.TRUTH,
            **_PLACE,
        },
        attributes=True,
    ),
    DataType.USERS: Table(
        "a user", frozenset({"user_id"}), {"user_id": Kind.TEXT}, attributes=True
    ),
}


def _shown(name: str) -> str:
    # Whoever sends a megabyte as a name need not get it back.
    return ascii(name if len(name) <= 40 else f"{name[:40]}...")
