import re
from pathlib import Path

import numpy as np
from PIL import Image

from components.data.data_report import ODD_SAMPLES, SAMPLES, write_report
from components.data.manifest import Manifest
from tests.tiny_dataset import random_photo, tiny_manifest, write_picture


def make_manifest(root: Path, pictures: int = 2, turned: tuple[int, ...] = ()) -> Manifest:
    """CamVid pictures of 12 pixels: a third is sky, a third road, a third car; `turned` ones have an odd rotation."""
    label = np.repeat([[0], [3], [8]], 4, axis=1)
    for number in range(pictures):
        photo = root / "train" / "images" / f"{number:02}.png"
        write_picture(photo, random_photo(number, 3, 4))
        if number in turned:
            exif = Image.Exif()
            exif[0x0112] = 3
            Image.open(photo).save(photo, exif=exif)
        write_picture(root / "train" / "labels" / f"{number:02}.png", label)
    write_picture(root / "val" / "images" / "v.png", random_photo(99, 6, 4))
    write_picture(root / "val" / "labels" / "v.png", np.full((6, 4), 3))
    return tiny_manifest("camvid", root)


def text_of(page: str) -> str:
    """What a reader sees, with one space between words."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_report_needs_nothing_from_outside_its_folder(tmp_path: Path) -> None:
    page = write_report(make_manifest(tmp_path / "data"), tmp_path / "report")
    assert page == tmp_path / "report" / "index.html"
    content = page.read_text(encoding="utf-8")
    assert "<script" not in content
    assert "//" not in content
    pictures = re.findall(r'src="([^"]+)"', content)
    assert {page.name, *pictures} == {path.name for path in page.parent.iterdir()}
    assert len(pictures) == 3 * 4  # each sample from four sides


def test_report_gives_class_frequencies_sizes_and_warnings(tmp_path: Path) -> None:
    page = write_report(make_manifest(tmp_path / "data"), tmp_path / "report").read_text(encoding="utf-8")
    text = text_of(page)
    assert "2 training and 1 validation pictures, read as camvid, 12 classes" in text
    assert "0 Sky 33.333 % none 2 0" in text  # index, name, shares and pictures of both splits
    assert "3 Road 33.333 % 100.000 % 2 1" in text
    assert "4 × 3 2 0 4 × 6 0 1" in text  # widths and heights with the pictures of both splits
    assert "Warnings (2)" in text
    assert "train: no pixel of Building, Pole, Pavement" in text
    assert "The dataset has no instance maps." in text
    # Bars: the widest is validation's road, so a third of all pixels is a third of its width.
    assert page.count('class="bar train" style="width: 33.33%"') == 3
    assert page.count('class="bar val" style="width: 100.00%"') == 1


def test_picture_with_a_warning_is_shown_with_it(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path / "data", pictures=20, turned=(1,))
    text = text_of(write_report(manifest, tmp_path / "report").read_text(encoding="utf-8"))
    assert "train: train/images/01.png 4 × 3 train/images/01.png: turned by EXIF orientation 3" in text


def test_number_of_samples_does_not_grow_with_the_dataset(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path / "data", pictures=40, turned=tuple(range(1, 40)))
    page = write_report(manifest, tmp_path / "report").read_text(encoding="utf-8")
    assert page.count("<article>") == SAMPLES["train"] + 1 + ODD_SAMPLES


def test_names_with_marks_of_html_are_shown_as_they_are(tmp_path: Path) -> None:
    root = tmp_path / "data"
    make_manifest(root)
    for kind in ("images", "labels"):
        (root / "train" / kind / "00.png").rename(root / "train" / kind / "<b>&ü.png")
    page = write_report(tiny_manifest("camvid", root), tmp_path / "report").read_text(encoding="utf-8")
    assert "train/images/&lt;b&gt;&amp;ü.png" in page
    assert "<b>" not in page


def test_pictures_for_conditions_have_no_classes_and_show_the_condition(tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "val")):
        for kind in ("A", "B"):
            write_picture(tmp_path / "data" / f"{split}_{kind}" / "p.png", random_photo(seed))
    manifest = tiny_manifest("paired_folders", tmp_path / "data")
    text = text_of(write_report(manifest, tmp_path / "report").read_text(encoding="utf-8"))
    assert "condition over the photo photo condition" in text
    assert "Nothing odd was found." in text
    assert "Share of all pixels" not in text
