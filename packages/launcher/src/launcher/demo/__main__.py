"""Prepares the demo on services that run elsewhere: `python -m launcher.demo`."""

import asyncio
import sys

from instrumentation.settings import SettingsError, load_settings
from launcher.demo.preparation import DemoPreparation, access_file
from launcher.errors import LaunchError
from launcher.preflight import check_data_dir
from launcher.readiness import wait_until_ready
from launcher.reporting import Reporter, reporter_for
from launcher.settings import ComposedSettings
from launcher.summary import curl_line


async def prepare(settings: ComposedSettings, reporter: Reporter) -> None:
    """Wait for backend-api, prepare the demo, and say how to ask for a recommendation."""
    check_data_dir(settings.data_dir, min_free_mb=0)
    await wait_until_ready({"backend-api": settings.backend_api_url}, reporter)
    preparation = DemoPreparation(settings, settings.backend_api_url, reporter)
    try:
        demo = await preparation.prepare(None)
    finally:
        await preparation.close()
    reporter.line(f"Ready. With {access_file(settings.data_dir)} read into the environment:")
    url = settings.public_url or settings.backend_api_url
    reporter.line(curl_line(url, "$DEMO_API_KEY", demo.state.known_user))


def main() -> int:
    """Status 0 when the demo is ready, 1 where it cannot be, 2 for a bad setting."""
    try:
        asyncio.run(prepare(load_settings(ComposedSettings), reporter_for()))
    except SettingsError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 2
    except LaunchError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
