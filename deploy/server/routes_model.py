"""Routes that tell of the model: the bundle, its styles, sample scenes and masks of objects."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Response
from fastapi.responses import JSONResponse

from components.inference.editing import Scene
from components.inference.editing.masks import Box
from components.inference.samples import SampleScene
from deploy.server.declared_answers import file, problems
from deploy.server.documents import SceneDocument, scene_document
from deploy.server.pictures import encoded
from deploy.server.served import ServedModel
from deploy.server.thumbnails import sample_scene, style_example
from deploy.server.views import (
    BundleView,
    ClassStylesView,
    GalleryView,
    SampleView,
    bundle_view,
    gallery_view,
    samples_view,
    styles_view,
)
from deploy.server.workshop import Work, WorkOf

_KEPT_SECONDS = 24 * 3600  # by browsers, of a picture whose address names the model

SampleName = Annotated[str, Path(max_length=200)]
AskedModel = Annotated[
    str | None, Query(alias="model", max_length=64, description="of /api/bundle; lets browsers keep the picture")
]


router = APIRouter(prefix="/api", tags=["model"])


@router.get("/bundle", summary="The model", responses=problems(503))
async def bundle(work: WorkOf) -> BundleView:
    """What the model is, which classes and sizes it takes, and what a request may ask for."""
    return bundle_view(work.model(), work.limits)


@router.get("/styles", summary="The styles of each class", responses=problems(503))
async def styles(work: WorkOf) -> list[ClassStylesView]:
    """The style bank, with the address of a picture of each style."""
    return styles_view(work.model())


@router.get(
    "/styles/{class_index}/{number}/thumbnail",
    summary="A picture of a style",
    response_class=Response,
    responses={**file("the picture", "image/png"), **problems(404, 503, 504)},
)
async def style_thumbnail(
    class_index: Annotated[int, Path(ge=0, le=255)],
    number: Annotated[int, Path(ge=0, le=10_000)],
    work: WorkOf,
    asked_model: AskedModel = None,
) -> Response:
    """An object of the class in this style."""
    model = work.model()
    if number >= len(model.bundle.style_bank.styles.get(class_index, ())):
        raise HTTPException(404, f"found no style {number} of class {class_index}, expected one of /api/styles")
    key = f"style {class_index} {number}"
    content = await _kept(work, model, key, lambda: style_example(model, class_index, number))
    return _thumbnail(content, model, asked_model)


@router.get("/samples", summary="Sample scenes", responses=problems(503))
async def samples(work: WorkOf) -> list[SampleView]:
    """The scenes that the bundle brings to begin with."""
    return samples_view(work.model())


@router.get(
    "/samples/{name}", summary="A sample scene", response_model=SceneDocument, responses=problems(404, 503, 504)
)
async def sample(name: SampleName, work: WorkOf) -> Response:
    """The sample as a scene to edit, with styles drawn for its objects."""
    model = work.model()
    found = _sample(model, name)
    return JSONResponse(await work.run(lambda: scene_document(sample_scene(model, found))))


@router.get(
    "/samples/{name}/thumbnail",
    summary="The picture of a sample scene",
    response_class=Response,
    responses={**file("the picture", "image/png"), **problems(404, 503, 504)},
)
async def sample_thumbnail(name: SampleName, work: WorkOf, asked_model: AskedModel = None) -> Response:
    """The scene as the model paints it."""
    model = work.model()
    found = _sample(model, name)

    def whole() -> tuple[Scene, Box]:
        scene = sample_scene(model, found)
        return scene, Box(0, 0, *scene.instance.shape)

    return _thumbnail(await _kept(work, model, f"sample {name}", whole), model, asked_model)


@router.get("/gallery", summary="Masks of objects", responses=problems(503, 504))
async def gallery(work: WorkOf) -> list[GalleryView]:
    """Shapes of objects of the dataset, which `add_object` takes as bitmap masks."""
    model = work.model()
    return await work.run(gallery_view, model)


def _sample(model: ServedModel, name: str) -> SampleScene:
    for each in model.samples.scenes:
        if each.name == name:
            return each
    raise HTTPException(404, "found no sample scene of this name, expected one of /api/samples")


async def _kept(work: Work, model: ServedModel, key: str, shown: Callable[[], tuple[Scene, Box]]) -> bytes:
    """Give a picture that is made at the first asking."""
    if key not in model.kept:
        scene, box = await work.run(shown)
        image = await work.picture(model, model.inputs_of(scene), patient=True)
        model.kept[key] = await work.run(encoded, image[box.window], "png")
    return model.kept[key]


def _thumbnail(content: bytes, model: ServedModel, asked_model: str | None) -> Response:
    keep = {"Cache-Control": f"private, max-age={_KEPT_SECONDS}"} if asked_model == model.digest else {}
    return Response(content, media_type="image/png", headers=keep)
