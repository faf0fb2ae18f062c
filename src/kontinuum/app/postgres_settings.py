"""What the embedded PostgreSQL is told at every start: small-server tuning, and never less than durable.

Passed on the command line and not written to postgresql.conf, so that a new release brings its settings to
a data directory that an older one made. See https://www.postgresql.org/docs/18/runtime-config.html.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

MEGABYTE = 1024 * 1024

# What an acknowledged write rests on. `kontinuum doctor` compares a running server with these.
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}

# Only for clusters that are deleted after a test run.
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def usable_memory() -> int:
    """Count the bytes of memory this process may use: the machine's, or its control group's if smaller."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdigit() else machine


def shared_buffers_megabytes(memory: int) -> int:
    """Give a quarter of the memory, between 64 MB and 2 GB."""
    return max(64, min(memory // 4 // MEGABYTE, 2048))


def server_settings(*, durable: bool, memory: int | None = None) -> dict[str, str]:
    """Give the name and value of every server setting; `memory` in bytes, by default what is usable."""
    available = usable_memory() if memory is None else memory
    settings = {
        **(DURABLE if durable else THROWAWAY),
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{shared_buffers_megabytes(available) if durable else 128}MB",
        # Parallel queries would otherwise depend on the size of /dev/shm, 64 MB in most containers.
        "min_dynamic_shared_memory": "32MB",
        "effective_cache_size": f"{max(128, available * 5 // 8 // MEGABYTE)}MB",
        "maintenance_work_mem": "128MB",
        "work_mem": "16MB",
        "wal_compression": "on",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_line_prefix": "%m [%p] ",
        # The values of a failed row or statement are patient data: DETAIL, CONTEXT and STATEMENT stay out.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_statement": "none",
    }
    if durable and sys.platform == "darwin":
        # macOS' fsync() returns before the drive has written; this is its F_FULLFSYNC.
        settings["wal_sync_method"] = "fsync_writethrough"
    return settings
