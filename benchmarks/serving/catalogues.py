"""A catalogue of any size with a model that serves it, in memory: no service has to take it in."""

import numpy as np
from tests.unit.ml_engine.retrieval.worlds import NO_REGISTRY, TENANT, MemoryFeatures

from benchmarks.retrieval.vectors import like_a_model
from ml_engine.models.two_tower.item_tower import ItemTower
from ml_engine.models.two_tower.model import TwoTower
from ml_engine.models.two_tower.user_tower import UserTower
from ml_engine.retrieval.approximate_index import ApproximateIndex
from ml_engine.retrieval.flat_index import FlatIndex
from ml_engine.retrieval.index import VectorIndex
from ml_engine.retrieval.index_choice import QUERIES, choose
from ml_engine.retrieval.recall import SearchSampler
from ml_engine.retrieval.recommender import Recommender
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.tenant_models import Served, TenantModels

USERS = 500
EVENTS = 20


def _histories(n_items: int) -> MemoryFeatures:
    """Users with a history each, of items near each other, which are of one topic or two."""
    rng = np.random.default_rng(2)
    room = min(n_items, 4 * EVENTS)
    features = MemoryFeatures()
    for user, start in enumerate(rng.integers(0, n_items - room + 1, USERS).tolist()):
        features.met(f"u{user}", *(f"i{start + n}" for n in rng.integers(0, room, EVENTS).tolist()))
    return features


def recommender(n_items: int, dimensions: int) -> tuple[Recommender, VectorIndex]:
    """One over so many items, and its index: that which a training job would choose for them."""
    items, users = like_a_model(n_items, QUERIES, dimensions)
    choice = choose(items, users)
    index: VectorIndex = FlatIndex(items)
    if choice.codes is not None:
        index = ApproximateIndex(choice.codes, items)
    tower = UserTower(
        position_weights=np.arange(1, 201, dtype=np.float32) ** np.float32(-0.7),
        decay=0.1,
        normalisation=0.5,
        knots=np.array([0, 10**13]),
        trend_table=np.zeros((2, dimensions), np.float32),
    )
    content = ItemTower([], np.zeros((1, dimensions), np.float32), items[:1].copy())
    ids = [f"i{n}" for n in range(n_items)]
    popularity = np.arange(n_items, 0, -1, dtype=np.float64)
    model = TwoTower(items, items, tower, content)
    serving = ServingModel("v1", model, ids, ids, popularity, index)
    features = _histories(n_items)
    models = TenantModels(NO_REGISTRY, features)
    models.swap(TENANT, Served(serving))
    return Recommender(models, features, SearchSampler()), index
