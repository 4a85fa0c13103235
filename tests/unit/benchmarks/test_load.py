"""The load is as unequal as real popularity, and its figures are what they say."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from benchmarks.load.memory import slope
from benchmarks.load.popularity import CURVE, Popularity, share
from benchmarks.load.sender import Answered, Sender, moments, when_due
from benchmarks.load.traffic import BATCH, SHARES, Request, Tenant, Traffic


def test_the_curve_goes_through_what_was_measured() -> None:
    assert [share(rank) for rank, _ in CURVE] == pytest.approx([part for _, part in CURVE])
    assert share(20_000) == 1.0
    shares = [share(rank) for rank in range(1, 10_506)]
    assert shares == sorted(shares)


def test_the_first_are_drawn_as_often_as_the_curve_says() -> None:
    chance, popularity = random.Random(1), Popularity(100)
    drawn = Counter(popularity.draw(chance) for _ in range(20_000))
    assert set(drawn) == set(range(100))
    first_ten = sum(drawn[place] for place in range(10)) / 20_000
    assert first_ten == pytest.approx(share(10) / share(100), abs=0.02)


def test_each_kind_has_its_share_and_its_own_tenant() -> None:
    traffic = Traffic("test", [Tenant("a", "key-a"), Tenant("b", "key-b")], seed=1)
    drawn = [traffic.draw() for _ in range(4_000)]
    kinds = Counter(one.kind for one in drawn)
    assert sum(SHARES.values()) == pytest.approx(1)
    for kind, part in SHARES.items():
        assert kinds[kind] / 4_000 == pytest.approx(part, abs=0.03)
    assert {one.events for one in drawn} == {0, 1, BATCH}
    keys = Counter(b"Bearer key-a" in one.raw for one in drawn)
    assert keys[True] > keys[False] > 0


def test_growth_is_that_of_the_line_that_fits_best() -> None:
    assert slope([(0, 5), (10, 25), (20, 45)]) == pytest.approx(2)
    assert slope([(0, 5), (1, 7), (2, 5), (3, 7)]) == pytest.approx(0.4)
    assert slope([(0, 5)]) == 0


@asynccontextmanager
async def serving(*bodies: bytes) -> AsyncGenerator[str]:
    """The URL of a server that answers each connection with these, and then closes it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(EOFError):
            for body in bodies:
                await reader.readuntil(b"\r\n\r\n")
                head = b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n" % len(body)
                writer.write(head + body)
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}"
    server.close()


REQUEST = Request("event", b"POST / HTTP/1.1\r\n\r\n", events=3)


@pytest.mark.anyio
async def test_what_is_not_answered_is_told_with_its_reason() -> None:
    answers: list[Answered] = []
    async with serving(b'{"accepted": 2, "duplicates": 1}') as url:
        sender = Sender([url])
        for _ in range(2):
            await when_due(sender, lambda: REQUEST, moments(100, 0.01), answers.append)
        await sender.close()
    told = [(one.status, one.code, one.acknowledged, one.unknown) for one in answers]
    assert told == [(202, "", 3, None), (0, "IncompleteReadError", 0, REQUEST)]


@pytest.mark.anyio
async def test_replicas_are_asked_in_turns_and_a_dead_one_is_passed_over() -> None:
    async with serving() as gone:
        pass
    async with serving(b'{"accepted": 1}') as one, serving(b'{"accepted": 2}') as two:
        sender = Sender([one, gone, two])
        answers = await asyncio.gather(*(sender.send(REQUEST, 0) for _ in range(4)))
        await sender.close()
    assert sorted(answer.acknowledged for answer in answers) == [1, 1, 2, 2]


@pytest.mark.anyio
async def test_the_request_that_has_waited_longest_is_known() -> None:
    async with serving() as url:
        sender = Sender([url])
        sent = [asyncio.create_task(sender.send(REQUEST, due)) for due in (7.0, 5.0)]
        await asyncio.sleep(0)
        assert sender.waiting_since == 5.0
        await asyncio.gather(*sent)
        assert sender.waiting_since == float("inf")
