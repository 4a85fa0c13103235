"""The columns that a table of records may have, and what their cells mean.

Columns are named after the fields of the records. `attributes.price` is the attribute `price`;
`location.latitude` and `location.longitude` make a location.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from contracts.imports import Constant, DataType
from data_pipeline.domain.imports import BrokenFile

ATTRIBUTES: Final = "attributes"
LOCATION: Final = "location"
NO_MAPPING: Final[Mapping[str, str | Constant | None]] = {}


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

    def put(self, record: dict[str, Any], value: Any) -> None:
        """Give the field of a record its value."""
        target = record if self.group is None else record.setdefault(self.group, {})
        if isinstance(target, dict):
            target[self.field] = value


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of a file are, None for one of no use, and what all its records share."""

    columns: Sequence[Column | None]
    constants: Mapping[Column, str | bool | int | float]

    def constant_fields(self) -> dict[str, Any]:
        """A new record with the fields that all records share."""
        record: dict[str, Any] = {}
        for column, value in self.constants.items():
            column.put(record, value)
        return record


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of one type of data."""

    record: str
    required: frozenset[str]
    kinds: dict[str, Kind]
    attributes: bool

    def layout(
        self, names: Sequence[str], mapping: Mapping[str, str | Constant | None] = NO_MAPPING
    ) -> Layout:
        """What the columns of a file with these names are, by our names or those of `mapping`.

        Raises:
            BrokenFile: a column is unknown, missing or there twice.
        """
        constants = {
            self.column(name): to.constant
            for name, to in mapping.items()
            if isinstance(to, Constant)
        }
        named = {name: to for name, to in mapping.items() if not isinstance(to, Constant)}
        absent = sorted(named.keys() - set(names))
        if absent:
            raise BrokenFile(f"the file has no column {_shown(absent[0])}, which is mapped")
        ours = [named.get(name, name) for name in names]
        columns = [None if name is None else self.column(name) for name in ours]
        self._check([name for name in ours if name is not None] + [c.name for c in constants])
        return Layout(columns, constants)

    def _check(self, names: Sequence[str]) -> None:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise BrokenFile(f"the column {_shown(twice)} is there twice")
        missing = sorted(self.required.difference(names))
        if missing:
            raise BrokenFile(
                f"the column {missing[0]} is missing: {self.record} needs "
                f"{', '.join(sorted(self.required))}"
            )

    def column(self, name: str) -> Column:
        """The column of a name of ours. Raises `BrokenFile` where there is none."""
        kind = self.kinds.get(name)
        group, dot, field = name.partition(".")
        if kind is not None:
            return Column(name, field, kind, group) if dot else Column(name, name, kind)
        if dot and field and group == ATTRIBUTES and self.attributes:
            return Column(name, field, Kind.ANY, ATTRIBUTES)
        raise BrokenFile(
            f"the column {_shown(name)} is no field of {self.record}; the columns are "
            f"{', '.join([*self.kinds, *(['attributes.<name>'] if self.attributes else [])])}, "
            "named in the first row; map other names to these, or to null to leave them out"
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
