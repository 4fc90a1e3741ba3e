"""Routes of the editor: scenes from maps, edits, pictures, thumbnails and export. The client holds the scene."""

import base64
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic_core import to_json

from components.inference.editing import Scene
from deploy.server.batching import Image, Inputs
from deploy.server.declared_answers import file, problems
from deploy.server.documents import OtherModelError, SceneDocument, scene_document
from deploy.server.exports import maps_archive
from deploy.server.limits import Limits
from deploy.server.masks import Course
from deploy.server.operations import apply_operations
from deploy.server.pictures import MEDIA_TYPES, PictureFormat, encoded
from deploy.server.scene_requests import (
    EditAnswer,
    EditRequest,
    EmptyScene,
    PictureRequest,
    SceneAlone,
    ThumbnailsAnswer,
    ThumbnailsRequest,
)
from deploy.server.served import ServedModel
from deploy.server.thumbnails import in_each_style, object_box
from deploy.server.uploads import scene_of_maps, upload
from deploy.server.workshop import WorkOf

router = APIRouter(prefix="/api/scenes", tags=["scenes"])


@router.post(
    "", summary="A scene from maps", response_model=SceneDocument, responses=problems(409, 503, 504, body=True)
)
async def from_maps(
    work: WorkOf,
    label: Annotated[UploadFile, File(description="PNG with a class index a pixel")],
    instance: Annotated[UploadFile | None, File(description="PNG with an id a pixel, any numbers")] = None,
    seed: Annotated[int, Form(ge=0, le=2**53 - 1, description="of the styles that are drawn")] = 0,
    resize: Annotated[bool, Form(description="to the nearest size that the model takes")] = False,
) -> Response:
    """Makes a scene of a label map, with or without instance map; without, each connected region is an object."""
    model = work.model()
    maps = await upload("label", label, work.limits.pixels), await upload("instance", instance, work.limits.pixels)
    made = await work.run(scene_of_maps, model, work.limits, *maps, seed, resize)
    return JSONResponse(await work.run(scene_document, made))


@router.post(
    "/empty",
    summary="An empty scene",
    response_model=SceneDocument,
    responses=problems(409, 503, 504, body=True),
)
async def empty(asked: EmptyScene, work: WorkOf) -> Response:
    """Makes a scene of one region to begin with."""
    model = work.model()
    return JSONResponse(await work.run(_empty, model, work.limits, asked))


@router.post(
    "/picture",
    summary="The picture of a scene",
    response_class=Response,
    responses={**file("the picture", *MEDIA_TYPES.values()), **problems(409, 503, 504, body=True)},
)
async def picture(asked: PictureRequest, work: WorkOf) -> Response:
    """Paints the scene, as PNG, which keeps every pixel, or WebP, which is smaller."""
    model = work.model()
    inputs = await work.run(lambda: model.inputs_of(asked.scene.scene(model, work.limits)))
    content = await work.run(encoded, await work.picture(model, inputs), asked.format)
    return Response(content, media_type=MEDIA_TYPES[asked.format])


@router.post(
    "/edit",
    summary="Edit a scene",
    response_model=EditAnswer,
    responses=problems(409, 503, 504, body=True),
)
async def edit(asked: EditRequest, work: WorkOf) -> Response:
    """Does the operations one after the other, and paints the scene that comes of them if a format is given."""
    model = work.model()
    edited = await work.run(_edited, asked, model, Course(work.limits, work.turn.check))
    image = None if edited.inputs is None else await work.picture(model, edited.inputs)
    return Response(await work.run(_edit_answer, edited, image, asked.format), media_type="application/json")


@router.post(
    "/thumbnails",
    summary="An object in each style",
    response_model=ThumbnailsAnswer,
    responses=problems(409, 503, 504, body=True),
)
async def thumbnails(asked: ThumbnailsRequest, work: WorkOf) -> Response:
    """Paints the scene once with each style that the bank has for the object's class, and cuts the object out."""
    model = work.model()
    scene = await work.run(asked.scene.scene, model, work.limits)
    box = await work.run(object_box, scene, asked.instance)
    scenes = await work.run(in_each_style, scene, asked.instance)
    inputs = [model.inputs_of(each) for each in scenes]
    images = await work.pictures(model, inputs, patient=True)

    def encode() -> list[str]:
        return [_base64(encoded(image[box.window], "png")) for image in images]

    files = await work.run(encode)
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
    responses={
        **file("label.png, instance.png, styles.json and picture.png", "application/zip"),
        **problems(409, 503, 504, body=True),
    },
)
async def maps(asked: SceneAlone, work: WorkOf) -> Response:
    """Gives label map, instance map, styles and picture; of the first three `/api/synthesize` makes the picture."""
    model = work.model()
    scene = await work.run(asked.scene.scene, model, work.limits)
    content = await work.run(encoded, await work.picture(model, model.inputs_of(scene)), "png")
    archive = await work.run(maps_archive, scene, model.bundle.classes, content)
    return Response(archive, media_type="application/zip")


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


@dataclass(frozen=True)
class _Edited:
    """A scene's document, and the inputs of its picture where one was asked for."""

    document: dict[str, Any]
    inputs: Inputs | None


def _edited(asked: EditRequest, model: ServedModel, course: Course) -> _Edited:
    scene = apply_operations(asked.scene.scene(model, course.limits), asked.operations, course)
    return _Edited(scene_document(scene), None if asked.format is None else model.inputs_of(scene))


def _edit_answer(edited: _Edited, image: Image | None, picture_format: PictureFormat | None) -> bytes:
    picture, media_type = None, None
    if image is not None and picture_format is not None:
        picture, media_type = _base64(encoded(image, picture_format)), MEDIA_TYPES[picture_format]
    return to_json({"scene": edited.document, "picture": picture, "media_type": media_type})


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
