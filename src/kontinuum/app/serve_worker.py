"""What one worker process of `kontinuum serve` loads."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from logging import shutdown as close_logs
from multiprocessing import parent_process
from typing import Any

from granian.server.mp import MPServer

from kontinuum.kernel import logging
from kontinuum.kernel.config import load_settings

GRACE_SECONDS = 5.0


def create_app() -> Any:
    """Make the ASGI application of this worker, and tie the worker's life to the server's.

    A server that is killed cannot stop its workers. They would go on answering on the port, which the next
    start then finds taken.
    """
    threading.Thread(target=_end_with_server, daemon=True).start()
    gc.disable()  # what is read in now stays: looking through it for garbage takes a tenth of the time
    from kontinuum.app import asgi

    gc.enable()
    logging.configure(load_settings(os.environ).log)
    return asgi.create_app()


def run_worker(*arguments: Any, **options: Any) -> None:
    """Serve as one of granian's worker processes until told to stop, and end the process.

    The application has been shut down when granian returns. The interpreter is not: granian's threads may
    still be waiting for its lock, and Python ends them in a way that aborts the process with a Rust panic.
    """
    MPServer._spawn_asgi_lifespan_worker(*arguments, **options)
    close_logs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _end_with_server() -> None:
    # Not by the id of the parent now: a server that was killed while its worker began has left it to another.
    server = parent_process()
    assert server is not None
    server.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
