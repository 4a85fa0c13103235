"""Decodes compressed bodies a piece at a time, however large a piece would become at once."""

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE: Final = 256 * 1024
"""Most decoded bytes that are in memory at once."""

_GZIP: Final = 16 + zlib.MAX_WBITS
# How far zstd may look back, as a power of two: what RFC 9659 allows in HTTP.
_ZSTD_OPTIONS: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}


class InvalidEncoding(Exception):
    """The bytes are not encoded as they are said to be."""


class Decoder(Protocol):
    """Decodes one body."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the body hold. Raises `InvalidEncoding`."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the body may end here."""
        ...


class GzipDecoder:
    """Decodes gzip (RFC 1952) of any number of members."""

    def __init__(self) -> None:
        self._member: Any = None

    @property
    def complete(self) -> bool:
        """Whether no member is left open."""
        return self._member is None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes hold."""
        pending = False
        while data or pending:
            member = self._member = self._member or zlib.decompressobj(_GZIP)
            try:
                piece = member.decompress(data, PIECE)
            except zlib.error as error:
                raise InvalidEncoding(str(error)) from None
            data, pending = member.unconsumed_tail, len(piece) == PIECE
            if member.eof:
                data, pending, self._member = member.unused_data, False, None
            yield piece


class ZstdDecoder:
    """Decodes zstd (RFC 8878) of any number of frames."""

    def __init__(self) -> None:
        self._frame: zstd.ZstdDecompressor | None = None

    @property
    def complete(self) -> bool:
        """Whether no frame is left open."""
        return self._frame is None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes hold."""
        pending = False
        while data or pending:
            frame = self._frame = self._frame or zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
            try:
                piece = frame.decompress(data, PIECE)
            except zstd.ZstdError as error:
                raise InvalidEncoding(str(error)) from None
            data, pending = b"", not frame.needs_input
            if frame.eof:
                data, pending, self._frame = frame.unused_data, False, None
            yield piece


DECODERS: Final[Mapping[bytes, Callable[[], Decoder]]] = {
    b"gzip": GzipDecoder,
    b"x-gzip": GzipDecoder,
    b"zstd": ZstdDecoder,
}
"""By what a body declares as its Content-Encoding."""
