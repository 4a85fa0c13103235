"""Explanation: why the items stand where they do, in words and in numbers."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_engine.domain.recommendation import CONTEXT, POPULARITY, Explained, RankedItem
from ml_engine.retrieval.candidates import Placed
from ml_engine.retrieval.personal import ByVectors
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.subject import Profile, Subject

PINNED = "pinned"
FITS_CONTEXT = "fits the context"


class Explainer:
    """Explains the items of one answer."""

    def __init__(self, serving: ServingModel, subject: Subject, profile: Profile) -> None:
        self._serving = serving
        self._subject = subject
        self._profile = profile

    def in_words(self, items: Sequence[Placed]) -> list[RankedItem]:
        """Each item with its reason."""
        ids = self._serving.catalogue.item_ids
        # Among vectors what goes with an item has one reason, whatever the shares.
        one_reason = self._subject.similar_to is not None and self._of_vectors
        shares = None if one_reason else self._shares(items)
        return [
            RankedItem(ids[item.position], item.score, reason)
            for item, reason in zip(items, self._reasons(items, shares), strict=True)
        ]

    def in_full(self, items: Sequence[Placed]) -> list[RankedItem]:
        """Each item with its reason and what its score is made of."""
        ids = self._serving.catalogue.item_ids
        shares = self._shares(items)
        return [
            RankedItem(
                ids[item.position],
                item.score,
                reason,
                Explained(
                    item.model_score,
                    item.boost,
                    item.correction,
                    item.penalty,
                    item.pinned,
                    [] if shares is None else self._contributions(shares[n]),
                ),
            )
            for n, (item, reason) in enumerate(
                zip(items, self._reasons(items, shares), strict=True)
            )
        ]

    def _shares(self, items: Sequence[Placed]) -> NDArray[np.float32] | None:
        """What each event adds to each item's model score, float32 (items, events)."""
        personal, weights = self._serving.personal, self._profile.weights
        if personal is None or weights is None or not items:
            return None
        positions = [item.position for item in items]
        return personal.model.contributions(weights, self._subject.items, positions)

    @property
    def _of_vectors(self) -> bool:
        return isinstance(self._serving.personal, ByVectors)

    def _reasons(self, items: Sequence[Placed], shares: NDArray[np.float32] | None) -> list[str]:
        reasons = self._unpinned(len(items), shares)
        return [PINNED if i.pinned else r for i, r in zip(items, reasons, strict=True)]

    def _unpinned(self, n_items: int, shares: NDArray[np.float32] | None) -> list[str]:
        catalogue, subject = self._serving.catalogue, self._subject
        if self._profile.algorithm == CONTEXT:
            return [FITS_CONTEXT] * n_items
        if subject.similar_to is not None and self._profile.vector is not None:
            similar = f"similar to {catalogue.name(subject.similar_to)}"
            if shares is None or self._of_vectors:
                return [similar] * n_items
            # What does not go with the item at all stands there since it is popular.
            return [similar if share > 0 else POPULARITY for share in shares[:, 0].tolist()]
        if shares is None:
            return [POPULARITY] * n_items
        strongest = shares.argmax(axis=1)
        positive = shares[np.arange(n_items), strongest] > 0
        positions = subject.items[strongest]
        return [
            f"because of {catalogue.name(position)}" if share > 0 else POPULARITY
            for position, share in zip(positions.tolist(), positive.tolist(), strict=True)
        ]

    def _contributions(self, shares: NDArray[np.float32]) -> list[tuple[str, float]]:
        """What each item of the history adds, all its events together; old events add nothing."""
        by_item: defaultdict[int, float] = defaultdict(float)
        for position, share in zip(self._subject.items.tolist(), shares.tolist(), strict=True):
            by_item[position] += share
        ids = self._serving.catalogue.item_ids
        found = [(ids[position], share) for position, share in by_item.items() if share]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))
