"""FeatureWriter over a local SQLite file."""

import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final, TypeVar

from backends.embedded.feature_schema import (
    FORMAT,
    format_of,
    make_tables,
    open_features,
)
from backends.embedded.traces import remove_traces
from backends.feature_values.contents import encode_item, encode_mapping
from backends.feature_values.event_groups import Days, History, Key, grouped
from backends.feature_values.histories import encode_history, merged
from backends.feature_values.item_days import add_to_days, encode_days, epoch_days
from backends.finishing import finished_in_thread
from backends.ports import (
    Correction,
    EventUpdate,
    Filled,
    ItemCountCorrection,
    ItemUpdate,
    Portion,
    PortUnavailable,
    Positions,
    Update,
    UserCorrection,
    UserUpdate,
)
from backends.threads import beside
from contracts.events import DEFAULT_WEIGHTS

CACHE_KIB: Final = 32 * 1024
PORTION: Final = 2_000
"""How many histories one portion has."""

KEYS_AT_ONCE: Final = 500
"""How many rows one query finds."""

_PUT_EVENTS: Final = (
    "INSERT INTO users VALUES (?, ?, ?, x'') ON CONFLICT (tenant_id, user_id) "
    "DO UPDATE SET events = merged(events, excluded.events)"
)
_PUT_ATTRIBUTES: Final = (
    "INSERT INTO users VALUES (?, ?, x'', ?) ON CONFLICT (tenant_id, user_id) "
    "DO UPDATE SET attributes = excluded.attributes"
)
_REMOVE_EMPTY: Final = (
    "DELETE FROM users WHERE tenant_id = ? AND user_id = ? AND events = x'' AND attributes = x''"
)
_PUT_COUNT: Final = "INSERT OR REPLACE INTO item_counts VALUES (?, ?, ?, ?)"

GroupT = TypeVar("GroupT")


@dataclass(frozen=True, slots=True)
class EventPortion(Portion):
    """Histories of some users; the last portion has all counts too."""

    histories: Sequence[tuple[Key, History]]
    counts: Iterable[tuple[Key, Days]] = ()


