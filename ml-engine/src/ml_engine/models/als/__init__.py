"""Matrix factorisation by alternating least squares.

Serving imports NumPy only; `fit`, in a module of its own, needs the `implicit` library.
"""

from ml_engine.models.als.artifact import load, save
from ml_engine.models.als.model import NAME, Als
from ml_engine.models.als.parameters import AlsParameters

__all__ = ["NAME", "Als", "AlsParameters", "load", "save"]
