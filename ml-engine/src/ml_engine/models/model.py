"""What every model answers to."""

from typing import Protocol

import numpy as np

from ml_engine.domain.interactions import Histories


class Model(Protocol):
    """Scores items for users who are known only by their histories."""

    @property
    def name(self) -> str:
        """Name under which the model is reported."""
        ...

    def scores(self, histories: Histories) -> np.ndarray:
        """Scores, float32 (n_users, n_items); higher is better, only their order counts."""
        ...
