"""Routes for programs that hold no scene: a picture from files, and styles from a photo."""

from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, Response, UploadFile
from pydantic import BaseModel, Field

from deploy.server.declared_answers import file, problems
from deploy.server.photos import PhotoStyle, photo_pixels, styles_of_photo
from deploy.server.pictures import MEDIA_TYPES, PictureFormat, encoded
from deploy.server.uploads import inputs_of_uploads, upload
from deploy.server.workshop import WorkOf


class PhotoStyleView(BaseModel):
    """The style of an object of the photo."""

    instance: Annotated[int, Field(description="its id in the instance map, or a number where there was none")]
    class_index: Annotated[int | None, Field(alias="class")]
    vector: list[float]


class PhotoStylesAnswer(BaseModel):
    """The styles of a photo's objects."""

    styles: list[PhotoStyleView]


router = APIRouter(prefix="/api", tags=["programs"])


@router.post(
    "/synthesize",
    summary="A picture from files",
    response_class=Response,
    responses={**file("the picture", *MEDIA_TYPES.values()), **problems(409, 503, 504, body=True)},
)
async def synthesize(
    work: WorkOf,
    label: Annotated[UploadFile | None, File(description="PNG with a class index a pixel")] = None,
    picture: Annotated[
        UploadFile | None, File(description="PNG, in place of label where the model has no classes")
    ] = None,
    instance: Annotated[
        UploadFile | None, File(description="PNG with an id a pixel: any numbers, or with styles 0..M-1")
    ] = None,
    styles: Annotated[str | None, Form(description="JSON: a list of M rows of F numbers, row i for id i")] = None,
    seed: Annotated[int, Form(ge=0, le=2**53 - 1, description="of the styles that are drawn")] = 0,
    format: Annotated[PictureFormat, Form(description="of the picture")] = "png",
) -> Response:
    """Paints a label map. Without instance map each connected region is an object; without styles they are drawn.

    For example `curl -F label=@label.png -F seed=3 -o picture.png ADDRESS/api/synthesize`.
    """
    model = work.model()
    condition_name = "label" if model.bundle.class_count else "picture"
    wanted, other = (label, picture) if model.bundle.class_count else (picture, label)
    if other is not None:
        raise HTTPException(
            409, f"found another condition, expected {condition_name} alone: that is what the model takes"
        )
    condition = await upload(condition_name, wanted, work.limits.pixels)
    if condition is None:
        raise HTTPException(422, f"{condition_name}: found none, expected a PNG file")
    ids = await upload("instance", instance, work.limits.pixels)
    inputs = await work.run(inputs_of_uploads, model, work.limits, condition, ids, styles, seed)
    content = await work.run(encoded, await work.picture(model, inputs), format)
    return Response(content, media_type=MEDIA_TYPES[format])


@router.post("/styles/photo", summary="Styles from a photo", responses=problems(409, 503, 504, body=True))
async def photo_styles(
    work: WorkOf,
    photo: Annotated[UploadFile, File(description="PNG, JPEG or WebP")],
    label: Annotated[UploadFile | None, File(description="PNG with a class index a pixel")] = None,
    instance: Annotated[UploadFile | None, File(description="PNG with an id a pixel, any numbers")] = None,
) -> PhotoStylesAnswer:
    """Gives the style of each object; without maps the whole photo is one.

    For example `curl -F photo=@street.jpg ADDRESS/api/styles/photo`.
    """
    model = work.model()
    if model.encoder is None:
        raise HTTPException(409, "found a model without encoder, expected one: it takes no styles from photos")
    most = photo_pixels(work.limits)
    files = [
        await upload("photo", photo, most),
        await upload("label", label, most),
        await upload("instance", instance, most),
    ]
    found: list[PhotoStyle] = await work.run(styles_of_photo, model, work.limits, *files)
    return PhotoStylesAnswer(
        styles=[
            PhotoStyleView.model_validate({"instance": e.instance, "class": e.class_index, "vector": e.vector})
            for e in found
        ]
    )
