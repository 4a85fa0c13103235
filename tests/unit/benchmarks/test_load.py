"""The load is as unequal as real popularity, and its figures are what they say."""

import asyncio
import random
from collections import Counter

import pytest
from benchmarks.load.memory import slope
from benchmarks.load.popularity import CURVE, Popularity, share
from benchmarks.load.sender import Answered, Sender, at_a_rate
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


@pytest.mark.anyio
async def test_what_is_not_answered_is_told_with_its_reason() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"accepted": 2}'
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    sender = Sender([server.sockets[0].getsockname()[:2]])
    request = Request("event", b"POST / HTTP/1.1\r\n\r\n", events=2)
    answers: list[Answered] = []
    for _ in range(2):
        await at_a_rate(sender, lambda: request, 100, 0.01, answers.append)
    server.close()
    await sender.close()
    told = [(one.status, one.code, one.accepted, one.sent) for one in answers]
    assert told == [(202, "", 2, 2), (0, "IncompleteReadError", 0, 2)]
