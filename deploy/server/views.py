"""What the API answers of the model.

Shapes: H x W pixels.
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from deploy.server.limits import Limits, deflated
from deploy.server.served import ServedModel


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class ClassView(_View):
    """A semantic class."""

    index: int
    name: str
    colour: Annotated[list[int], Field(description="red, green and blue in maps of the labels, 0..255")]
    has_instances: bool
    has_styles: bool


class SizeView(_View):
    """In pixels."""

    height: int
    width: int


class LimitsView(_View):
    """What a request may ask for."""

    bytes: int
    pixels: int
    instances: int
    operations: int


class BundleView(_View):
    """The model in use."""

    name: str
    version: str | None
    model: Annotated[str, Field(description="the first 12 digits of the bundle's hash")]
    inputs: list[str]
    classes: list[ClassView]
    style_dimension: int
    size_multiple: int
    trained_size: SizeView
    scores: dict[str, float | None]
    precision: str
    runs_on: str
    has_encoder: bool
    limits: LimitsView
    fingerprint: dict[str, str]


class StyleView(_View):
    """A style of the bank."""

    number: int
    count: Annotated[int, Field(description="training instances that it stands for")]
    vector: list[float]
    thumbnail: Annotated[str, Field(description="address of a picture")]


class ClassStylesView(_View):
    """The styles of a class."""

    class_index: Annotated[int, Field(alias="class")]
    name: str
    styles: list[StyleView]


class SampleView(_View):
    """A sample scene."""

    name: str
    height: int
    width: int
    thumbnail: Annotated[str, Field(description="address of its picture")]


class GalleryView(_View):
    """The mask of an object of the dataset, as a bitmap mask has it."""

    number: int
    class_index: Annotated[int, Field(alias="class")]
    height: int
    width: int
    bits: str


def bundle_view(model: ServedModel, limits: Limits) -> BundleView:
    """Tell of the model in use and of the limits."""
    bundle = model.bundle
    height, width = bundle.trained_size
    return BundleView(
        name=model.name,
        version=model.version,
        model=model.digest,
        inputs=list(bundle.inputs),
        classes=[
            ClassView(
                index=each.index,
                name=each.name,
                colour=list(each.colour),
                has_instances=each.has_instances,
                has_styles=each.index in bundle.style_bank.styles,
            )
            for each in bundle.classes
        ],
        style_dimension=bundle.style_dimension,
        size_multiple=bundle.size_multiple,
        trained_size=SizeView(height=height, width=width),
        scores=dict(bundle.scores),
        precision=model.synthesizer.precision,
        runs_on=model.synthesizer.providers[0],
        has_encoder=model.encoder is not None,
        limits=LimitsView(
            bytes=limits.bytes, pixels=limits.pixels, instances=limits.instances, operations=limits.operations
        ),
        fingerprint=dict(bundle.fingerprint),
    )


def styles_view(model: ServedModel) -> list[ClassStylesView]:
    """Tell of the style bank."""
    bank, classes = model.bundle.style_bank, model.bundle.classes
    return [
        ClassStylesView(
            class_index=class_index,
            name=classes[class_index].name,
            styles=[
                StyleView(
                    number=number,
                    count=int(bank.counts[class_index][number]),
                    vector=vector,
                    thumbnail=f"/api/styles/{class_index}/{number}/thumbnail?model={model.digest}",
                )
                for number, vector in enumerate(bank.styles[class_index].tolist())
            ],
        )
        for class_index in sorted(bank.styles)
    ]


def samples_view(model: ServedModel) -> list[SampleView]:
    """Tell of the sample scenes."""
    return [
        SampleView(
            name=each.name,
            height=each.label.shape[0],
            width=each.label.shape[1],
            thumbnail=f"/api/samples/{each.name}/thumbnail?model={model.digest}",
        )
        for each in model.samples.scenes
    ]


def gallery_view(model: ServedModel) -> list[GalleryView]:
    """Give the masks of objects."""
    return [
        GalleryView(
            number=number,
            class_index=each.class_index,
            height=each.mask.shape[0],
            width=each.mask.shape[1],
            bits=deflated(np.packbits(each.mask.ravel()).tobytes()),
        )
        for number, each in enumerate(model.samples.gallery)
    ]
