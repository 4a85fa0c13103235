"""What a query's options come to in a tenant's catalogue, for one user or for a thousand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.recommendations import RankingOptions
from ml_engine.retrieval.catalogue import Catalogue
from ml_engine.retrieval.eligibility import Eligible, narrowed
from ml_engine.retrieval.filter_masks import matches
from ml_engine.retrieval.reranking import split_pins
from ml_engine.retrieval.serving_model import ServingModel


@dataclass(frozen=True, slots=True)
class Plan:
    """The options, the `eligible` items, and what else the catalogue makes of them.

    `boosts` float64 (n,) are weights in standard deviations; `pins` are (place, position) pairs.
    Good until the catalogue changes.
    """

    options: RankingOptions
    eligible: Eligible
    boosts: NDArray[np.float64] | None
    pins: Sequence[tuple[int, int]]
    skipped_pins: Sequence[str]

    @property
    def scores_everything(self) -> bool:
        """Whether boosts or diversity ask for the scores of all eligible items."""
        return self.boosts is not None or self.options.diversity > 0


def plan_of(serving: ServingModel, options: RankingOptions) -> Plan:
    """Apply the options to the catalogue as it is now."""
    catalogue = serving.catalogue
    pins, skipped = split_pins(catalogue, options.pins, options.num_items)
    eligible = narrowed(catalogue, serving.everything(), options)
    return Plan(options, eligible, _boosts(catalogue, options), pins, skipped)


def _boosts(catalogue: Catalogue, options: RankingOptions) -> NDArray[np.float64] | None:
    if not options.boosts:
        return None
    here = None if options.context is None else options.context.location
    units = np.zeros(len(catalogue))
    for boost in options.boosts:
        units[matches(catalogue, boost.where, here)] += boost.weight
    return units
