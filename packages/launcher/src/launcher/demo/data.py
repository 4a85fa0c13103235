"""Loads the sample, as a customer would."""

from collections.abc import Generator, Sequence
from itertools import islice
from typing import Final, TypeVar

from launcher.demo.calls import doing
from launcher.demo.state import DemoState
from launcher.errors import LaunchError
from launcher.reporting import Reporter
from launcher.sample.model import Sample
from recommender_client import AsyncRecommender
from recommender_client.models import BatchResult

BATCH: Final = 5_000

RecordT = TypeVar("RecordT")


async def is_loaded(client: AsyncRecommender, state: DemoState) -> bool:
    """Whether the data that `state` speaks of is there."""
    with doing("reading the history of a user"):
        return bool((await client.users.history(state.known_user)).events)


async def load_sample(client: AsyncRecommender, sample: Sample, reporter: Reporter) -> DemoState:
    """Send all items, then all events; what is there already counts as a duplicate.

    Raises:
        LaunchError: a record or a batch was refused.
    """
    with (
        reporter.step("Loading the items", len(sample.items), "items") as tracker,
        doing("loading the items of the sample"),
    ):
        for done, items in _batches(sample.items):
            _check(await client.items.send(items), "items")
            tracker.update(done)
    with (
        reporter.step("Loading the events", len(sample.events), "events") as tracker,
        doing("loading the events of the sample"),
    ):
        for done, events in _batches(sample.events):
            _check(await client.events.send(events), "events")
            tracker.update(done)
    return DemoState(
        sample=sample.name,
        items=len(sample.items),
        events=len(sample.events),
        known_user=sample.known_user(),
    )


def _batches(records: Sequence[RecordT]) -> Generator[tuple[int, list[RecordT]]]:
    """Batches, each with the number of records up to its end."""
    rest = iter(records)
    done = 0
    while batch := list(islice(rest, BATCH)):
        done += len(batch)
        yield done, batch


def _check(result: BatchResult, what: str) -> None:
    if result.rejected:
        first = result.rejected[0]
        raise LaunchError(
            f"{len(result.rejected)} {what} of the sample were rejected; "
            f"the first, number {first.index} of its batch, for {first.code}: {first.reason}"
        )
