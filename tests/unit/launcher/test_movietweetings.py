"""Reading the real sample: its format, and what becomes of a broken file."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from contracts.events import EventType
from launcher.errors import LaunchError
from launcher.sample import download, movietweetings
from launcher.sample.download import DownloadFailed, download_movietweetings
from launcher.sample.movietweetings import SampleFile, folder_in, read_movietweetings

RATINGS = "2::0104257::8::1364690142\n1::1074638::7::1362062307\n"
MOVIES = (
    "1074638::Skyfall (2012)::Action|Crime\n"
    "0104257::A Few Good Men (1992)::Drama\n"
    "0000001::Untitled::\n"
)


@pytest.fixture
def small_set(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A data set of the published format; its own digests take the published ones' place."""
    contents = {"ratings.dat": RATINGS.encode(), "movies.dat": MOVIES.encode()}
    files = tuple(
        SampleFile(name, hashlib.sha256(content).hexdigest()) for name, content in contents.items()
    )
    monkeypatch.setattr(movietweetings, "RATINGS", files[0])
    monkeypatch.setattr(movietweetings, "MOVIES", files[1])
    monkeypatch.setattr(movietweetings, "FILES", files)
    monkeypatch.setattr(download, "FILES", files)
    return contents


def write(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def served(contents: dict[str, bytes]) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rsplit("/", 1)[-1]
        return httpx2.Response(200, content=contents[name])

    return httpx2.MockTransport(answer)


def test_a_film_has_its_title_apart_from_its_year_and_genres_as_categories(
    tmp_path: Path, small_set: dict[str, bytes]
) -> None:
    skyfall, _, untitled = read_movietweetings(write(tmp_path, small_set)).items
    assert (skyfall.item_id, skyfall.title, skyfall.year) == ("1074638", "Skyfall", 2012)
    assert skyfall.categories == ["Action", "Crime"]
    assert (untitled.title, untitled.year, untitled.categories) == ("Untitled", None, [])


def test_ratings_become_events_in_the_order_of_time_with_lasting_ids(
    tmp_path: Path, small_set: dict[str, bytes]
) -> None:
    first, second = read_movietweetings(write(tmp_path, small_set)).events
    assert first.event_id == "mt-1-1074638-1362062307"
    assert first.event_type == EventType.RATING
    assert first.value == 7.0
    assert first.timestamp == datetime.fromtimestamp(1362062307, UTC)
    assert second.user_id == "2"


def test_the_folder_may_be_given_itself_or_by_the_one_above(
    tmp_path: Path, small_set: dict[str, bytes]
) -> None:
    below = write(tmp_path / "movietweetings-100k", small_set)
    assert folder_in(tmp_path) == below
    assert folder_in(below) == below


@pytest.mark.parametrize("name", ["ratings.dat", "movies.dat"])
def test_a_broken_file_is_named_with_both_digests_in_one_line(
    tmp_path: Path, small_set: dict[str, bytes], name: str
) -> None:
    right = hashlib.sha256(small_set[name]).hexdigest()
    broken = small_set[name][:-5]
    folder = write(tmp_path, {**small_set, name: broken})
    with pytest.raises(LaunchError) as caught:
        read_movietweetings(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder / name) in message
    assert right in message
    assert hashlib.sha256(broken).hexdigest() in message


def test_a_missing_file_is_named(tmp_path: Path, small_set: dict[str, bytes]) -> None:
    write(tmp_path, small_set)
    (tmp_path / "movies.dat").unlink()
    with pytest.raises(LaunchError, match=r"movies\.dat cannot be read \(No such file"):
        read_movietweetings(tmp_path)


@pytest.mark.anyio
async def test_what_is_missing_or_broken_is_fetched(
    tmp_path: Path, small_set: dict[str, bytes]
) -> None:
    (tmp_path / "ratings.dat").write_bytes(b"half")
    await download_movietweetings(tmp_path, over=served(small_set))
    assert contents_of(tmp_path) == small_set


@pytest.mark.anyio
async def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, small_set: dict[str, bytes]
) -> None:
    await download_movietweetings(write(tmp_path, small_set), over=served({}))


@pytest.mark.anyio
async def test_a_wrong_content_is_refused_and_leaves_no_file(
    tmp_path: Path, small_set: dict[str, bytes]
) -> None:
    wrong = served({**small_set, "ratings.dat": b"not found"})
    with pytest.raises(DownloadFailed, match="has sha256"):
        await download_movietweetings(tmp_path, over=wrong)
    assert contents_of(tmp_path) == {}


@pytest.mark.anyio
async def test_no_network_and_an_error_answer_are_told_in_one_line(
    tmp_path: Path, small_set: dict[str, bytes]
) -> None:
    def refuse(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("name not known")

    with pytest.raises(DownloadFailed, match=r"no answer from .*: name not known"):
        await download_movietweetings(tmp_path, over=httpx2.MockTransport(refuse))
    gone = httpx2.MockTransport(lambda _: httpx2.Response(404))
    with pytest.raises(DownloadFailed, match="answered 404"):
        await download_movietweetings(tmp_path, over=gone)
