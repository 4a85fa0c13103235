"""Which items may stand in an answer."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from contracts.recommendations import NO_FILTERS, RankingOptions
from ml_engine.retrieval.catalogue import Catalogue
from ml_engine.retrieval.filter_masks import matches
from ml_engine.retrieval.selector import Selector


class Eligible:
    """The positions where `mask`, bool (n,), is true; all of them where it is None."""

    def __init__(self, mask: NDArray[np.bool_] | None) -> None:
        self.mask = mask

    @cached_property
    def selector(self) -> Selector | None:
        """The same for the index."""
        return None if self.mask is None else Selector(self.mask)

    def without(self, excluded: Iterable[int], size: int) -> NDArray[np.bool_]:
        """The mask, bool (size,), with the excluded positions cleared: a copy."""
        mask = np.ones(size, dtype=bool) if self.mask is None else self.mask.copy()
        mask[list(excluded)] = False
        return mask


def narrowed(catalogue: Catalogue, everything: Eligible, options: RankingOptions) -> Eligible:
    """Those items of `everything` that the options' filters and exclusions leave."""
    # Without conditions there is no need of a pass over the catalogue.
    conditional = options.filters is not NO_FILTERS and options.filters != NO_FILTERS
    if not conditional and not options.exclude:
        return everything
    mask = catalogue.available.copy()
    if conditional:
        here = None if options.context is None else options.context.location
        mask &= matches(catalogue, options.filters, here)
    mask[catalogue.positions(options.exclude)] = False
    return Eligible(mask)
