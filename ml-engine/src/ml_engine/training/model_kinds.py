"""The kinds of model that a job can train, each behind one function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from contracts.training import ModelType
from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.tuning import tuned
from ml_engine.models.als import AlsParameters
from ml_engine.models.als.fit import fit as fit_als
from ml_engine.models.model import InnerProductModel
from ml_engine.models.two_tower import TwoTowerParameters
from ml_engine.models.two_tower.fit import fit as fit_two_tower

OnShare = Callable[[float], None]
"""Told the share of a fit that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class ModelKind:
    """How a kind of model is made of a data set and a seed.

    `tune` chooses its parameters, a dataclass, and `fit` fits it to a data set by these.
    """

    tune: Callable[[Dataset, int, OnShare], Any]
    fit: Callable[[Dataset, Any, int, OnShare], InnerProductModel]


def _tuned_two_tower(dataset: Dataset, seed: int, on_share: OnShare) -> TwoTowerParameters:
    return tuned(dataset, TwoTowerParameters(), seed, on_share)


def _two_tower(
    dataset: Dataset, parameters: TwoTowerParameters, _: int, on_share: OnShare
) -> InnerProductModel:
    # Its parameters hold the seed that they were tuned by.
    return fit_two_tower(dataset, parameters, on_share)


def _untuned_als(_: Dataset, __: int, on_share: OnShare) -> AlsParameters:
    on_share(1.0)
    return AlsParameters()


def _als(
    dataset: Dataset, parameters: AlsParameters, seed: int, on_share: OnShare
) -> InnerProductModel:
    return fit_als(dataset, parameters, seed, on_share)


KINDS: Final = {
    ModelType.TWO_TOWER: ModelKind(_tuned_two_tower, _two_tower),
    ModelType.ALS: ModelKind(_untuned_als, _als),
}


def types_for(model_type: ModelType) -> list[ModelType]:
    """What a job trains to evaluate: `auto` tries all, of which the best serves."""
    return list(KINDS) if model_type is ModelType.AUTO else [model_type]
