"""What the page asks and what it is answered, as JSON, and the files that it is made of."""

from collections.abc import Callable
from http import HTTPStatus
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from labelcycle.components.core.errors import LabelcycleError, TransientError
from labelcycle.components.core.images.allowed_sources import RefusedImage
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.label_page.guarded_access import GuardedApplication
from labelcycle.pipelines.label_page.open_queries import NothingAsked, PoolImage
from labelcycle.pipelines.label_page.pictures import picture
from labelcycle.pipelines.label_page.session import AnsweredMeanwhile, LabellingSession
from labelcycle.pipelines.label_page.similar import SimilarSamples

FILES = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
MOST_BYTES = 16_384
"""Of an answer: the longest id and a class."""

AHEAD = 2
"""Images after the next one that the page fetches already."""

NO_STORE = {"Cache-Control": "no-store"}
FOR_AN_HOUR = {"Cache-Control": "private, max-age=3600"}


class Given(BaseModel):
    """An answer as the page sends it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cycle: int
    sample_id: str
    label: str = ""
    status: str


class LabelPage:
    """The answers to the page's questions, for one session."""

    def __init__(self, store: Store, session: LabellingSession) -> None:
        self._store, self._session = store, session
        self._similar = SimilarSamples(store, session.queries)

    def campaign(self) -> dict[str, Any]:
        """What stays as it is from sample to sample."""
        campaign = self._session.queries.campaign
        return {
            "name": campaign.name,
            "classes": campaign.classes,
            "annotator": self._session.annotator,
            "root": self._session.root,
        }

    def look(self) -> dict[str, Any]:
        """What is to be answered next, by what is in the campaign now."""
        return self._after(self._session.look_again)

    def _after(self, look: Callable[[], None]) -> dict[str, Any]:
        try:
            look()
        except NothingAsked as over:
            return self.task() | {"task": None, "ahead": [], "can_undo": False, "over": str(over)}
        return self.task()

    def task(self) -> dict[str, Any]:
        """What is to be answered next, and how far the work is; no task where nothing is left to this person."""
        session = self._session
        following = session.next_requests(1 + AHEAD)
        standing = session.standing
        progress = standing.progress
        task = None
        if following:
            first = following[0]
            pick = session.queries.picks[first.cycle, first.sample_id]
            task = {
                "cycle": first.cycle,
                "sample_id": first.sample_id,
                "image": self._address(first.sample_id),
                "has_guess": pick.predicted is not None,
            }
        return {
            "version": session.version,
            "task": task,
            "ahead": [address for one in following[1:] if (address := self._address(one.sample_id)) is not None],
            "can_undo": any(answer.time for _, answer in standing.mine),
            "progress": {
                "cycle": progress.cycle,
                "asked": progress.asked,
                "answered": progress.answered,
                "earlier": progress.earlier,
                "for_others": progress.for_others,
            },
        }

    def answer(self, given: Given) -> dict[str, Any]:
        """Keep an answer; what is next."""
        try:
            self._session.answer(given.cycle, given.sample_id, given.label, given.status)
        except AnsweredMeanwhile as meanwhile:
            return self.task() | {"notice": str(meanwhile)}
        return self._after(self._session.look_again_at_times)

    def undo(self) -> dict[str, Any]:
        """Take the last answer back; its sample is next."""
        self._session.undo()
        return self.task()

    def guess(self, cycle: int, sample_id: str) -> dict[str, Any]:
        """What the model thinks that asked about the sample."""
        queries = self._session.queries
        pick = queries.picks.get((cycle, sample_id))
        return {
            "label": None if pick is None or pick.predicted is None else queries.campaign.class_of(pick.predicted),
            "confidence": None if pick is None else pick.confidence,
        }

    def similar(self, sample_id: str) -> list[dict[str, Any]]:
        """Labelled samples that look like this one to the model."""
        if self._similar.queries is not self._session.queries:
            self._similar = SimilarSamples(self._store, self._session.queries)
        labels = self._session.standing.labels()
        return [
            {"label": labels[name], "image": f"{self._address(name)}/small"}
            for name in self._similar.labelled_like(sample_id, labels)
        ]

    def image(self, digest: str) -> PoolImage | None:
        """The image of this content."""
        return self._session.queries.images_by_digest.get(digest)

    def _address(self, sample_id: str) -> str | None:
        image = self._session.queries.images.get(sample_id)
        return None if image is None else f"images/{image.sha256}"


