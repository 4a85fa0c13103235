"""The two-stage model: two towers retrieve candidates, a small network re-ranks them.

Serving imports NumPy only; `learning`, in a module of its own, needs SciPy.
"""

from ml_engine.models.two_stage.artifact import load, save
from ml_engine.models.two_stage.model import NAME, TwoStage
from ml_engine.models.two_stage.parameters import NetworkParameters, TwoStageParameters

__all__ = ["NAME", "NetworkParameters", "TwoStage", "TwoStageParameters", "load", "save"]
