"""Retrieval alone, without HTTP: one recommendation by each option, and a batch.

The model is made of chance, the feature store is the real one.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from backends.database import open_engine
from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.locations import sqlite_url
from backends.object_store import UrlObjectStore
from backends.ports import ItemContent, ItemUpdate
from benchmarks.serving.views import views
from contracts.recommendations import BatchQuery, RecommendationQuery
from ml_engine.adapters.serving_store import SqlServingStore
from ml_engine.adapters.version_marks import SqlVersionMarks
from ml_engine.models.two_tower import TwoTower, UserTower
from ml_engine.models.two_tower.item_tower import ItemTower
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.personal import ByVectors
from ml_engine.retrieval.recall import SearchSampler
from ml_engine.retrieval.recommender import Recommender
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.tenant_models import Served, TenantModels

TENANT = "bench"
DIMENSIONS = 45
USERS = 500
HISTORY = 20
TRIES = 500
NEAR = {"latitude": 10, "longitude": 10, "radius_km": 1000}
ATTRIBUTES = {"price": {"min": 10, "max": 50}, "brand": {"any_of": ["b1", "b2", "b3"]}}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "category": {"filters": {"categories": ["c3"]}},
    "attributes": {"filters": {"attributes": ATTRIBUTES}},
    "near": {"filters": {"near": NEAR}},
    "boost": {"boosts": [{"where": {"categories": ["c3"]}, "weight": 1}]},
    "caps": {"caps": {"brand": 1}},
    "diversity": {"diversity": 0.5},
    "explain": {"explain": True},
    "unknown": {"user_id": "nobody"},
}


def content(number: int) -> ItemContent:
    attributes = {"price": float(number % 100), "brand": f"b{number % 50}"}
    place = (float(number % 90), float(number % 180))
    item_id = f"item-{number}"
    categories = ("all", f"c{number % 20}")
    return ItemContent(number + 1, item_id, f"T {number}", categories, 2000, attributes, place)


def random_model(n_items: int) -> TwoTower:
    rng = np.random.default_rng(0)

    def table(rows: int) -> np.ndarray:
        return rng.standard_normal((rows, DIMENSIONS)).astype(np.float32)

    positions = np.arange(1, 31, dtype=np.float32)
    tower = UserTower(positions ** np.float32(-0.7), 0.1, 0.5, np.array([0, 10**12]), table(2))
    return TwoTower(table(n_items), table(n_items), tower, ItemTower([], table(1), table(1)))


async def measure(recommender: Recommender, n_items: int, name: str) -> None:
    queries = [
        RecommendationQuery.model_validate({"user_id": f"user-{n}"} | OPTIONS[name])
        for n in range(USERS)
    ]
    times: list[float] = []
    for turn in range(TRIES + 50):
        started = time.perf_counter()
        await recommender.recommend(TENANT, queries[turn % USERS])
        times.append((time.perf_counter() - started) * 1e6)
    times = sorted(times[50:])
    p50, p99 = round(times[TRIES // 2]), round(times[TRIES * 99 // 100])
    print(json.dumps({"retrieval": name, "items": n_items, "p50_us": p50, "p99_us": p99}))


async def measure_against_faiss(recommender: Recommender, serving: ServingModel) -> None:
    """The ann_search of plain answers, and bare FAISS asked the same right after each."""
    assert isinstance(serving.personal, ByVectors)
    bare = faiss.IndexFlatIP(DIMENSIONS)
    bare.add(serving.personal.index.vectors)
    num_items = RecommendationQuery(user_id="user-0").num_items
    stages: list[float] = []
    calls: list[float] = []
    for turn in range(TRIES):
        query = RecommendationQuery(user_id=f"user-{turn % USERS}")
        answer = await recommender.recommend(TENANT, query)
        stages.append(next(s.seconds for s in answer.stages if s.name == "ann_search"))
        vector = serving.personal.index.vectors[turn : turn + 1]
        started = time.perf_counter()
        # As many as the answer and what it leaves out, the items of the history.
        bare.search(vector, num_items + HISTORY + 1)
        calls.append(time.perf_counter() - started)
    search, call = float(np.median(stages)), float(np.median(calls))
    line = {"retrieval": "ann_search", "items": len(serving.catalogue)}
    times = {"p50_us": round(search * 1e6), "faiss_p50_us": round(call * 1e6)}
    print(json.dumps(line | times | {"ratio_to_faiss": round(search / call, 3)}))


async def measure_batch(recommender: Recommender, n_items: int) -> None:
    """A batch of 1,000 users, and the longest that anything else had to wait meanwhile."""
    users = [f"user-{n}" for n in range(2 * USERS)]
    waits: list[float] = []

    async def wait_in_turn() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0)
            waits.append(time.perf_counter() - started)

    waiting = asyncio.create_task(wait_in_turn())
    started = time.perf_counter()
    await recommender.recommend_batch(TENANT, BatchQuery(user_ids=users))
    seconds = round(time.perf_counter() - started, 3)
    waiting.cancel()
    longest = round(max(waits) * 1000, 1)
    line = {"retrieval": "batch of 1,000", "items": n_items, "seconds": seconds}
    print(json.dumps(line | {"longest_wait_ms": longest}))


async def main(n_items: int) -> None:
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.db"
        writer = SqliteFeatureWriter(path)
        items = [content(number) for number in range(n_items)]
        await writer.apply(ItemUpdate([(TENANT, item) for item in items], n_items))
        events = [
            (f"user-{u}", f"item-{(u * 31 + i * 7) % n_items}", i * 1000)
            for u in range(USERS)
            for i in range(HISTORY)
        ]
        await writer.apply(views(TENANT, events, len(events)))
        features = SqliteFeatureReader(path)
        database = open_engine(sqlite_url(Path(folder), "ml-engine"), pool_size=1)
        objects, serving_store = UrlObjectStore(Path(folder).as_uri()), SqlServingStore(database)
        registry = ModelRegistry(objects, serving_store, SqlVersionMarks(database), Path(folder))
        models = TenantModels(registry, features)
        ids, titles = [item.item_id for item in items], [item.title for item in items]
        popularity = np.arange(n_items, 0, -1, dtype=np.float64)
        serving = ServingModel("v1", random_model(n_items), ids, titles, popularity)
        models.swap(TENANT, Served(serving))
        recommender = Recommender(models, features, SearchSampler())
        await measure_against_faiss(recommender, serving)
        for name in OPTIONS:
            await measure(recommender, n_items, name)
        await measure_batch(recommender, n_items)
        await features.close()
        await writer.close()
