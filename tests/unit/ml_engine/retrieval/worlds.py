"""Small and large worlds to recommend in: a feature store in memory, and models made of chance."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from backends.ports import ItemContent, ItemCount, UserEvent, UserFeatures
from ml_engine.models.item_to_item import ItemRows, ItemToItem
from ml_engine.models.two_stage import TwoStage
from ml_engine.models.two_stage.features import NUMBER
from ml_engine.models.two_stage.network import Network
from ml_engine.models.two_tower.item_tower import ItemTower
from ml_engine.models.two_tower.model import TwoTower
from ml_engine.models.two_tower.user_tower import UserTower
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.recall import SearchSampler
from ml_engine.retrieval.recommender import Recommender
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.tenant_models import Served, TenantModels

TENANT = "acme"
DIMENSIONS = 6
CATEGORIES = ("drama", "horror", "comedy", "sport", "news")
BRANDS = ("a", "b", "c", "1", "true")


class MemoryFeatures:
    """A FeatureReader whose contents a test sets."""

    def __init__(self, items: Sequence[ItemContent] = ()) -> None:
        self.items = list(items)
        self.histories: dict[str, list[UserEvent]] = {}
        self.weights: dict[str, float] = {}
        self.counts: dict[str, ItemCount] = {}

    async def user(self, tenant_id: str, user_id: str) -> UserFeatures:
        return UserFeatures(self.histories.get(user_id, []), {})

    async def items_after(self, tenant_id: str, sequence: int) -> Sequence[ItemContent]:
        return [item for item in self.items if item.sequence > sequence]

    async def item_counts(self, tenant_id: str) -> dict[str, ItemCount]:
        return dict(self.counts)

    async def event_weights(self, tenant_id: str) -> Mapping[str, float]:
        return self.weights

    async def ping(self) -> None: ...

    async def close(self) -> None: ...

    def put(self, item_id: str, **content: object) -> None:
        """Change an item as the feature store would show it."""
        sequence = max((item.sequence for item in self.items), default=0) + 1
        self.items = [item for item in self.items if item.item_id != item_id]
        fields = {"title": None, "categories": (), "year": None} | content
        self.items.append(ItemContent(sequence, item_id, **fields))  # type: ignore[arg-type]

    def met(self, user_id: str, *item_ids: str, event_type: str = "view") -> None:
        """Add events, one a second."""
        history = self.histories.setdefault(user_id, [])
        for item_id in item_ids:
            time = 1_700_000_000_000 + len(history) * 1000
            history.append(UserEvent(item_id, event_type, time, None, len(history)))


def random_item(sequence: int, item_id: str, rng: random.Random) -> ItemContent:
    attributes: dict[str, bool | int | float | str | list[str]] = {}
    if rng.random() < 0.8:
        attributes["price"] = rng.choice([rng.randint(0, 20), round(rng.uniform(0, 20), 2)])
    if rng.random() < 0.8:
        attributes["brand"] = rng.choice(BRANDS)
    if rng.random() < 0.6:
        attributes["tags"] = rng.sample(["x", "y", "z", "1"], rng.randint(0, 3))
    if rng.random() < 0.5:
        attributes["new"] = rng.random() < 0.5
    if rng.random() < 0.3:
        attributes["mixed"] = rng.choice([True, False, 0, 1, 1.0, "1", ["1", "x"], []])
    place = (rng.uniform(-90, 90), rng.uniform(-180, 180)) if rng.random() < 0.8 else None
    return ItemContent(
        sequence,
        item_id,
        f"Title {item_id}",
        tuple(rng.sample(CATEGORIES, rng.randint(0, 3))),
        rng.choice([None, rng.randint(1950, 2030)]),
        attributes,
        place,
        available=rng.random() < 0.95,
    )


def random_items(n: int, seed: int = 0) -> list[ItemContent]:
    rng = random.Random(seed)
    return [random_item(k + 1, f"item-{k}", rng) for k in range(n)]


def random_model(n_items: int, seed: int = 0) -> TwoTower:
    rng = np.random.default_rng(seed)

    def table(rows: int) -> np.ndarray:
        return rng.standard_normal((rows, DIMENSIONS)).astype(np.float32)

    tower = UserTower(
        position_weights=np.arange(1, 31, dtype=np.float32) ** np.float32(-0.7),
        decay=0.1,
        normalisation=0.5,
        knots=np.array([0, 10**12]),
        trend_table=table(2),
    )
    names = [f"category={name}" for name in sorted(CATEGORIES)]
    content = ItemTower(names, table(len(names) + 1), table(len(names) + 1))
    return TwoTower(table(n_items), table(n_items), tower, content)


def random_two_stage(n_items: int, seed: int = 0, depth: int = 100) -> TwoStage:
    """Towers, and a network whose corrections are as large as their scores."""
    rng = np.random.default_rng(seed + 1)

    def table(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    towers = random_model(n_items, seed)
    towers = replace(towers, user_tower=replace(towers.user_tower, measured=3))
    network = Network(table(NUMBER, 8), table(8), table(8))
    similar = random_weights(n_items, seed).rows
    neighbours = replace(similar, weights=np.abs(similar.weights))
    return TwoStage.of(towers, network, neighbours, depth)


def random_weights(n_items: int, seed: int = 0, per_row: int = 20) -> ItemToItem:
    """Each item leads to some others, or away from them."""
    rng = np.random.default_rng(seed)
    rows = np.array([np.sort(rng.choice(n_items, per_row, replace=False)) for _ in range(n_items)])
    weights = rng.standard_normal(rows.shape).astype(np.float32)
    popularity = rng.random(n_items).astype(np.float32)
    return ItemToItem("ease", ItemRows.of_rows(rows, weights), popularity, 0.1, 0.7)


class World:
    """A recommender over a feature store in memory, with a model or without."""

    def __init__(self, items: Sequence[ItemContent], model: TwoTower | ItemToItem | None) -> None:
        self.features = MemoryFeatures(items)
        self.models = TenantModels(NO_REGISTRY, self.features)
        self.recommender = Recommender(self.models, self.features, SearchSampler())
        self.model = model
        self.popularity = np.arange(len(items), 0, -1) // 2 * 1.0
        if model is not None:
            ids = [item.item_id for item in items]
            titles = [item.title for item in items]
            self.serving = ServingModel("v1", model, ids, titles, self.popularity)
            self.models.swap(TENANT, Served(self.serving))


NO_REGISTRY: ModelRegistry = None  # type: ignore[assignment]  # what serves is set by the tests
