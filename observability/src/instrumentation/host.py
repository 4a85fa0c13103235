"""CPU, memory and disk as the process sees them."""

from pathlib import Path
from typing import Any

import psutil


def host_report(data_dir: Path) -> dict[str, Any]:
    """Load of the CPUs (percent since the last call), memory and disk in bytes.

    The disk is that of `data_dir`, or of its nearest parent that exists.
    """
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(_existing(data_dir.absolute())))
    return {
        "cpu": {"percent": psutil.cpu_percent(), "count": psutil.cpu_count()},
        "memory": {
            "percent": memory.percent,
            "available_bytes": memory.available,
            "process_bytes": psutil.Process().memory_info().rss,
        },
        "disk": {"percent": disk.percent, "free_bytes": disk.free, "total_bytes": disk.total},
    }


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())
