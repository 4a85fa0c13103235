"""One fit to simulated interactions, timed."""

import json
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from contracts.training import ModelType
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.models.als import AlsParameters
from ml_engine.training.checkpoints import Checkpoints
from ml_engine.training.model_kinds import KINDS
from ml_engine.training.trials import tuned_parameters

DAY_MS = 86_400_000


def simulated(n_events: int) -> Dataset:
    """20 events a user, an item for each 50, popularity by a power law, times within a year."""
    rng = np.random.default_rng(0)
    n_users, n_items = max(50, n_events // 20), max(100, n_events // 50)
    popularity = np.arange(1, n_items + 1) ** -0.8
    items = rng.choice(n_items, n_events, p=popularity / popularity.sum())
    users, times = rng.integers(0, n_users, n_events), rng.integers(0, 365 * DAY_MS, n_events)
    histories = Histories.from_events(users, items, times, n_users)
    return Dataset([str(k) for k in range(n_items)], [ItemContent()] * n_items, histories)


def measure(kind: ModelType, n_events: int) -> None:
    dataset = simulated(n_events)
    line = {"model": kind.value, "interactions": n_events, "items": dataset.n_items}
    parameters, tuned = _timed(
        lambda: tuned_parameters(kind, dataset, 0, Checkpoints.in_memory(), _unheard)
    )
    _, fitted = _timed(lambda: KINDS[kind].fit(dataset, parameters, 0, _unheard))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    line |= {f"tune_{unit}": round(spent, 2) for unit, spent in tuned.items()}
    line |= {f"fit_{unit}": round(spent, 2) for unit, spent in fitted.items()}
    line["peak_memory_mb"] = peak
    if kind is ModelType.ALS:
        ratio = fitted["seconds"] / _directly(dataset, parameters)
        line["ratio_to_implicit"] = round(ratio, 3)
    print(json.dumps(line), flush=True)


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    spent = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    return made, spent


def _unheard(_: float) -> None:
    """Nobody follows the progress here."""


def _directly(dataset: Dataset, parameters: AlsParameters) -> float:
    """Seconds that implicit takes for the same, from the histories to its factors."""
    started = time.perf_counter()
    confidences = dataset.histories.to_csr(dataset.n_items)
    confidences.data = 1 + np.float32(parameters.alpha) * confidences.data
    with threadpool_limits(limits=1, user_api="blas"):
        library = AlternatingLeastSquares(
            factors=parameters.factors,
            regularization=parameters.regularization,
            iterations=parameters.iterations,
            random_state=0,
        )
        library.fit(confidences, show_progress=False)
    return time.perf_counter() - started
