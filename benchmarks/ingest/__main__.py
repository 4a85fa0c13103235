"""`make bench-ingest`: rows a second into the event log, beside DuckDB and the raw read.

Prints a JSON line for each source: a file of ROWS rows, HTTP batches, Kafka. Everything that a
record goes through is on: checked, deduplicated, stored, accounted for, with telemetry.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.csv
from confluent_kafka import Producer
from tests.kafka_broker import KafkaBroker, KafkaUnavailable
from tests.real_processes import wait_for

from benchmarks.ingest.service import MemoryWatch, Service, running
from benchmarks.ingest.simulated import batches, messages, write_csv

TENANT: Final = "benchmark"
BATCH: Final = 10_000
CONNECTIONS: Final = 4
PATIENCE_SECONDS: Final = 3_600.0
PAUSE_SECONDS: Final = 0.5
"""Between two looks at the service, which are work for it: 0.05 took a tenth of all of its CPU."""
TOPIC: Final = "recommender.events"
COPY: Final = "COPY (FROM read_csv('{0}')) TO '{1}' (FORMAT parquet, COMPRESSION zstd)"


def measure_file(folder: Path, rows: int) -> None:
    """A bulk import, DuckDB's own copy to Parquet and the raw read of the same file."""
    source = folder / "events.csv"
    write_csv(source, rows)
    read = _seconds(lambda: _read(source))
    copy = _seconds(lambda: duckdb.sql(COPY.format(source, folder / "copy.parquet")))
    with running(folder / "file") as service, MemoryWatch(service) as memory:
        before = service.cpu_seconds()
        job = _import(service, source)
        cpu = service.cpu_seconds() - before
    seconds = job["seconds"]
    _print(
        "ingest-file",
        rows=rows,
        accepted=job["accepted"],
        rows_per_second=round(rows / seconds),
        ratio_to_duckdb=round(copy / seconds, 3),
        duckdb_rows_per_second=round(rows / copy),
        raw_read_rows_per_second=round(rows / read),
        cpu_us_per_row=round(cpu / rows * 1e6, 2),
        anonymous_memory_mb=memory.peaks(5),
    )


def measure_http(folder: Path, rows: int) -> None:
    """Batches of 10,000 over a few connections."""
    bodies = list(batches(rows, BATCH, "http"))
    with running(folder / "http") as service, MemoryWatch(service) as memory:
        before = service.cpu_seconds()
        started = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            accepted = sum(pool.map(lambda body: _post(service, body), bodies))
        seconds = time.perf_counter() - started
        cpu = service.cpu_seconds() - before
    _print(
        "ingest-http",
        rows=rows,
        accepted=accepted,
        rows_per_second=round(rows / seconds),
        rows_per_second_per_core=round(rows / cpu),
        anonymous_memory_mb=memory.peaks(5),
    )


def measure_kafka(folder: Path, rows: int) -> None:
    """A topic that is full when the consumer starts, until its lag is gone."""
    home = folder / "kafka"
    home.mkdir()
    try:
        broker = KafkaBroker(home)
    except KafkaUnavailable as lacking:
        _print("ingest-kafka", skipped=f"Kafka {lacking}")
        return
    try:
        broker.start()
        broker.create_topic(TOPIC, 4)
        _produce(broker, messages(rows, "kafka"))
        settings = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
        with running(folder / "stream", **settings) as service, MemoryWatch(service) as memory:
            first = _loaded(service)
            before, started = service.cpu_seconds(), time.perf_counter()
            wait_for(
                lambda: _loaded(service),
                lambda loaded: loaded >= rows,
                PATIENCE_SECONDS,
                PAUSE_SECONDS,
            )
            seconds, cpu = time.perf_counter() - started, service.cpu_seconds() - before
    finally:
        broker.stop()
    _print(
        "ingest-kafka",
        rows=rows,
        rows_per_second=round((rows - first) / seconds),
        rows_per_second_per_core=round((rows - first) / cpu),
        anonymous_memory_mb=memory.peaks(5),
    )


def _import(service: Service, source: Path) -> dict[str, Any]:
    def content() -> Iterator[bytes]:
        with source.open("rb") as file:
            while block := file.read(1 << 20):
                yield block

    path = f"/v1/tenants/{TENANT}/imports"
    answer = service.client.post(
        path, params={"data_type": "events", "format": "csv"}, content=content()
    ).raise_for_status()
    job_id = answer.json()["import_id"]
    job = wait_for(
        lambda: service.client.get(f"{path}/{job_id}").raise_for_status().json(),
        lambda job: job["status"] not in ("queued", "running"),
        PATIENCE_SECONDS,
        PAUSE_SECONDS,
    )
    if job["status"] != "completed":
        raise RuntimeError(job)
    return {**job, "seconds": _moment(job["finished_at"]) - _moment(job["started_at"])}


def _post(service: Service, body: bytes) -> int:
    path = f"/v1/tenants/{TENANT}/events"
    answer = service.client.post(path, content=body).raise_for_status()
    return answer.json()["accepted"]


def _produce(broker: KafkaBroker, values: Iterator[bytes]) -> None:
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap_servers, "acks": "all", "compression.type": "lz4"}
    )
    headers: dict[str, str | bytes | None] = {"tenant_id": TENANT}
    for number, value in enumerate(values):
        while True:
            try:
                producer.produce(TOPIC, value, partition=number % 4, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def _loaded(service: Service) -> int:
    answer = service.client.get(f"/v1/tenants/{TENANT}/accounting").raise_for_status()
    return answer.json()["totals"]["loaded"]


def _read(source: Path) -> None:
    with pyarrow.csv.open_csv(source) as reader:
        for _ in reader:
            pass


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _print(name: str, **figures: object) -> None:
    print(json.dumps({"benchmark": name, **figures}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--stream-rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name:
        measure_file(Path(name), given.rows)
        measure_http(Path(name), given.stream_rows)
        measure_kafka(Path(name), given.stream_rows)
