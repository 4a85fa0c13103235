"""The kinds of model that a job tries before it chooses one, within a part of its time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from contracts.training import ModelType
from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.training.checkpoints import Checkpoints
from ml_engine.training.model_kinds import KINDS, Served

SHARE: Final = 0.5
"""Of the time that a job may take, for trying kinds: the best one is fitted again after it."""

OnShare = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """A kind that was tuned and fitted, and how long both took."""

    kind: ModelType
    parameters: Any
    model: Served
    seconds: float


@dataclass(frozen=True, slots=True)
class Trials:
    """What was tried, in order, and why the others were not."""

    tried: list[Trial]
    skipped: dict[ModelType, str]

    def to_json(self, figures: Sequence[float]) -> dict[str, Any]:
        """Plain lists and dictionaries; `figures` are the NDCG@10 of those that were tried."""
        return {
            "tried": [
                {
                    "model": trial.kind.value,
                    "parameters": asdict(trial.parameters),
                    "seconds": round(trial.seconds, 3),
                    "ndcg_at_10": figure,
                }
                for trial, figure in zip(self.tried, figures, strict=True)
            ],
            "skipped": [
                {"model": kind.value, "reason": reason} for kind, reason in self.skipped.items()
            ],
        }


class _TimeUp(Exception):
    """The time for trying kinds is over."""


def try_kinds(
    kinds: Sequence[ModelType],
    dataset: Dataset,
    seed: int,
    seconds: float,
    checkpoints: Checkpoints,
    on_share: OnShare,
) -> Trials:
    """Tune and fit `kinds` in their order, for as long as `seconds`; the first in any case.

    Parameters that were found already are taken from `checkpoints`, which get those that are found.

    A kind is given up in its midst when the time is over. Raises what the first one raised where
    none could be fitted, NotEnoughData or MemoryError.
    """
    end = time.monotonic() + seconds
    trials = Trials([], {})
    failures: list[Exception] = []
    for place, kind in enumerate(kinds):
        started = time.monotonic()
        limit = end if trials.tried else math.inf

        def on_own(share: float, place: int = place, limit: float = limit) -> None:
            on_share((place + share) / len(kinds))
            if time.monotonic() > limit:
                raise _TimeUp

        try:
            on_own(0.0)
            parameters = tuned_parameters(
                kind, dataset, seed, checkpoints, lambda share, on=on_own: on(share / 2)
            )
            model = KINDS[kind].fit(
                dataset, parameters, seed, lambda share, on=on_own: on(0.5 + share / 2)
            )
        except _TimeUp:
            spent = time.monotonic() - started
            trials.skipped[kind] = (
                f"given up after {spent:.1f} s: the {seconds:g} s for trying kinds were over"
            )
        except (NotEnoughData, MemoryError) as error:
            trials.skipped[kind] = str(error) or "the data does not fit into memory"
            failures.append(error)
        else:
            trials.tried.append(Trial(kind, parameters, model, time.monotonic() - started))
    if not trials.tried:
        raise failures[0]
    return trials


def tuned_parameters(
    kind: ModelType, dataset: Dataset, seed: int, checkpoints: Checkpoints, on_share: OnShare
) -> Any:
    """Parameters of `kind` from `checkpoints`, or chosen and given to these."""
    own = KINDS[kind]
    if isinstance(own.tune, ModelType):
        return own.parameters(tuned_parameters(own.tune, dataset, seed, checkpoints, on_share))
    step = f"parameters of {kind}"
    if (found := checkpoints.found(step)) is not None:
        return own.parameters_of(found)
    parameters = own.tune(dataset, seed, on_share)
    checkpoints.add(step, asdict(parameters))
    return parameters
