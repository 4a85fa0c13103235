"""MovieTweetings 100K: 100,000 timed ratings of films, from Twitter, 2013.

S. Dooms, T. De Pessemier, L. Martens: "MovieTweetings: a Movie Rating Dataset Collected From
Twitter", CrowdRec at RecSys 2013. MIT licence.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.events import Event, EventType
from contracts.items import Item
from launcher.errors import LaunchError
from launcher.sample.model import Sample

NAME: Final = "movietweetings-100k"
HOME: Final = "https://raw.githubusercontent.com/sidooms/MovieTweetings/master/snapshots/100K"
_TITLE_AND_YEAR: Final = re.compile(r"(?P<title>.*?)\s*\((?P<year>\d{4})\)\s*")


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file of the data set and the SHA-256 of its only right content."""

    name: str
    sha256: str


RATINGS: Final = SampleFile(
    "ratings.dat", "c0dd868c2632d10002ebc928ddc5345f33adeaa59eca52c2941c26a2c5e36fd6"
)
MOVIES: Final = SampleFile(
    "movies.dat", "e63fb84bc734e3c574f135634a40d3cbafab22b8f94f5fc0b80f80d1d2076efc"
)
FILES: Final = (RATINGS, MOVIES)


def folder_in(dataset_dir: Path) -> Path:
    """The folder of the data set: `dataset_dir` itself, or its own folder below it."""
    if any((dataset_dir / file.name).exists() for file in FILES):
        return dataset_dir
    return dataset_dir / NAME


def read_movietweetings(folder: Path) -> Sample:
    """Read and check the data set.

    Raises:
        LaunchError: a file is missing, or its content is not the published one.
    """
    contents = {file: _verified(folder, file) for file in FILES}
    items = tuple(_items(contents[MOVIES]))
    events = sorted(_events(contents[RATINGS]), key=lambda event: event.timestamp)
    return Sample(NAME, items, tuple(events))


def is_whole(path: Path, file: SampleFile) -> bool:
    """Whether `path` holds the published content."""
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def _verified(folder: Path, file: SampleFile) -> str:
    path = folder / file.name
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise LaunchError(
            f"sample file {path} cannot be read ({reason}): copy it there, or unset DATASET_DIR"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise LaunchError(
            f"sample file {path} is broken: expected sha256 {file.sha256}, found {digest}; "
            f"replace it by {HOME}/{file.name}, or unset DATASET_DIR"
        )
    return content.decode()


def _items(content: str) -> Iterator[Item]:
    for line in content.rstrip("\n").split("\n"):
        item_id, name, genres = line.split("::")
        match = _TITLE_AND_YEAR.fullmatch(name)
        yield Item(
            item_id=item_id,
            title=match["title"] if match else name,
            year=int(match["year"]) if match else None,
            categories=[genre for genre in genres.split("|") if genre],
        )


def _events(content: str) -> Iterator[Event]:
    for line in content.rstrip("\n").split("\n"):
        user, item, rating, time = line.split("::")
        yield Event.model_validate(
            {
                "event_id": f"mt-{user}-{item}-{time}",
                "user_id": user,
                "item_id": item,
                "event_type": EventType.RATING,
                "timestamp": int(time),
                "value": float(rating),
            }
        )
