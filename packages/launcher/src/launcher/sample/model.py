"""A sample: a catalogue, and what users did with it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.events import Event
from contracts.items import Item

KNOWN_USER_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Items and events, the events in the order of their time."""

    name: str
    items: Sequence[Item]
    events: Sequence[Event]

    def known_user(self) -> str:
        """A user with a telling history: the first of at least 20 events, else the busiest."""
        counts = Counter(event.user_id for event in self.events)
        busy = [user for user, count in counts.items() if count >= KNOWN_USER_EVENTS]
        if busy:
            return min(busy, key=lambda user: (len(user), user))
        return counts.most_common(1)[0][0]
