"""Compressed bodies arrive as what they hold, under the limit of what they hold."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from fastapi import FastAPI, Request
from hypothesis import given, settings
from hypothesis import strategies as st

from web.body_limit import BodyLimit
from web.decoders import DECODERS, PIECE, InvalidEncoding, zstd
from web.problems import add_problem_handlers
from web.request_decoding import RequestDecoding

pytestmark = pytest.mark.anyio

LIMIT = 1024 * 1024
ENCODERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}
encodings = pytest.mark.parametrize("encoding", ENCODERS)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/")
    async def echo(request: Request) -> dict[str, str | int | None]:
        body = await request.body()
        return {
            "crc": zlib.crc32(body),
            "encoding": request.headers.get("content-encoding"),
            "length": request.headers.get("content-length"),
        }

    @app.post("/files")
    async def count(request: Request) -> int:
        size = 0
        async for part in request.stream():
            size += len(part)
        return size

    app.add_middleware(BodyLimit, max_bytes=LIMIT, uploads={"/files": 400 * LIMIT})
    app.add_middleware(RequestDecoding)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@encodings
@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 4096], ids=len)
async def test_a_route_reads_the_plain_body(client, encoding, content) -> None:
    encoded = ENCODERS[encoding](content)
    for body in (encoded, pieces(encoded, 7)):
        answer = await client.post("/", content=body, headers={"content-encoding": encoding})
        assert answer.json() == {"crc": zlib.crc32(content), "encoding": None, "length": None}


async def test_a_plain_body_stays_as_it_is(client) -> None:
    for headers in ({}, {"content-encoding": "identity"}):
        answer = await client.post("/", content=b"abc", headers=headers)
        assert answer.json()["crc"] == zlib.crc32(b"abc")
        assert answer.json()["length"] == "3"


@encodings
async def test_the_limit_counts_what_a_body_holds(client, encoding) -> None:
    headers = {"content-encoding": encoding}
    for size, status in ((LIMIT, 200), (LIMIT + 1, 413)):
        answer = await client.post("/", content=ENCODERS[encoding](b"x" * size), headers=headers)
        assert answer.status_code == status
    assert answer.json()["code"] == "body_too_large"


@encodings
async def test_a_bomb_is_refused_without_being_held(client, encoding) -> None:
    bomb = ENCODERS[encoding](bytes(200 * LIMIT))
    tracemalloc.start()
    answer = await client.post("/", content=bomb, headers={"content-encoding": encoding})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 413
    assert most < 20 * LIMIT


@encodings
async def test_an_upload_is_decoded_as_a_stream(client, encoding) -> None:
    content = ENCODERS[encoding](bytes(30 * LIMIT))
    tracemalloc.start()
    answer = await client.post(
        "/files", content=pieces(content, 1000), headers={"content-encoding": encoding}
    )
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.json() == 30 * LIMIT
    assert most < 20 * LIMIT


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "gzip,gzip", "x"])
async def test_another_encoding_is_a_415_that_says_what_to_send(client, encoding) -> None:
    answer = await client.post("/", content=b"x", headers={"content-encoding": encoding})
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["accept-encoding"] == "gzip, zstd"
    assert answer.json()["code"] == "unsupported_media_type"
    assert "send gzip, zstd or none" in answer.json()["detail"]


@encodings
async def test_a_body_that_is_not_what_it_says_is_a_400(client, encoding) -> None:
    encoded = ENCODERS[encoding](b"hello " * 1000)
    for body in (
        b"hello",
        encoded[:-3],
        encoded + b"more",
        encoded[:9] + b"\xff\xff" + encoded[11:],
    ):
        answer = await client.post("/", content=body, headers={"content-encoding": encoding})
        assert answer.status_code == 400
        assert "not encoded as its content-encoding says" in answer.json()["detail"]


@settings(max_examples=60)
@given(
    parts=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    repeats=st.sampled_from([1, 3, 2000]),
    size=st.integers(1, 5000),
    encoding=st.sampled_from(sorted(ENCODERS)),
)
def test_members_after_each_other_hold_their_contents_in_any_pieces(
    parts, repeats, size, encoding
) -> None:
    parts = [part * repeats for part in parts]
    encoded = b"".join(map(ENCODERS[encoding], parts))
    decoder = DECODERS[encoding.encode()]()
    decoded = [
        piece
        for start in range(0, len(encoded), size)
        for piece in decoder.decode(encoded[start : start + size])
    ]
    assert b"".join(decoded) == b"".join(parts)
    assert decoder.complete
    assert all(len(piece) <= PIECE for piece in decoded)


def test_zstd_may_not_look_back_further_than_http_allows() -> None:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 24})
    encoded = compressor.compress(bytes(100)) + compressor.flush()
    with pytest.raises(InvalidEncoding, match="memory"):
        list(DECODERS[b"zstd"]().decode(encoded))
