"""The web application of a study: the page, and what it asks for.

A participant is known by a random token, which the page keeps in its address behind `#` and sends as a bearer token,
so that it stands in no log. Methods' and files' names never leave the server: a picture is asked for by the position
of its pair and its side.
"""

import logging
import math
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

from deploy.study.definition import DEFAULT_COMPARISONS, StudyDefinition
from deploy.study.pictures import StudyPictures
from deploy.study.plan import Plan
from deploy.study.store import Answer, AnswerConflict, Progress, Side, StudyFull, StudyStore, UnknownParticipant
from deploy.web.safeguards import install_safeguards

PAGE = Path(__file__).with_name("page")
BODY_LIMIT = 4096  # bytes
EXPOSURE_TOLERANCE_MS = 20.0
JUDGING_SECONDS = 4.0  # a guess of what a choice takes, for the page's estimate
PICTURE_LOST = "a picture of this pair is missing; please tell those who asked you to take part"
AHEAD = 1  # pairs after the one that is due whose pictures the page may load

log = logging.getLogger(__name__)

Milliseconds = Annotated[float, Field(ge=0, le=1e12)]
Position = Annotated[int, Field(ge=0, le=100_000)]
PictureSide = Literal["left", "right", "reference"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Consent(_Model):
    """What a participant agrees to before the first pair."""

    consent: Literal[True]


class Token(_Model):
    """What a participant is known by."""

    token: str


class StudyView(_Model):
    """What the first page says."""

    title: str
    question: str
    introduction: str
    consent: str
    thanks: str
    exposures: tuple[float, ...]
    reference_kind: Literal["map", "photo"]
    pairs: int
    minutes: int


class TrialView(_Model):
    """The pair that is due; after the last one `position` is `total`."""

    position: int
    total: int
    exposure: float | None = None


class ShownFrames(_Model):
    """When frames with the pair began and ended, on the page's clock, and the time from one frame to the next."""

    shown_ms: Milliseconds
    masked_ms: Milliseconds
    frame_ms: Milliseconds


class AnswerView(_Model):
    """A choice and what the page measured."""

    position: Position
    choice: Side
    reaction_ms: Milliseconds
    frames: ShownFrames | None = None
    showings: Annotated[int, Field(ge=1, le=10_000)] = 1


def make_plan(definition: StudyDefinition, pictures: StudyPictures) -> Plan:
    """Say what participants' trials are drawn from.

    Raises:
        ValueError: more comparisons are asked for than there are.
    """
    possible = len(pictures.names) * len(definition.compared)
    comparisons = definition.comparisons or min(DEFAULT_COMPARISONS, possible)
    if comparisons > possible:
        raise ValueError(f"comparisons: found {comparisons}, expected at most {possible}, pairs of methods x pictures")
    checks = definition.attention_checks
    return Plan(
        seed=definition.seed,
        pairs=definition.compared,
        pictures=pictures.names,
        exposures=definition.exposures if definition.experiment == "limited" else (),
        comparisons=comparisons,
        check_pictures=pictures.check_names,
        checks=max(2, round(comparisons / 10)) if checks is None else checks,
    )


def describe(definition: StudyDefinition, plan: Plan, pictures: StudyPictures) -> dict[str, Any]:
    """Give what answers depend on; a database holds the answers of one such description."""
    return {
        "methods": list(definition.methods),
        "question": definition.question,
        "reference_kind": definition.reference_kind if definition.reference else None,
        "seed": plan.seed,
        "pairs": [list(pair) for pair in plan.pairs],
        "exposures": list(plan.exposures),
        "comparisons": plan.comparisons,
        "checks": plan.checks,
        "pictures": pictures.digest,
    }


def create_application(definition: StudyDefinition, pictures: StudyPictures, plan: Plan, store: StudyStore) -> FastAPI:
    """Make the application of a study."""
    application = FastAPI(title=definition.title, docs_url=None, redoc_url=None)  # those pages load from elsewhere
    install_safeguards(application, body_limit=BODY_LIMIT)
    application.mount("/page", StaticFiles(directory=PAGE))
    bearer = HTTPBearer(auto_error=False)

    def known(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> str:
        return given.credentials if given else ""

    Participant = Annotated[str, Depends(known)]

    def progress_of(token: str) -> Progress:
        try:
            return store.progress(token)
        except UnknownParticipant:
            raise HTTPException(401, "expected the token of a participant", {"WWW-Authenticate": "Bearer"}) from None

    @application.get("/", include_in_schema=False)
    def index() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @application.get("/api/study")
    def study() -> StudyView:
        return _study_view(definition, plan)

    @application.post("/api/participants", status_code=201)
    def begin(consent: Consent) -> Token:
        token = secrets.token_urlsafe(16)
        try:
            while not store.add_participant(
                token, number := store.participant_count(), plan.trials(number), definition.participants
            ):
                pass  # somebody else began at the same moment
        except StudyFull:
            raise HTTPException(409, "this study has all its participants; thank you for coming") from None
        log.info("participant %d began", number)
        return Token(token=token)

    @application.get("/api/trial")
    def trial(token: Participant) -> TrialView:
        return _trial_view(progress_of(token))

    @application.get("/api/pictures/{position}/{side}", response_class=Response)
    def picture(
        position: Annotated[int, PathParameter(ge=0, le=100_000)],
        side: PictureSide,
        token: Participant,
    ) -> Response:
        content = _content(pictures, progress_of(token), position, side)
        return Response(content, media_type="image/png") if content else Response(status_code=204)

    @application.post("/api/answers")
    def answer(given: AnswerView, token: Participant) -> TrialView:
        progress = progress_of(token)
        if given.position >= len(progress.trials):
            raise HTTPException(409, f"found an answer to pair {given.position}, expected none after the last")
        exposure = progress.trials[given.position].exposure
        try:
            return _trial_view(store.add_answer(token, given.position, _measured(given, exposure)))
        except AnswerConflict as error:
            raise HTTPException(409, str(error)) from None

    return application


def _study_view(definition: StudyDefinition, plan: Plan) -> StudyView:
    pairs = plan.comparisons + plan.checks
    mean_exposure = sum(plan.exposures) / len(plan.exposures) if plan.exposures else 0.0
    return StudyView(
        title=definition.title,
        question=definition.question,
        introduction=definition.introduction,
        consent=definition.consent,
        thanks=definition.thanks,
        exposures=tuple(plan.exposures),
        reference_kind=definition.reference_kind,
        pairs=pairs,
        minutes=math.ceil(pairs * (JUDGING_SECONDS + mean_exposure) / 60),
    )


def _trial_view(progress: Progress) -> TrialView:
    due = progress.trials[progress.answered : progress.answered + 1]
    exposure = due[0].exposure if due else None
    return TrialView(position=progress.answered, total=len(progress.trials), exposure=exposure)


def _content(pictures: StudyPictures, progress: Progress, position: int, side: PictureSide) -> bytes | None:
    """Give one of the pictures of a pair that is due or next; None where the study shows no reference."""
    last = min(progress.answered + AHEAD, len(progress.trials) - 1)
    if not progress.answered <= position <= last:
        raise HTTPException(404, f"found pair {position}, expected {progress.answered} or the next one")
    trial = progress.trials[position]
    try:
        if side == "reference":
            return pictures.reference(trial.picture)
        return pictures.picture(trial.left if side == "left" else trial.right, trial.picture)
    except OSError as error:
        log.error("a picture of pair %d of participant %d is lost: %s", position, progress.participant, error)
        raise HTTPException(404, PICTURE_LOST) from None


def _measured(given: AnswerView, exposure: float | None) -> Answer:
    """Check what the page measured, and mark a pair that was seen too long, too short or repeatedly."""
    frames = given.frames
    if (frames is None) != (exposure is None):
        raise HTTPException(422, f"frames: expected {'none' if exposure is None else 'those of the pair'}")
    if frames is None or exposure is None:
        return Answer(given.choice, given.reaction_ms, showings=given.showings)
    off = abs(frames.masked_ms - frames.shown_ms - 1000 * exposure) > EXPOSURE_TOLERANCE_MS
    return Answer(
        choice=given.choice,
        reaction_ms=given.reaction_ms,
        shown_ms=frames.shown_ms,
        masked_ms=frames.masked_ms,
        frame_ms=frames.frame_ms,
        exposure_off=off or given.showings > 1,
        showings=given.showings,
    )
