"""Routes of the editor: scenes from maps, edits, pictures, thumbnails and export. The client holds the scene."""

import base64
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Form, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from components.inference.editing import Scene
from deploy.server.attendance import Turn, TurnOf
from deploy.server.documents import (
    ClassIndex,
    Document,
    InstanceId,
    OtherModelError,
    SceneDocument,
    Seed,
    Side,
    scene_document,
)
from deploy.server.exports import maps_archive
from deploy.server.limits import Limits
from deploy.server.masks import Course
from deploy.server.operations import Operation, apply_operations
from deploy.server.pictures import MEDIA_TYPES, PictureFormat, encoded
from deploy.server.problem_answers import problems
from deploy.server.served import ServedModel
from deploy.server.thumbnails import in_each_style, object_box
from deploy.server.uploads import scene_of_maps, upload
from deploy.server.workshop import Workshop

PICTURE: Mapping[int | str, dict[str, Any]] = {
    200: {"content": {each: {} for each in MEDIA_TYPES.values()}, "description": "the picture"}
}
ARCHIVE: Mapping[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "label.png, instance.png, styles.json and picture.png"}
}


class EmptyScene(Document):
    """A scene of one region."""

    height: Side
    width: Side
    class_index: Annotated[ClassIndex, Field(alias="class")]
    seed: Seed = 0


class SceneAlone(Document):
    """A scene."""

    scene: SceneDocument


class PictureRequest(SceneAlone):
    """A scene of which to make a picture."""

    format: PictureFormat = "png"


class EditRequest(SceneAlone):
    """A scene and what to change."""

    operations: Annotated[list[Operation], Field(max_length=65536, description="in their order; all or none are done")]
    format: Annotated[PictureFormat | None, Field(description="of the picture; null makes none")] = None


class EditAnswer(BaseModel):
    """The scene after the edit."""

    scene: SceneDocument
    picture: Annotated[str | None, Field(description="base64; null where none was asked for")]
    media_type: str | None


class ThumbnailsRequest(SceneAlone):
    """An object of a scene."""

    instance: InstanceId


class BoxView(BaseModel):
    """A rectangle of the scene, in pixels."""

    top: int
    left: int
    height: int
    width: int


class ThumbnailView(BaseModel):
    """The scene inside the box, with the object in a style of the bank."""

    number: int
    picture: Annotated[str, Field(description="base64 of PNG")]


class ThumbnailsAnswer(BaseModel):
    """The object in each style of its class."""

    class_index: Annotated[int, Field(alias="class")]
    box: BoxView
    thumbnails: list[ThumbnailView]


