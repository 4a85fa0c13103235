"""The token by which the services know each other: given, or made once."""

import secrets
from pathlib import Path

from launcher.errors import LaunchError
from launcher.settings import LaunchSettings
from launcher.whole_files import write_secret


def made_token_file(data_dir: Path) -> Path:
    """The file of a token of this machine's own, made where there is none yet."""
    path = data_dir / "service-token"
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(32) + "\n")
    return path


def given_token(settings: LaunchSettings) -> str | None:
    """The token from the environment or from the file it names; None where neither is set.

    Raises:
        LaunchError: the file cannot be read.
    """
    if settings.service_token is not None:
        return settings.service_token.get_secret_value()
    if settings.service_token_file is None:
        return None
    return read_token(settings.service_token_file)


def read_token(path: Path) -> str:
    """The token in a file. Raises `LaunchError` where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise LaunchError(
            f"the service token in {path} cannot be read: {error.strerror}"
        ) from error
