"""A metric family as the catalogue describes it; which services have it, which buckets it has."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family. `unit` is in words; `note` says what a reader could get wrong."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    unit: str
    services: frozenset[str]
    buckets: tuple[float, ...] | None = None
    note: str = ""


BACKEND_API: Final = frozenset({"backend-api"})
ML_ENGINE: Final = frozenset({"ml-engine"})
DATA_PIPELINE: Final = frozenset({"data-pipeline"})
ALL: Final = BACKEND_API | ML_ENGINE | DATA_PIPELINE

LATENCY: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# We answer in a few milliseconds: without finer buckets every quantile would read "under 5 ms".
FINE_LATENCY: Final = (0.0005, 0.001, 0.0025, *LATENCY)
MEMORY_LATENCY: Final = (0.00001, 0.00005, 0.0001, 0.00025, *FINE_LATENCY)
BATCH_DURATION: Final = (*LATENCY, 30.0, 60.0, 300.0, 900.0)
# Tenants multiply the series of these, and each bound is a series of its own.
RETRIEVAL_STAGE: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
PIPELINE_STAGE: Final = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
TRAINING_DURATION: Final = (5.0, 30.0, 120.0, 600.0, 3600.0, 14400.0)
SIZE: Final = (256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0)
