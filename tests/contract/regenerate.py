"""Writes the OpenAPI documents anew: `python -m tests.contract.regenerate [SERVICE ...]`.

Run it when an API changes on purpose, and commit what it writes with the change.
"""

import sys

from tests.contract.documents import AGREED, SERVICES, as_text, current, path_of


def main(services: list[str]) -> None:
    unknown = set(services) - set(SERVICES)
    if unknown:
        sys.exit(f"no such service: {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}")
    AGREED.mkdir(exist_ok=True)
    for service in services or SERVICES:
        path_of(service).write_text(as_text(current(service)))
        sys.stdout.write(f"wrote {path_of(service).name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
