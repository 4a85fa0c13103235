"""Chooses the sample: the one at hand, the one to be had, or a simulated one."""

from launcher.reporting import Reporter
from launcher.sample import simulator
from launcher.sample.download import DownloadFailed, download_movietweetings
from launcher.sample.model import Sample
from launcher.sample.movietweetings import HOME, folder_in, read_movietweetings
from launcher.sample.simulator import simulate
from launcher.settings import DemoSettings


async def choose_sample(settings: DemoSettings, reporter: Reporter, home: str = HOME) -> Sample:
    """The sample that the settings ask for.

    With `auto` it is the real data, in DATASET_DIR or fetched from `home` once, or else, with a
    notice, a simulated one.

    Raises:
        LaunchError: the data in DATASET_DIR is missing or broken.
        DownloadFailed: the real data is asked for and cannot be fetched.
    """
    if settings.sample == simulator.NAME:
        return _simulated(settings, reporter)
    if settings.dataset_dir is not None:
        return read_movietweetings(folder_in(settings.dataset_dir))
    folder = settings.data_dir / "sample"
    try:
        await download_movietweetings(folder, home)
    except DownloadFailed as error:
        if settings.sample != "auto":
            raise
        reporter.line(f"The real sample cannot be had: {error}")
        return _simulated(settings, reporter)
    return read_movietweetings(folder)


def _simulated(settings: DemoSettings, reporter: Reporter) -> Sample:
    simulation = settings.simulation()
    reporter.line(
        f"Making a sample of {simulation.users:,} simulated users, {simulation.items:,} items "
        f"and {simulation.events:,} events"
    )
    return simulate(simulation)