def scene_routes(workshop: Workshop) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/api/scenes", tags=["scenes"])
    limits = workshop.limits

    @router.post(
        "", summary="A scene from maps", response_model=SceneDocument, responses=problems(409, 503, 504, body=True)
    )
    async def from_maps(
        turn: TurnOf,
        label: Annotated[UploadFile, Form(description="PNG with a class index a pixel")],
        instance: Annotated[UploadFile | None, Form(description="PNG with an id a pixel, any numbers")] = None,
        seed: Annotated[int, Form(ge=0, le=2**53 - 1, description="of the styles that are drawn")] = 0,
        resize: Annotated[bool, Form(description="to the nearest size that the model takes")] = False,
    ) -> Response:
        """Makes a scene of a label map, with or without instance map; without, each connected region is an object."""
        model = workshop.model()
        maps = await upload("label", label, limits.pixels), await upload("instance", instance, limits.pixels)
        made = await workshop.run(turn, scene_of_maps, model, limits, *maps, seed, resize)
        return JSONResponse(await workshop.run(turn, scene_document, made))

    @router.post(
        "/empty",
        summary="An empty scene",
        response_model=SceneDocument,
        responses=problems(409, 503, 504, body=True),
    )
    async def empty(asked: EmptyScene, turn: TurnOf) -> Response:
        """Makes a scene of one region to begin with."""
        model = workshop.model()
        return JSONResponse(await workshop.run(turn, _empty, model, limits, asked))

    @router.post(
        "/picture",
        summary="The picture of a scene",
        response_class=Response,
        responses={**PICTURE, **problems(409, 503, 504, body=True)},
    )
    async def picture(asked: PictureRequest, turn: TurnOf) -> Response:
        """Paints the scene."""
        model = workshop.model()
        scene = await workshop.run(turn, asked.scene.scene, model, limits)
        content = await _picture(workshop, turn, model, scene, asked.format)
        return Response(content, media_type=MEDIA_TYPES[asked.format])

    @router.post(
        "/edit",
        summary="Edit a scene",
        response_model=EditAnswer,
        responses=problems(409, 503, 504, body=True),
    )
    async def edit(asked: EditRequest, turn: TurnOf) -> Response:
        """Does the operations one after the other, and paints the scene that comes of them if a format is given."""
        model = workshop.model()
        scene = await workshop.run(turn, _edited, asked, model, Course(limits, turn.check))
        document = await workshop.run(turn, scene_document, scene)
        content, media_type = None, None
        if asked.format is not None:
            content = _base64(await _picture(workshop, turn, model, scene, asked.format))
            media_type = MEDIA_TYPES[asked.format]
        return JSONResponse({"scene": document, "picture": content, "media_type": media_type})

    @router.post(
        "/thumbnails",
        summary="An object in each style",
        response_model=ThumbnailsAnswer,
        responses=problems(409, 503, 504, body=True),
    )
    async def thumbnails(asked: ThumbnailsRequest, turn: TurnOf) -> Response:
        """Paints the scene once with each style that the bank has for the object's class, and cuts the object out."""
        model = workshop.model()
        scene = await workshop.run(turn, asked.scene.scene, model, limits)
        box = await workshop.run(turn, object_box, scene, asked.instance)
        scenes = await workshop.run(turn, in_each_style, scene, asked.instance)
        inputs = [model.inputs_of(each) for each in scenes]
        images = await workshop.pictures(turn, model, inputs, patient=True)

        def encode() -> list[str]:
            return [_base64(encoded(image[box.window], "png")) for image in images]

        files = await workshop.run(turn, encode)
        return JSONResponse(
            {
                "class": scene.class_of(asked.instance),
                "box": {
                    "top": box.top,
                    "left": box.left,
                    "height": box.bottom - box.top,
                    "width": box.right - box.left,
                },
                "thumbnails": [{"number": number, "picture": each} for number, each in enumerate(files)],
            }
        )

    @router.post(
        "/maps",
        summary="The maps of a scene",
        response_class=Response,
        responses={**ARCHIVE, **problems(409, 503, 504, body=True)},
    )
    async def maps(asked: SceneAlone, turn: TurnOf) -> Response:
        """Gives label map, instance map, styles and picture; of the first three `/api/synthesize` makes the picture."""
        model = workshop.model()
        scene = await workshop.run(turn, asked.scene.scene, model, limits)
        content = await _picture(workshop, turn, model, scene, "png")
        archive = await workshop.run(turn, maps_archive, scene, model.bundle.classes, content)
        return Response(archive, media_type="application/zip")

    return router


def _empty(model: ServedModel, limits: Limits, asked: EmptyScene) -> dict[str, Any]:
    if not model.bundle.class_count:
        raise OtherModelError("class: found one, expected none: this model takes pictures")
    limits.check_size("scene", asked.height, asked.width, model.bundle.size_multiple)
    if asked.class_index >= model.bundle.class_count:
        raise ValueError(
            f"class: found {asked.class_index}, expected one of the {model.bundle.class_count} of the model"
        )
    label = np.full((asked.height, asked.width), asked.class_index, np.uint8)
    instance = np.zeros(label.shape, np.int32)
    bank = model.bundle.style_bank
    scene = Scene.from_maps(label, instance, has_instances=model.has_instances, bank=bank, seed=asked.seed)
    return scene_document(scene)


def _edited(asked: EditRequest, model: ServedModel, course: Course) -> Scene:
    return apply_operations(asked.scene.scene(model, course.limits), asked.operations, course)


async def _picture(
    workshop: Workshop, turn: Turn, model: ServedModel, scene: Scene, picture_format: PictureFormat
) -> bytes:
    (image,) = await workshop.pictures(turn, model, [model.inputs_of(scene)])
    return await workshop.run(turn, encoded, image, picture_format)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
