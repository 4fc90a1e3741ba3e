"""A page of pictures: what each style looks like in the training pictures and on one and the same object.

Shapes: M instances of a picture, F feature channels, H x W pixels; pictures are RGB (H, W, 3) uint8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from PIL import Image

from components.data.dataset import ClassInfo
from components.data.draws import Draw
from components.data.loader import BatchMaker
from components.data.overlays import Picture, resized
from components.models.networks import Networks
from components.pages import render_page
from components.progress import track_progress
from components.styles.agreement import Agreement, ClassAgreement, TrueStyles
from components.styles.cluster import ClassStyles
from components.styles.collect import InstanceStyles
from components.styles.crops import crop, pale_outside, window_around
from components.styles.synthesize import synthesize

PAGE = "index.html"
TEMPLATE = Path(__file__).with_suffix(".html")
CROPS = 6  # training instances shown of each style
PICTURE_SIDE = 208  # longer side of a whole picture in pixels


@dataclass(frozen=True)
class PageContent:
    """What the page shows.

    Attributes:
        networks: with features.
        maker: of the training split, with the boundary map where the networks take one.
        styles: of all its instances.
        clustered: the styles of each class.
        changes_class: whether all instances of a class in a picture change their style together.
        true: the true styles, where they are known.
        agreement: with these.
        fabric: the device.
    """

    networks: Networks
    maker: BatchMaker
    styles: InstanceStyles
    clustered: Mapping[int, ClassStyles]
    changes_class: bool
    true: TrueStyles | None
    agreement: Agreement | None
    fabric: Fabric


@dataclass(frozen=True)
class View:
    """Files of an object: cut out, and the whole picture."""

    object: str
    picture: str


@dataclass(frozen=True)
class StyleRow:
    """A style on the page.

    Attributes:
        count: its training instances.
        share: of the class's clustered instances, 0..1.
        spread: root mean square distance of its instances to the centre.
        crops: files of the training instances nearest to the centre.
        view: the class's object in this style.
        true_styles: what its instances really are and how many, where that is known.
    """

    count: int
    share: float
    spread: float
    crops: tuple[str, ...]
    view: View
    true_styles: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ClassSection:
    """A class on the page.

    Attributes:
        info: the class.
        instances: how many were clustered.
        agreement: with the true styles, where these are known.
        source: name of the picture whose object is shown in each style.
        photo: the object as photographed.
        own: the object synthesized in the styles that the encoder saw in the photo.
        rows: the styles, the most frequent first.
    """

    info: ClassInfo
    instances: int
    agreement: ClassAgreement | None
    source: str
    photo: View
    own: View
    rows: tuple[StyleRow, ...]


def write_page(folder: Path, content: PageContent) -> None:
    """Write `index.html` and its pictures, which need nothing from elsewhere, into a new folder.

    The picture of each class is the one with its largest clustered instance.
    """
    folder.mkdir()
    content.networks.generator.to(content.fabric.device).eval()
    indices = sorted(content.clustered)
    shown = track_progress(indices, total=len(indices), label="drawing styles of classes")
    page = render_page(
        TEMPLATE,
        sections=[_section(content, index, folder) for index in shown],
        overall=content.agreement.overall if content.agreement else None,
        changes_class=content.changes_class,
    )
    (folder / PAGE).write_text(page, encoding="utf-8")


def _section(content: PageContent, index: int, folder: Path) -> ClassSection:
    of_class, styles = content.clustered[index], content.styles
    assert of_class.spread is not None, "clusters of training instances have a spread"
    clustered = np.concatenate(of_class.members)
    shown = int(clustered[styles.area[clustered].argmax()])
    photo, mask = _read(content, shown)
    own, *in_styles = _synthesize_object(content, shown, of_class.centres)
    return ClassSection(
        info=content.maker.store.index.classes[index],
        instances=len(clustered),
        agreement=content.agreement.classes[index] if content.agreement else None,
        source=content.maker.store.index.names[styles.picture[shown]],
        photo=_write_view(photo, mask, folder, f"{index}_photo", pale=True),
        own=_write_view(own, mask, folder, f"{index}_own"),
        rows=tuple(
            StyleRow(
                count=len(members),
                share=len(members) / len(clustered),
                spread=float(of_class.spread[number]),
                crops=tuple(
                    _write_object(*_read(content, row), folder, f"{index}_{number}_{place}", pale=True)
                    for place, row in enumerate(members[:CROPS].tolist())
                ),
                view=_write_view(in_styles[number], mask, folder, f"{index}_{number}"),
                true_styles=tuple(content.true.counts(index, members)) if content.true else (),
            )
            for number, members in enumerate(of_class.members)
        ),
    )


def _read(content: PageContent, row: int) -> tuple[Picture, NDArray[np.bool_]]:
    """Give the photo with an instance and the instance's mask (H, W)."""
    sample = content.maker.store.read([int(content.styles.picture[row])])
    photo: Picture = sample["image"][0].astype(np.uint8)
    return photo, sample["instance"][0] == content.styles.instance[row]


def _synthesize_object(content: PageContent, row: int, centres: NDArray[np.float32]) -> list[Picture]:
    """Synthesize the picture with an instance in the styles of its photo, then with each other style of the instance.

    Args:
        content: of the page.
        row: the instance.
        centres: (K, F), the other styles.
    """
    styles = content.styles
    batch = content.maker.make([Draw(int(styles.picture[row]))])
    of_picture = styles.picture == styles.picture[row]
    own = np.zeros((1, batch.instance_count, styles.vectors.shape[1]), np.float32)
    own[0, styles.instance[of_picture]] = styles.vectors[of_picture]
    of_class = of_picture & (styles.class_index == styles.class_index[row])
    changed = styles.instance[of_class] if content.changes_class else styles.instance[row]
    pictures: list[Picture] = []
    for centre in (None, *centres):
        painted = own.copy()
        if centre is not None:
            painted[0, changed] = centre
        pictures += synthesize(content.networks, batch, torch.from_numpy(painted), content.fabric)
    return pictures


def _write_view(picture: Picture, mask: NDArray[np.bool_], folder: Path, name: str, *, pale: bool = False) -> View:
    height, width = mask.shape
    factor = PICTURE_SIDE / max(height, width)
    size = max(1, round(height * factor)), max(1, round(width * factor))
    return View(
        object=_write_object(picture, mask, folder, f"{name}_object", pale=pale),
        picture=_save(resized(picture, size, smooth=True), folder, f"{name}_picture"),
    )


def _write_object(picture: Picture, mask: NDArray[np.bool_], folder: Path, name: str, *, pale: bool) -> str:
    return _save(crop(pale_outside(picture, mask) if pale else picture, window_around(mask)), folder, name)


def _save(picture: Picture, folder: Path, name: str) -> str:
    Image.fromarray(picture).save(folder / f"{name}.png")
    return f"{name}.png"