def label_application(store: Store, session: LabellingSession, token: str, host: str) -> ASGIApp:
    """An ASGI application that shows the page below `/<token>/` and keeps what it is told.

    Args:
        store: the campaign's.
        session: of the person who labels.
        token: which whoever asks must know.
        host: where the server listens, as the user wrote it.
    """
    page = LabelPage(store, session)

    async def file(request: Request) -> Response:
        name, kind = FILES.get(request.path_params.get("file", ""), ("", ""))
        if not name:
            return PlainTextResponse("nothing here\n", HTTPStatus.NOT_FOUND)
        text = resources.files(__package__ or "").joinpath(name).read_text("utf-8")
        return Response(text, media_type=kind, headers=NO_STORE)

    async def campaign(request: Request) -> Response:
        return await _answered(page.campaign)

    async def task(request: Request) -> Response:
        return await _answered(page.look)

    async def answer(request: Request) -> Response:
        if int(request.headers.get("content-length", MOST_BYTES + 1)) > MOST_BYTES:
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the answer is too long")
        try:
            given = Given.model_validate_json(await request.body())
        except ValidationError:
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, "this is no answer. Load the page again.")
        return await _answered(lambda: page.answer(given))

    async def undo(request: Request) -> Response:
        return await _answered(page.undo)

    async def guess(request: Request) -> Response:
        sample_id, cycle = request.query_params.get("sample", ""), request.query_params.get("cycle", "")
        return await _answered(lambda: page.guess(int(cycle) if cycle.isdecimal() else -1, sample_id))

    async def similar(request: Request) -> Response:
        return await _answered(lambda: page.similar(request.query_params.get("sample", "")))

    async def image(request: Request) -> Response:
        small = request.path_params.get("size") == "small"
        return await run_in_threadpool(_shown, page.image(request.path_params["digest"]), small)

    routes = [
        Route("/", file),
        Route("/{file}", file),
        Route("/api/campaign", campaign),
        Route("/api/task", task),
        Route("/api/answer", answer, methods=["POST"]),
        Route("/api/undo", undo, methods=["POST"]),
        Route("/api/guess", guess),
        Route("/api/similar", similar),
        Route("/images/{digest}", image),
        Route("/images/{digest}/{size}", image),
    ]
    return GuardedApplication(Starlette(routes=routes), token, host)


async def _answered(call: Callable[[], Any]) -> Response:
    """What the call returns, as JSON; an error as its message."""
    try:
        return JSONResponse(await run_in_threadpool(call), headers=NO_STORE)
    except LabelcycleError as error:
        passing = isinstance(error, TransientError)
        return _refused(HTTPStatus.SERVICE_UNAVAILABLE if passing else HTTPStatus.CONFLICT, str(error))


def _refused(status: HTTPStatus, message: str) -> Response:
    return JSONResponse({"error": message}, status, headers=NO_STORE)


def _shown(image: PoolImage | None, small: bool) -> Response:
    if image is None:
        return PlainTextResponse("no image of an open query\n", HTTPStatus.NOT_FOUND)
    try:
        data, kind = picture(image, small)
    except (UnreadableImage, RefusedImage, LabelcycleError) as error:
        return PlainTextResponse(f"{error}\n", HTTPStatus.NOT_FOUND, headers=NO_STORE)
    return Response(data, media_type=kind, headers=FOR_AN_HOUR)
