"""The second stage of a model that has one: it corrects the scores of a user's candidates."""

import numpy as np

from ml_engine.models.model import ReRankingModel
from ml_engine.retrieval.candidates import Candidates
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.subject import Profile, Subject


class SecondStage:
    """Re-ranks candidates of one subject, where the model does and the subject is a user.

    It is learned on users: what goes with an item or a history without times is left as it is.
    """

    def __init__(self, serving: ServingModel, subject: Subject, profile: Profile) -> None:
        self._subject = subject
        self._profile = profile
        self._model: ReRankingModel | None = None
        if serving.depth and subject.times is not None and serving.personal is not None:
            model = serving.personal.model
            self._model = model if isinstance(model, ReRankingModel) else None

    def applied(self, candidates: Candidates) -> Candidates:
        """The candidates with their corrections, in the order of their scores by now."""
        vector, weights = self._profile.vector, self._profile.weights
        if self._model is None or vector is None or weights is None or not len(candidates):
            return candidates
        positions = np.array(candidates.positions, np.int64)
        corrections = self._model.corrections(vector, weights, self._subject.items, positions)
        totals = np.array(candidates.model_scores) + corrections
        if candidates.boosts is not None:
            totals += candidates.boosts
        order = np.lexsort((positions, -totals))
        boosts = None if candidates.boosts is None else np.array(candidates.boosts)[order].tolist()
        return Candidates(
            positions[order].tolist(),
            np.array(candidates.model_scores)[order].tolist(),
            boosts,
            corrections[order].astype(np.float64).tolist(),
        )
