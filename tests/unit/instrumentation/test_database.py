from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tests.otlp_collector import Collector, attributes

from instrumentation.database import instrument_engine
from instrumentation.metrics import Metrics
from instrumentation.statements import StatementCatalogue
from instrumentation.tracing import Tracing

pytestmark = pytest.mark.anyio
SHELVES = Table(
    "shelves", MetaData(), Column("id", Integer, primary_key=True), Column("name", String)
)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url, pool_size=3)
    yield engine
    await engine.dispose()


async def use(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(SHELVES.metadata.create_all)
        await connection.execute(insert(SHELVES), [{"name": "a"}, {"name": "b"}])
        await connection.execute(select(SHELVES.c.name).where(SHELVES.c.id == 1))


def queries(metrics: Metrics, query_type: str, table: str) -> float | None:
    labels = {"query_type": query_type, "table": table}
    return metrics.registry.get_sample_value("db_query_duration_seconds_count", labels)


async def test_statements_are_timed_by_kind_and_table(
    engine: AsyncEngine, metrics: Metrics, tracing: Tracing
) -> None:
    instrument_engine(engine, metrics, tracing, "main")
    await use(engine)
    assert queries(metrics, "select", "shelves") == 1
    assert queries(metrics, "insert", "shelves") == 1
    assert queries(metrics, "other", "other")


async def test_a_failing_statement_is_timed_too(
    engine: AsyncEngine, metrics: Metrics, tracing: Tracing
) -> None:
    instrument_engine(engine, metrics, tracing, "main")
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError):
            await connection.execute(text("select * from absent"))
    assert queries(metrics, "select", "absent") == 1


async def test_the_pool_is_read_at_each_scrape(
    engine: AsyncEngine, metrics: Metrics, tracing: Tracing
) -> None:
    instrument_engine(engine, metrics, tracing, "main")

    def figure(name: str) -> float | None:
        return metrics.registry.get_sample_value(name, {"pool_name": "main"})

    assert figure("db_connection_pool_size") == 3
    assert figure("db_connections_checked_out") == 0
    async with engine.connect():
        assert figure("db_connections_checked_out") == 1
    assert figure("db_connections_checked_out") == 0
    assert figure("db_connections_overflow") == 0


async def test_a_database_in_memory_has_pool_figures_too(
    metrics: Metrics, tracing: Tracing
) -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    instrument_engine(engine, metrics, tracing, "main")
    await use(engine)
    await engine.dispose()
    read = metrics.registry.get_sample_value
    assert read("db_connection_pool_size", {"pool_name": "main"}) is not None


async def test_statements_are_client_spans_below_the_current_one(
    engine: AsyncEngine, metrics: Metrics, exporting: Tracing, collector: Collector
) -> None:
    instrument_engine(engine, metrics, exporting, "main")
    with exporting.span("request") as request:
        await use(engine)
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError):
            await connection.execute(text("select 'jane@example.com' from absent"))
    exporting.close()
    span = collector.span("SELECT shelves")
    assert span.parent_span_id.hex() == f"{request.get_span_context().span_id:016x}"
    assert span.kind == span.SPAN_KIND_CLIENT
    found = attributes(span)
    assert found["db.system.name"] == engine.dialect.name
    assert found["db.operation.name"] == "SELECT"
    assert found["db.collection.name"] == "shelves"
    assert "WHERE shelves.id =" in found["db.query.text"]
    failed = collector.span("SELECT absent")
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert "example.com" not in str(failed)


@pytest.mark.parametrize(
    ("statement", "query_type", "table"),
    [
        ("SELECT a.x FROM a JOIN b ON 1", "select", "a"),
        ('INSERT INTO "Events" (x) VALUES (?)', "insert", "events"),
        ("UPDATE tenants SET x = 1", "update", "tenants"),
        ("DELETE FROM main.keys WHERE 1", "delete", "keys"),
        ("/* note */ select 1", "select", "other"),
        ("WITH x AS (SELECT 1 FROM t) SELECT * FROM x", "select", "t"),
        ("PRAGMA journal_mode=WAL", "other", "other"),
        ("", "other", "other"),
    ],
)
async def test_a_statement_is_classified(statement: str, query_type: str, table: str) -> None:
    kind = StatementCatalogue().classify(statement)
    assert (kind.query_type, kind.table) == (query_type, table)


async def test_tables_are_bounded() -> None:
    catalogue = StatementCatalogue()
    tables = {catalogue.classify(f"SELECT 1 FROM t{number}").table for number in range(2000)}
    assert len(tables) == 101
    assert "other" in tables
