"""The default model: a tower that encodes histories and a tower that encodes items.

Serving imports NumPy only; `fit`, in a module of its own, needs SciPy.
"""

from ml_engine.models.two_tower.artifact import load, save
from ml_engine.models.two_tower.item_tower import ItemTower
from ml_engine.models.two_tower.model import TwoTower
from ml_engine.models.two_tower.parameters import TwoTowerParameters
from ml_engine.models.two_tower.user_tower import UserTower

__all__ = ["ItemTower", "TwoTower", "TwoTowerParameters", "UserTower", "load", "save"]
