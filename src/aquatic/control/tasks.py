"""asyncio tasks that the tracker can't do without: when one ends, so does the process."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from aquatic.control.process_end import describe, end_process


class EssentialTasks:
    """Tasks that run until `end`. One that returns or raises before ends the process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    def start(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine as a task of that name."""
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def end(self) -> None:
        """Cancel all and wait for them."""
        self._ending = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            end_process(f"{task.get_name()} ended unexpectedly: {describe(error)}")
        if not self._ending:
            end_process(f"{task.get_name()} ended unexpectedly")


def end_process_on_lost_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Errors in callbacks, which no task's end tells of, end the process too."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        cause = describe(error) if isinstance(error, BaseException) else context["message"]
        end_process(f"control plane failed unexpectedly: {cause}")

    loop.set_exception_handler(handle)
