"""What a process leaves of an object in a local folder if it is killed while it writes it.

obstore writes beside the name, under the name with `#` and a number, and then renames: nobody who
reads or lists objects sees such a file. A store behind a network has rules of its own for uploads
that were never completed.
"""

import re
import time
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_PARTIAL: Final = re.compile(r".+#\d+")


def remove_abandoned_uploads(url: str, older_seconds: float) -> int:
    """Remove the files of uploads on which nobody has worked for some time; how many.

    `url` is that of the object store; where that is no folder there is nothing to do.
    """
    if not url.startswith("file://"):
        return 0
    before = time.time() - older_seconds
    removed = 0
    for path in Path(unquote(urlsplit(url).path)).rglob("*#*"):
        if _PARTIAL.fullmatch(path.name) and path.is_file() and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
