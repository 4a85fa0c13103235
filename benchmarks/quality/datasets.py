"""Readers of the three benchmark sets, each with the protocol it is published under."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml_engine.domain.interactions import Dataset, Histories, ItemContent

_TITLE_AND_YEAR = re.compile(r"(.*) \((\d{4})\)$")


@dataclass(frozen=True, slots=True)
class SampledTest:
    """One test item a user, int64 (n,), among its negatives (one int64 array a user)."""

    users: np.ndarray
    items: np.ndarray
    negatives: list[np.ndarray]


def dataset_directory(name: str) -> Path:
    """Folder of the set under DATASET_DIR; FileNotFoundError says what is missing."""
    root = os.environ.get("DATASET_DIR")
    if not root:
        raise FileNotFoundError("DATASET_DIR is not set: name the folder that holds the data sets")
    directory = Path(root) / name
    if not directory.is_dir():
        raise FileNotFoundError(f"DATASET_DIR is {root}, which has no folder {name}")
    return directory


def read_movietweetings(directory: Path) -> Dataset:
    """`user::item::rating::seconds` and `item::title (year)::genre|genre`."""
    contents = _read_movies(directory / "movies.dat")
    item_ids = list(contents)
    index = {item: row for row, item in enumerate(item_ids)}
    users: dict[str, int] = {}
    events: list[tuple[int, int, int]] = []
    for line in (directory / "ratings.dat").read_text("utf-8").splitlines():
        user, item, _, seconds = line.split("::")
        events.append((users.setdefault(user, len(users)), index[item], int(seconds) * 1000))
    columns = np.array(events, np.int64)
    histories = Histories.from_events(columns[:, 0], columns[:, 1], columns[:, 2], len(users))
    return Dataset(item_ids, list(contents.values()), histories)


def read_gowalla(directory: Path) -> tuple[Dataset, Histories]:
    """LightGCN's split: the training set and the test items of the same users."""
    train, test = _read_rows(directory / "train.txt"), _read_rows(directory / "test.txt")
    n_users = max(*train, *test) + 1
    n_items = 1 + max(item for part in (train, test) for row in part.values() for item in row)
    contents = [ItemContent()] * n_items
    histories = Histories.from_rows([train.get(user, []) for user in range(n_users)])
    held_out = Histories.from_rows([test.get(user, []) for user in range(n_users)])
    return Dataset([str(item) for item in range(n_items)], contents, histories), held_out


def read_ml_1m(directory: Path) -> tuple[Dataset, SampledTest]:
    """NCF's leave one out; a negative that is the test item itself is dropped."""
    movies = _read_movies(directory / "ml-1m.movies.dat")
    rows = (directory / "item_map.tsv").read_text("utf-8").splitlines()[1:]
    movie_of = dict(row.split("\t") for row in rows)
    item_ids = [movie_of[str(item)] for item in range(len(movie_of))]
    contents = [movies.get(movie, ItemContent()) for movie in item_ids]
    train = _read_rows(directory / "train.txt")
    tests = np.loadtxt(directory / "ml-1m.test.rating", np.int64)[:, :2]
    histories = Histories.from_rows(
        [train.get(user, []) for user in range(int(tests[:, 0].max()) + 1)]
    )
    negatives: list[np.ndarray] = []
    lines = (directory / "ml-1m.test.negative").read_text("utf-8").splitlines()
    for line, item in zip(lines, tests[:, 1], strict=True):
        sampled = np.array(line.split("\t")[1:], np.int64)
        negatives.append(sampled[sampled != item])
    return Dataset(item_ids, contents, histories), SampledTest(tests[:, 0], tests[:, 1], negatives)


def _read_movies(path: Path) -> dict[str, ItemContent]:
    # MovieLens is Latin-1, MovieTweetings UTF-8.
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    movies: dict[str, ItemContent] = {}
    for line in text.splitlines():
        movie, title, *genres = line.split("::")
        found = _TITLE_AND_YEAR.match(title)
        name, year = (found.group(1), int(found.group(2))) if found else (title, None)
        categories = tuple(genre for genre in "".join(genres).split("|") if genre)
        movies[movie] = ItemContent(name, categories, year)
    return movies


def _read_rows(path: Path) -> dict[int, list[int]]:
    rows = (list(map(int, line.split())) for line in path.read_text().splitlines())
    return {row[0]: row[1:] for row in rows if row}
