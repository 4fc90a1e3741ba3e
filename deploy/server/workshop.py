"""What all routes work with: the model in use, threads for what is not synthesis, and the queue of pictures."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, HTTPException, Request

from deploy.server.attendance import Turn
from deploy.server.batching import BatchQueue, Image, Inputs, QueueFullError
from deploy.server.documents import OtherModelError
from deploy.server.limits import Limits
from deploy.server.metrics import Metrics
from deploy.server.served import Served, ServedModel

_P = ParamSpec("_P")
_T = TypeVar("_T")
_MOST_THREADS = 4


class Workshop:
    """Where the work of all requests is done.

    Args:
        served: the model in use.
        limits: of the server.
    """

    def __init__(self, served: Served, limits: Limits) -> None:
        self.served = served
        self.limits = limits
        self.queue = BatchQueue(limits, self._made)
        self.metrics = Metrics(served, lambda: self.queue.length)
        self.threads = ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS), "work")

    def _made(self, pictures: int, seconds: float) -> None:
        self.metrics.made(pictures, seconds)

    async def close(self) -> None:
        """Finish what is under way."""
        await asyncio.to_thread(self.queue.close)
        self.threads.shutdown()


class Work:
    """The work of one request."""

    def __init__(self, workshop: Workshop, turn: Turn) -> None:
        self._workshop = workshop
        self.limits = workshop.limits
        self.turn = turn

    def model(self) -> ServedModel:
        """Give the model in use; a request asks once.

        Raises:
            HTTPException: there is none yet.
        """
        model = self._workshop.served.current
        if model is None:
            raise HTTPException(503, "found no model that serves yet; ask again", {"Retry-After": "5"})
        return model

    async def run(self, function: Callable[_P, _T], *args: _P.args, **keywords: _P.kwargs) -> _T:
        """Run a function in a thread, so that others are served meanwhile, if the request is still wanted then.

        Raises:
            HTTPException: the function raised a `ValueError`, which says what the client did wrong.
        """

        def wanted() -> _T:
            self.turn.check()
            return function(*args, **keywords)

        try:
            return await asyncio.wrap_future(self._workshop.threads.submit(wanted))
        except OtherModelError as error:
            raise HTTPException(409, str(error)) from error
        except ValueError as error:
            raise HTTPException(422, str(error)) from error

    async def picture(self, model: ServedModel, inputs: Inputs, *, patient: bool = False) -> Image:
        """Have a picture made, as `pictures` does."""
        (image,) = await self.pictures(model, [inputs], patient=patient)
        return image

    async def pictures(self, model: ServedModel, inputs: Sequence[Inputs], *, patient: bool = False) -> list[Image]:
        """Have pictures made.

        Args:
            model: that makes them.
            inputs: of each.
            patient: let pictures that are not patient go first.

        Raises:
            HTTPException: too many wait, or the model cannot take them.
        """
        try:
            asked = self._workshop.queue.submit(model, inputs, deadline=self.turn.deadline, patient=patient)
        except QueueFullError as error:
            self._workshop.metrics.dropped("refused")
            raise HTTPException(429, str(error), {"Retry-After": str(error.seconds)}) from error
        futures = [asyncio.wrap_future(each) for each in asked]
        try:
            return list(await asyncio.gather(*futures))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        finally:
            for each in futures:
                each.cancel()


async def _workshop(request: Request) -> Workshop:
    workshop = request.app.state.workshop
    assert isinstance(workshop, Workshop)
    return workshop


WorkshopOf = Annotated[Workshop, Depends(_workshop)]


async def _work(request: Request, workshop: WorkshopOf) -> Work:
    turn = request.scope["turn"]
    assert isinstance(turn, Turn)
    return Work(workshop, turn)


WorkOf = Annotated[Work, Depends(_work)]
