import time
from collections.abc import Sequence
from threading import Event

from instrumentation.export import Export


def test_what_comes_while_a_batch_is_sent_waits_for_more() -> None:
    batches: list[tuple[float, list[int]]] = []
    twice = Event()

    def deliver(batch: Sequence[int]) -> None:
        batches.append((time.monotonic(), list(batch)))
        if len(batches) == 1:
            export.add(2)
            export.add(3)
        else:
            twice.set()

    export: Export[int] = Export("traces", deliver, None)
    export.add(1)
    assert twice.wait(10)
    export.close()
    (first_at, first), (second_at, second) = batches
    assert (first, second) == ([1], [2, 3])
    assert second_at - first_at > 0.5


def test_a_full_batch_is_sent_at_once_and_what_is_left_at_the_end() -> None:
    batches: list[list[int]] = []
    full = Event()

    def deliver(batch: Sequence[int]) -> None:
        batches.append(list(batch))
        full.set()

    export: Export[int] = Export("traces", deliver, None)
    started = time.monotonic()
    for number in range(700):
        export.add(number)
    assert full.wait(10)
    assert time.monotonic() - started < 0.9
    export.close()
    assert [number for batch in batches for number in batch] == list(range(700))
    assert len(batches[0]) == 512
