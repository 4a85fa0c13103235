"""Compressed request bodies, decoded on their way in."""

import asyncio
from collections.abc import Iterator

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.decoders import DECODERS, Decoder, InvalidEncoding
from web.problems import problem

_IDENTITY = b"identity"
_OF_BODY = (b"content-encoding", b"content-length")


class RequestDecoding:
    """Decodes bodies by gzip or zstd as a stream; answers 415 to any other encoding.

    What stands inside, the limit of bodies above all, sees a plain body of unknown length.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body decoded."""
        encoding = _encoding(scope)
        if encoding == _IDENTITY:
            await self._app(scope, receive, send)
            return
        if encoding not in DECODERS:
            detail = (
                "the content-encoding of the body is not known: send gzip, zstd or none, one alone"
            )
            headers = {"accept-encoding": "gzip, zstd"}
            answer = problem(415, "unsupported_media_type", detail, headers=headers)
            await answer(scope, receive, send)
            return
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _OF_BODY]
        await self._app(scope, _DecodedBody(receive, DECODERS[encoding]()).receive, send)


def _encoding(scope: Scope) -> bytes:
    if scope["type"] != "http":
        return _IDENTITY
    given = [value for name, value in scope["headers"] if name == b"content-encoding"]
    return b",".join(given).strip().lower() or _IDENTITY


class _DecodedBody:
    """A body as it is received, decoded."""

    __slots__ = ("_decoder", "_ended", "_pieces", "_receive", "_whole")

    def __init__(self, receive: Receive, decoder: Decoder) -> None:
        self._receive = receive
        self._decoder = decoder
        self._pieces: Iterator[bytes] = iter(())
        self._ended = False
        self._whole = False

    async def receive(self) -> Message:
        """The next piece of the body; what comes after it as it comes."""
        while not self._whole:
            piece = self._next_piece()
            if piece is not None:
                # A little input may hold a lot: others get their turn after each piece.
                await asyncio.sleep(0)
                return {"type": "http.request", "body": piece, "more_body": True}
            if self._ended:
                return self._end()
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._ended = not message.get("more_body", False)
            self._pieces = self._decoder.decode(message.get("body", b""))
        return await self._receive()

    def _next_piece(self) -> bytes | None:
        try:
            return next((piece for piece in self._pieces if piece), None)
        except InvalidEncoding as error:
            raise _undecodable(str(error)) from None

    def _end(self) -> Message:
        if not self._decoder.complete:
            raise _undecodable("it ends too early")
        self._whole = True
        return {"type": "http.request", "body": b"", "more_body": False}


def _undecodable(reason: str) -> HTTPException:
    detail = f"the body is not encoded as its content-encoding says: {reason}"
    return HTTPException(400, detail)
