"""The kinds of model that a job can train, each behind one function, the cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from contracts.training import ModelType
from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.tuning import tuned
from ml_engine.models import popularity
from ml_engine.models.als import AlsParameters
from ml_engine.models.als.fit import fit as fit_als
from ml_engine.models.item_to_item import EaseParameters, ItemKnnParameters, ease, item_knn
from ml_engine.models.model import InnerProductModel, ScoringModel
from ml_engine.models.popularity import PopularityParameters
from ml_engine.models.two_stage import TwoStageParameters
from ml_engine.models.two_tower import TwoTowerParameters
from ml_engine.models.two_tower.fit import fit as fit_two_tower
from ml_engine.training.tuning import EASE, ITEM_KNN, tuned_als, tuned_item_to_item
from ml_engine.training.two_stage import fit as fit_two_stage

OnShare = Callable[[float], None]
"""Told the share of a fit that is done, 0 to 1."""

Tune = Callable[[Dataset, int, OnShare], Any]
"""Chooses parameters by a data set and a seed."""

Served = InnerProductModel | ScoringModel


@dataclass(frozen=True, slots=True)
class ModelKind:
    """How a kind of model is made of a data set and a seed.

    `tune` chooses its parameters, of the dataclass `parameters`, or names the kind whose parameters
    they are made of, and `fit` fits it to a data set by these.
    """

    parameters: type[Any]
    tune: Tune | ModelType
    fit: Callable[[Dataset, Any, int, OnShare], Served]

    def parameters_of(self, found: Mapping[str, Any]) -> Any:
        """Parameters out of the dictionary that `dataclasses.asdict` made of them."""
        return TypeAdapter(self.parameters).validate_python(found)


def _none(_: Dataset, __: int, on_share: OnShare) -> PopularityParameters:
    on_share(1.0)
    return PopularityParameters()


def _popularity(dataset: Dataset, _: object, __: int, on_share: OnShare) -> Served:
    model = popularity.fit(dataset)
    on_share(1.0)
    return model


def _tuned_item_knn(dataset: Dataset, seed: int, on_share: OnShare) -> ItemKnnParameters:
    return tuned_item_to_item(dataset, ITEM_KNN, item_knn.fit, seed, on_share)


def _item_knn(dataset: Dataset, parameters: ItemKnnParameters, _: int, on_share: OnShare) -> Served:
    model = item_knn.fit(dataset, parameters)
    on_share(1.0)
    return model


def _tuned_ease(dataset: Dataset, seed: int, on_share: OnShare) -> EaseParameters:
    return tuned_item_to_item(dataset, EASE, ease.fit, seed, on_share)


def _ease(dataset: Dataset, parameters: EaseParameters, _: int, on_share: OnShare) -> Served:
    return ease.fit(dataset, parameters, on_share)


def _als(dataset: Dataset, parameters: AlsParameters, seed: int, on_share: OnShare) -> Served:
    return fit_als(dataset, parameters, seed, on_share)


def _tuned_two_tower(dataset: Dataset, seed: int, on_share: OnShare) -> TwoTowerParameters:
    return tuned(dataset, TwoTowerParameters(), seed, on_share)


def _two_tower(
    dataset: Dataset, parameters: TwoTowerParameters, _: int, on_share: OnShare
) -> Served:
    # Its parameters hold the seed that they were tuned by.
    return fit_two_tower(dataset, parameters, on_share)


KINDS: Final = {
    ModelType.POPULARITY: ModelKind(PopularityParameters, _none, _popularity),
    ModelType.ITEM_KNN: ModelKind(ItemKnnParameters, _tuned_item_knn, _item_knn),
    ModelType.EASE: ModelKind(EaseParameters, _tuned_ease, _ease),
    ModelType.ALS: ModelKind(AlsParameters, tuned_als, _als),
    ModelType.TWO_TOWER: ModelKind(TwoTowerParameters, _tuned_two_tower, _two_tower),
    ModelType.TWO_STAGE: ModelKind(TwoStageParameters, ModelType.TWO_TOWER, fit_two_stage),
}


def types_for(model_type: ModelType) -> list[ModelType]:
    """What a job trains to evaluate: `auto` tries all, of which the best serves."""
    return list(KINDS) if model_type is ModelType.AUTO else [model_type]
