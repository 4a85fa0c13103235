"""The secrets of an installation by containers, made once: `python -m launcher.own_secrets FOLDER`.

They are the token between the services, and the password of the database, which is there twice:
as the server takes it, and as a password file of PostgreSQL's clients (PGPASSFILE).
"""

import secrets
import sys
from pathlib import Path
from typing import Final

from launcher.service_token import made_token_file
from launcher.whole_files import replace_file, write_secret

DATABASE_USER: Final = "recommender"


def make_secrets(folder: Path) -> None:
    """Make those that are not there yet."""
    made_token_file(folder)
    path = folder / "postgres-password"
    if not path.exists():
        # The server and the exporter read it as users of their own.
        replace_file(path, secrets.token_urlsafe(32).encode())
    write_secret(folder / "pgpass", f"*:*:*:{DATABASE_USER}:{path.read_text()}\n")


if __name__ == "__main__":
    make_secrets(Path(sys.argv[1]))