class SqliteFeatureWriter:
    """Writes histories, counts, items and attributes; one call at a time, `portions` aside."""

    def __init__(self, path: Path) -> None:
        """Raises `PortUnavailable` where the features at `path` have another format."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._connection = open_features(path)
        # A batch touches thousands of pages; with SQLite's own 2 MB it would write many twice.
        self._connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        self._connection.create_function("merged", 2, merged, deterministic=True)
        found = format_of(self._connection)
        if found is None:
            make_tables(self._connection)
        elif found != FORMAT:
            self._connection.close()
            raise PortUnavailable(f"the features at {path} have the format {found}, not {FORMAT}")

    async def positions(self) -> Positions:
        """How far the features have come."""
        rows = self._connection.execute("SELECT name, sequence FROM positions").fetchall()
        return Positions(**dict(rows))

    async def portions(self, update: EventUpdate) -> AsyncGenerator[EventPortion]:
        """An update in portions by user, then by item."""
        events = sum(batch.num_rows for _, batch in update.batches)
        portions = _portions(update, PORTION)
        while (portion := await beside(events, next, portions, None)) is not None:
            yield portion

    async def apply(self, update: Update | Portion | Filled) -> None:
        """Add events to histories and counts, or replace items or attributes."""
        # Readers read the file from its beginning on.
        if not isinstance(update, Filled):
            await finished_in_thread(self._apply, update)

    async def correct(self, corrections: Sequence[Correction], position: int) -> None:
        """Apply corrections in their order; an erased user leaves no byte in the files."""
        await finished_in_thread(self._correct, corrections, position)

    async def ping(self) -> None:
        """Take and give back the write lock."""
        with self._transaction():
            pass

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _apply(self, update: Update | Portion) -> None:
        if isinstance(update, EventUpdate):
            (update,) = _portions(update, None)
        with self._transaction():
            if isinstance(update, EventPortion):
                self._add_histories(update.histories)
                self._add_counts(update.counts)
                name = update.lane
            elif isinstance(update, ItemUpdate):
                self._put_items(update)
                name = "items"
            elif isinstance(update, UserUpdate):
                self._put_attributes(update)
                name = "users"
            else:
                raise TypeError(f"not a portion of this writer: {update!r}")
            if update.position is not None:
                self._move(name, update.position)

    def _add_histories(self, histories: Iterable[tuple[Key, History]]) -> None:
        self._connection.executemany(_PUT_EVENTS, [(*key, events) for key, events in histories])

    def _add_counts(self, counts: Iterable[tuple[Key, Days]]) -> None:
        for tenant_id, found in _by_tenant(counts):
            known: dict[str, tuple[int, bytes]] = {
                item_id: (events, days)
                for item_id, events, days in self._find(
                    "item_counts", "item_id, events, days", tenant_id, found
                )
            }
            befores = [known.get(item_id, (0, b"")) for item_id in found]
            afters = add_to_days([days for _, days in befores], list(found.values()))
            rows = [
                (tenant_id, item_id, before + sum([count for _, count in new]), days)
                for (item_id, new), (before, _), days in zip(
                    found.items(), befores, afters, strict=True
                )
            ]
            self._connection.executemany(_PUT_COUNT, rows)

    def _find(self, table: str, columns: str, tenant_id: str, ids: Iterable[str]) -> list[Any]:
        ids = list(ids)
        key = columns.partition(",")[0]
        # All names are ours.
        query = (
            f"SELECT {columns} FROM {table} WHERE tenant_id = ? "  # noqa: S608
            f"AND {key} IN ({','.join('?' * len(ids))})"
        )
        return self._connection.execute(query, (tenant_id, *ids)).fetchall()

    def _put_items(self, update: ItemUpdate) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)",
            [
                (tenant_id, item.item_id, item.sequence, encode_item(item))
                for tenant_id, item in update.items
            ],
        )

    def _put_attributes(self, update: UserUpdate) -> None:
        rows = [(of, user.user_id, encode_mapping(user.attributes)) for of, user in update.users]
        self._connection.executemany(_PUT_ATTRIBUTES, rows)
        self._connection.executemany(
            _REMOVE_EMPTY, [(of, user_id) for of, user_id, attributes in rows if not attributes]
        )

    def _correct(self, corrections: Sequence[Correction], position: int) -> None:
        with self._on_disk(), self._transaction():
            for correction in corrections:
                self._apply_correction(correction)
            self._move("corrections", position)
        erased = [
            one.user_id for one in corrections if isinstance(one, UserCorrection) and one.erased
        ]
        if erased:
            remove_traces(self._path, erased)

    def _apply_correction(self, correction: Correction) -> None:
        tenant_id = correction.tenant_id
        if isinstance(correction, UserCorrection):
            events = encode_history(correction.events)
            attributes = encode_mapping(correction.attributes)
            kept = (events, attributes) if events or attributes else None
            self._put("users", "user_id", (tenant_id, correction.user_id), kept)
        elif isinstance(correction, ItemCountCorrection):
            days = encode_days(epoch_days(correction.days))
            kept = (correction.total, days) if correction.total else None
            self._put("item_counts", "item_id", (tenant_id, correction.item_id), kept)
        else:
            standard = correction.weights == DEFAULT_WEIGHTS
            kept = None if standard else (encode_mapping(correction.weights),)
            self._put("event_weights", None, (tenant_id,), kept)

    def _put(
        self, table: str, column: str | None, key: tuple[str, ...], values: tuple[Any, ...] | None
    ) -> None:
        # All names are ours.
        if values is None:
            query = f"DELETE FROM {table} WHERE tenant_id = ?"  # noqa: S608
            query += f" AND {column} = ?" if column else ""
            self._connection.execute(query, key)
        else:
            row = (*key, *values)
            query = f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * len(row))})"  # noqa: S608
            self._connection.execute(query, row)

    def _move(self, name: str, position: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (name, position))

    @contextlib.contextmanager
    def _on_disk(self) -> Generator[None]:
        # The log keeps no corrections that were applied, so a power cut must not cost one.
        self._connection.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            self._connection.execute("PRAGMA synchronous=NORMAL")

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise PortUnavailable(f"the feature store cannot be written: {error}") from error


def _portions(update: EventUpdate, histories: int | None) -> Iterator[EventPortion]:
    """An update with at most so many histories in each portion, where a number is given."""
    groups = grouped(update.batches)
    found = groups.histories()
    portion = list(islice(found, histories))
    while following := list(islice(found, histories)):
        yield EventPortion(update.lane, None, portion)
        portion = following
    yield EventPortion(update.lane, update.position, portion, groups.counts())


def _by_tenant(
    groups: Iterable[tuple[Key, GroupT]],
) -> Iterator[tuple[str, dict[str, GroupT]]]:
    """Groups of one tenant by id, as many as one query finds; they come tenant by tenant."""
    for tenant_id, of_tenant in groupby(groups, key=lambda group: group[0][0]):
        while portion := {key[1]: group for key, group in islice(of_tenant, KEYS_AT_ONCE)}:
            yield tenant_id, portion
