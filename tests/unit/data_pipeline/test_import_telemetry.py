"""What is told of imports, in any order that can come."""

import pytest

from contracts.imports import DataType, FileFormat
from data_pipeline.adapters.import_telemetry import ImportTelemetry
from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.imports import BrokenFile, RecordFile, new_import
from data_pipeline.services.import_worker import ChunkReport
from data_pipeline.settings import Settings
from instrumentation.metrics import Metrics
from instrumentation.tracing import start_tracing

FILE = RecordFile(DataType.ITEMS, FileFormat.CSV, {})
ENTRY = new_import("1-a", "acme", FILE, 5, 1_000, {})


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("data-pipeline")


@pytest.fixture
def telemetry(metrics: Metrics) -> ImportTelemetry:
    return ImportTelemetry(metrics, start_tracing(Settings(service_token="a" * 16)))


def test_a_chunk_of_an_import_that_was_just_cancelled_is_no_fault(telemetry) -> None:
    telemetry.began(ENTRY.begun(2_000))
    telemetry.ended(ENTRY.cancelled(3_000))
    with telemetry.chunk(ENTRY) as stored:
        stored(ChunkReport(1, 1, [], []))


def test_a_failure_counts_by_its_reason_and_its_words_stay_out_of_the_log(
    telemetry, caplog
) -> None:
    entry = ENTRY.begun(2_000)
    telemetry.began(entry)
    failure = BrokenFile("the column 'anna@example.org' is no field")
    with caplog.at_level("INFO"):
        telemetry.ended(entry.failed(failure, 3_000), failure)
    assert "broken_file" in caplog.text
    assert "anna" not in caplog.text


def test_an_import_that_the_next_start_goes_on_with_is_closed(telemetry) -> None:
    telemetry.began(ENTRY.begun(2_000))
    telemetry.close()
    telemetry.ended(ENTRY.begun(2_000).completed(3_000))


def test_faults_count_by_their_code(telemetry, metrics) -> None:
    telemetry.began(ENTRY)
    fault = Rejected(0, "invalid_value", "r", b"")
    with telemetry.chunk(ENTRY) as stored:
        stored(ChunkReport(3, 1, [fault, fault], []))
    labels = {"tenant_id": "acme", "error_type": "invalid_value"}
    value = metrics.registry.get_sample_value("data_validation_errors_total", labels)
    assert value == 2.0
