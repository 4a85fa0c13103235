"""What a benchmark prints: JSON, one object a line."""

import json


def show(**line: object) -> None:
    """Print a line."""
    print(json.dumps(line), flush=True)
