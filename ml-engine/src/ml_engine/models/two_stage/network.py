"""A network of one hidden layer that corrects scores.

correction = sum over units k of o_k max(0, b_k + sum over features f of x_f W_fk)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Network:
    """`hidden` float32 (features, units), `bias` float32 (units,) and `output` float32 (units,)."""

    hidden: np.ndarray
    bias: np.ndarray
    output: np.ndarray

    @classmethod
    def silent(cls, n_features: int) -> Network:
        """One that corrects nothing."""
        zero = np.zeros(1, np.float32)
        return cls(np.zeros((n_features, 1), np.float32), zero, zero)

    def corrections(self, features: np.ndarray) -> np.ndarray:
        """What to add to the scores, float32 (...,), by `features` float32 (..., features)."""
        return np.maximum(features @ self.hidden + self.bias, np.float32(0)) @ self.output
