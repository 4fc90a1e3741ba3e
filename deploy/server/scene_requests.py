"""What the editor's routes take and answer."""

from typing import Annotated

from pydantic import BaseModel, Field

from deploy.server.documents import ClassIndex, Document, InstanceId, SceneDocument, Seed, Side
from deploy.server.limits import MOST_OPERATIONS
from deploy.server.operations import Operation
from deploy.server.pictures import PictureFormat


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

    operations: Annotated[
        list[Operation], Field(max_length=MOST_OPERATIONS, description="in their order; all or none are done")
    ]
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
