"""A pipeline of one event log with its books and its quarantine, on files of a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import orjson
import pyarrow as pa
from tests.conformance.event_logs import LogFiles

from contracts.imports import DataType
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.import_book import SqlImportQueue
from data_pipeline.adapters.ledger import SqlLedger
from data_pipeline.adapters.quarantine import SqlQuarantine, SqlQuarantineExits
from data_pipeline.adapters.quarantined_people import SqlQuarantinedPeople
from data_pipeline.adapters.user_log import SqlUserLog
from data_pipeline.domain.accounting import QuarantineEntry, QuarantineQuery
from data_pipeline.domain.deliveries import Checked, Delivery, Rejected, Source
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.extracted import Extracted, ExtractedEvents
from data_pipeline.domain.records import EventFilter
from data_pipeline.extract.json_rows import extract_json_rows
from data_pipeline.services import intake
from data_pipeline.services.intake import Intake, Loaded, RecordLogs
from data_pipeline.services.replays import Replays

START_MS = 1_750_000_000_000
EVERYTHING = EventFilter()


class KnownItems:
    """Checks that let events of known items pass, if they are events at all."""

    def __init__(self) -> None:
        self.unknown: set[str] = set()

    async def check(self, _: Delivery, extracted: Extracted, __: int) -> Checked[Any]:
        assert isinstance(extracted, ExtractedEvents)
        faulty = {one.index: one for one in extracted.faults}
        for index in extracted.unfit.tolist():
            faulty[index] = Rejected(index, "unfit", "It is no event.", extracted.raw(index))
        for index, item in enumerate(extracted.events.column("item_id").to_pylist()):
            if index not in faulty and item in self.unknown:
                reason = f"There is no item {item}."
                faulty[index] = Rejected(index, "unknown_item", reason, extracted.raw(index))
        sound = pa.array([index not in faulty for index in range(extracted.rows)], pa.bool_())
        valid = extracted.events.filter(sound).cast(EVENT_SCHEMA)
        return Checked(extracted.rows, valid, [faulty[index] for index in sorted(faulty)])


class NoFeatures:
    """A projection that follows nothing."""

    async def follow(self, **_: int) -> None:
        return None

    async def reach(self, *_: object) -> None:
        return None


class Books:
    """The parts, and what a test does with them; the clock is `now_ms`."""

    def __init__(self, folder: Path) -> None:
        self.files = LogFiles(folder)
        engine = self.files.engine
        self.now_ms = START_MS
        self.ledger = SqlLedger(engine)
        self.quarantine = SqlQuarantine(engine)
        self.exits = SqlQuarantineExits(engine)
        self.people = SqlQuarantinedPeople(engine)
        self.checks = KnownItems()
        self.intake = Intake(
            cast("Any", self.checks),
            RecordLogs(self.files.log, SqlCatalogueLog(engine), SqlUserLog(engine)),
            intake.Books(self.quarantine, self.ledger),
            cast("Any", NoFeatures()),
            SqlImportQueue(engine).together,
            lambda: self.now_ms,
        )
        self.replays = Replays(self.intake, self.quarantine, self.exits, self.ledger)

    async def deliver(
        self,
        records: Sequence[Mapping[str, Any] | bytes],
        tenant_id: str = "acme",
        source: Source = Source.HTTP,
    ) -> Loaded:
        """Send events, or bytes that should be some."""
        rows = [one if isinstance(one, bytes) else orjson.dumps(one) for one in records]
        delivery = Delivery(tenant_id, DataType.EVENTS, source)
        extracted = extract_json_rows(DataType.EVENTS, rows)
        return await self.intake.take(delivery, await self.intake.check(delivery, extracted))

    async def entries(self, tenant_id: str = "acme") -> Sequence[QuarantineEntry]:
        """What is in quarantine, oldest first."""
        return await self.quarantine.page(tenant_id, QuarantineQuery(10_000, after=0))

    async def stored(self, tenant_id: str = "acme") -> list[str]:
        """The ids of the stored events, sorted."""
        found: list[str] = []
        async for batch in self.files.log.scan(tenant_id, ["event_id"], EVERYTHING):
            found += batch.column("event_id").to_pylist()
        return sorted(found)


def event(number: int, item: str = "i1", user: str = "u1") -> dict[str, Any]:
    """An event with an id of this number."""
    return {
        "event_id": f"e{number}",
        "user_id": user,
        "item_id": item,
        "event_type": "view",
        "timestamp": 1_700_000_000 + number,
    }
