"""Several processes that work on pieces of one delivery: the parent hands out, they write.

Each process opens services of its own. A pipe leads to each; pieces are numbered, answers may come in any
order. A process that dies takes nothing along but its own unanswered pieces, and its end stops the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar

from kontinuum.app.services import Services, open_services
from kontinuum.audit import AuditUnavailableError
from kontinuum.kernel import logging
from kontinuum.kernel.config import Settings
from kontinuum.store.faults import LOST

P = TypeVar("P")
R = TypeVar("R")
P_contra = TypeVar("P_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

AT_ONCE = 2
"""Pieces that one process works on at a time: while the database takes in one, the next is checked."""
WAITING = 2
"""Pieces that lie ready at a process, so that it never waits for the parent."""
STOP_SECONDS = 30.0
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNREACHABLE = (*LOST, AuditUnavailableError)
"""What a lost database looks like."""


class Job(Protocol[P_contra, R_co]):
    """What is done with each piece; sent to the processes, so it must be picklable."""

    async def carry_out(self, services: Services, piece: P_contra) -> R_co:
        """Work on one piece and give what it came to."""
        ...


class CrewError(Exception):
    """A process failed, so that the delivery cannot go on; the message is its traceback or its end."""


@dataclass(slots=True)
class _Worker:
    process: Any
    pipe: Connection
    pieces: dict[int, Any] = field(default_factory=dict)
    """The pieces handed out and not answered, by number."""


class Crew(Generic[P, R]):
    """Processes at work; a context manager that ends them."""

    def __init__(self, dsn: str, settings: Settings, job: Job[P, R], processes: int) -> None:
        self._arguments = (dsn, settings, job)
        self._processes = processes
        self._workers: list[_Worker] = []

    def __enter__(self) -> Crew[P, R]:
        context = multiprocessing.get_context("spawn")
        # Ctrl-C reaches the whole process group; the parent alone decides how to stop.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for _ in range(self._processes):
                here, there = context.Pipe()
                process = context.Process(target=_serve, args=(there, *self._arguments), daemon=True)
                process.start()
                there.close()
                self._workers.append(_Worker(process, here))
        finally:
            signal.signal(signal.SIGINT, before)
        return self

    def __exit__(self, kind: Any, *_rest: Any) -> None:
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            if kind is not None and not issubclass(kind, KeyboardInterrupt):
                worker.process.terminate()
            worker.process.join(STOP_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def work(self, pieces: Iterator[P], answered: Callable[[P, R], None]) -> None:
        """Hand out all pieces; `answered` is told of each in this process, in the order of the answers.

        On Ctrl-C nothing more is handed out; what is under way is waited for and told, then
        KeyboardInterrupt is raised. A second Ctrl-C does not wait. Raises CrewError when a process fails.
        """
        with _deferred_interrupt() as interrupted:
            for number, piece in enumerate(pieces):
                worker = self._free(answered)
                if interrupted.is_set():
                    break
                worker.pieces[number] = piece
                self._send(worker, (number, piece))
            while any(worker.pieces for worker in self._workers):
                self._receive(answered)
            if interrupted.is_set():
                raise KeyboardInterrupt

    def _free(self, answered: Callable[[P, R], None]) -> _Worker:
        while True:
            worker = min(self._workers, key=lambda each: len(each.pieces))
            if len(worker.pieces) < AT_ONCE + WAITING:
                return worker
            self._receive(answered)

    def _receive(self, answered: Callable[[P, R], None]) -> None:
        by_pipe = {worker.pipe: worker for worker in self._workers if worker.pieces}
        for pipe in wait(list(by_pipe)):
            worker = by_pipe[pipe]  # type: ignore[index]
            try:
                number, failure, result = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join(STOP_SECONDS)
                worker.pieces.clear()
                raise CrewError(
                    f"A process of this command ended by itself (exit code {worker.process.exitcode})."
                ) from None
            piece = worker.pieces.pop(number)
            if failure is not None:
                raise CrewError(failure)
            answered(piece, result)

    def _send(self, worker: _Worker, message: Any) -> None:
        try:
            worker.pipe.send(message)
        except OSError:
            worker.pieces.clear()
            raise CrewError("A process of this command ended by itself.") from None


@contextlib.contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """Note the first signal to stop instead of raising it: a message must not be cut in the middle."""
    interrupted = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    before = {number: signal.signal(number, note) for number in STOPPING}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(pipe: Connection, dsn: str, settings: Settings, job: Job[Any, Any]) -> None:
    """Life of one process: until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.configure(settings.log)
    # A piece is many objects that live together and end together, without cycles: looking for cycles
    # among them as often as the default does takes a fifth of the time and finds nothing.
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    asyncio.run(_answer_all(pipe, dsn, settings, job))


async def _answer_all(pipe: Connection, dsn: str, settings: Settings, job: Job[Any, Any]) -> None:
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(AT_ONCE)

    async def answer(number: int, piece: Any, services: Services) -> None:
        failure, result = None, None
        try:
            result = await job.carry_out(services, piece)
        except UNREACHABLE as error:
            failure = f"The database cannot be reached any more: {error}"
        except Exception:  # a fault of the program: the parent tells it and stops
            failure = traceback.format_exc()
        finally:
            places.release()
        with contextlib.suppress(OSError):
            pipe.send((number, failure, result))

    async with open_services(settings, dsn, connections=AT_ONCE) as services:
        running: set[asyncio.Task[None]] = set()
        while True:
            await places.acquire()
            try:
                number, piece = await loop.run_in_executor(None, pipe.recv)
            except (EOFError, OSError):
                break
            task = asyncio.create_task(answer(number, piece, services))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
