"""Where the files of the stack are in the repository, from its root, where commands run."""

from pathlib import Path
from typing import Final

OBSERVABILITY: Final = Path("observability")
PROMETHEUS: Final = OBSERVABILITY / "prometheus"
DOCS: Final = Path("docs")
