"""Fetches the sample once, whole and checked, or says why not."""

import hashlib
from pathlib import Path
from typing import Final

import httpx2

from launcher.errors import LaunchError
from launcher.sample.movietweetings import FILES, HOME, SampleFile, is_whole
from launcher.whole_files import replace_file

_TIMEOUT: Final = httpx2.Timeout(30.0, connect=10.0)


class DownloadFailed(LaunchError):
    """The sample could not be fetched; the message says why, in one line."""


async def download_movietweetings(
    folder: Path, home: str = HOME, over: httpx2.AsyncBaseTransport | None = None
) -> None:
    """Put what `folder` lacks of the data set there; a file appears only whole and checked.

    `over` replaces the network in tests.

    Raises:
        DownloadFailed: no answer, an error answer, or an unexpected content.
    """
    missing = [file for file in FILES if not is_whole(folder / file.name, file)]
    if not missing:
        return
    async with httpx2.AsyncClient(timeout=_TIMEOUT, transport=over) as client:
        for file in missing:
            replace_file(folder / file.name, await _fetch(client, f"{home}/{file.name}", file))


async def _fetch(client: httpx2.AsyncClient, url: str, file: SampleFile) -> bytes:
    try:
        answer = await client.get(url)
        answer.raise_for_status()
    except httpx2.HTTPStatusError as error:
        raise DownloadFailed(f"{url} answered {error.response.status_code}") from error
    except httpx2.HTTPError as error:
        raise DownloadFailed(f"no answer from {url}: {error or type(error).__name__}") from error
    digest = hashlib.sha256(answer.content).hexdigest()
    if digest != file.sha256:
        raise DownloadFailed(f"{url} has sha256 {digest}, expected {file.sha256}")
    return answer.content
