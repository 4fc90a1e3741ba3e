from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from deploy.study.pictures import StudyPictures
from deploy.study.plan import BETTER, WORSE
from tests.deploy.study.tiny_study import HEIGHT, WIDTH, define, look_at, write_pictures
from tests.tiny_bundle import write_tiny_bundle


def pixels(content: bytes | None) -> NDArray[Any]:
    assert content
    with Image.open(BytesIO(content)) as image:
        return np.array(image.convert("RGB"))


def problems(folder: Path, **fields: Any) -> str:
    with pytest.raises(ValueError, match=str(folder)) as caught:
        StudyPictures.find(define(folder, 3, **fields))
    return str(caught.value)


def test_pictures_are_found_by_name_in_subfolders_too(tmp_path: Path) -> None:
    for method in ("ours", "theirs"):
        write_pictures(tmp_path / method / "night", (9, 9), ["a.PNG"])
    found = StudyPictures.find(define(tmp_path, 2))
    assert found.names == ("000.png", "001.png", "night/a.PNG")
    assert found.picture("ours", "night/a.PNG") == (tmp_path / "ours/night/a.PNG").read_bytes()


def test_nothing_but_the_pictures_of_the_study_can_be_asked_for(tmp_path: Path) -> None:
    found = StudyPictures.find(define(tmp_path, 2))
    (tmp_path / "secret.png").write_bytes(b"x")
    for method, name in (("ours", "../secret.png"), ("ours", "none.png"), ("other", "000.png")):
        with pytest.raises(KeyError):
            found.picture(method, name)


def test_all_folders_without_pictures_are_named(tmp_path: Path) -> None:
    told = problems(tmp_path, reference=tmp_path / "maps", attention_better=tmp_path / "good")
    assert told.splitlines() == [
        f"{tmp_path / name}: found no PNG file, expected a folder with some" for name in ("good", "maps")
    ]


def test_all_pictures_that_a_folder_lacks_or_has_too_many_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "theirs", (9, 9), ["extra.png"])
    write_pictures(tmp_path / "maps", (9, 9), ["000.png"])
    ours = tmp_path / "ours"
    assert problems(tmp_path, reference=tmp_path / "maps").splitlines() == [
        f"{tmp_path / name}: found other names than in {ours}, expected the same; not in both are {listed}"
        for name, listed in (("theirs", "extra.png"), ("maps", "001.png, 002.png"))
    ]


def test_many_missing_pictures_are_counted(tmp_path: Path) -> None:
    write_pictures(tmp_path / "theirs", (9, 9), [f"extra{number}.png" for number in range(8)])
    assert problems(tmp_path).endswith("extra0.png, extra1.png, extra2.png, extra3.png, extra4.png and 3 more")


def test_pictures_that_differ_in_size_are_named(tmp_path: Path) -> None:
    definition = define(tmp_path, 3)
    Image.new("RGB", (8, 6)).save(tmp_path / "theirs/001.png")
    with pytest.raises(ValueError, match="one size") as caught:
        StudyPictures.find(definition)
    assert str(caught.value) == (
        f"found {tmp_path}/ours/001.png with {WIDTH}x{HEIGHT} and {tmp_path}/theirs/001.png with 8x6, "
        "expected one size: it would tell the methods apart"
    )


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_broken_picture_is_named(tmp_path: Path, content: bytes) -> None:
    definition = define(tmp_path, 3)
    (tmp_path / "theirs/002.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"theirs/002.png: found .*, expected a whole PNG"):
        StudyPictures.find(definition)


def test_a_picture_of_another_format_is_named(tmp_path: Path) -> None:
    definition = define(tmp_path, 3)
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "ours/000.png", format="JPEG")
    with pytest.raises(ValueError, match=r"ours/000.png: found .*, expected a whole PNG"):
        StudyPictures.find(definition)


def test_other_contents_are_another_study(tmp_path: Path) -> None:
    definition = define(tmp_path, 2)
    before = StudyPictures.find(definition).digest
    assert StudyPictures.find(definition).digest == before
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "theirs/001.png")
    assert StudyPictures.find(definition).digest != before


def test_mud_keeps_size_and_colour_and_loses_what_is_on_the_picture(tmp_path: Path) -> None:
    found = StudyPictures.find(define(tmp_path, 2))
    assert found.check_names == found.names
    better, worse = pixels(found.picture(BETTER, "000.png")), pixels(found.picture(WORSE, "000.png"))
    assert worse.shape == better.shape == (HEIGHT, WIDTH, 3)
    seen, left = look_at(better), look_at(worse)
    assert (left["red"], left["green"]) == pytest.approx((seen["red"], seen["green"]), abs=1)
    assert seen["detail"] > 100
    assert left["detail"] < 5


def test_mud_shuffles_what_is_where(tmp_path: Path) -> None:
    definition = define(tmp_path, 2)
    ramp = np.broadcast_to(np.linspace(0, 255, WIDTH).astype(np.uint8)[None, :, None], (HEIGHT, WIDTH, 3))
    Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / "ours/000.png")
    worse = pixels(StudyPictures.find(definition).picture(WORSE, "000.png")).astype(float)
    assert abs(np.corrcoef(ramp.ravel(), worse.ravel())[0, 1]) < 0.5
    assert np.array_equal(worse, pixels(StudyPictures.find(definition).picture(WORSE, "000.png")))


def test_photos_are_the_better_side_of_checks_where_they_are_the_reference(tmp_path: Path) -> None:
    photos = write_pictures(tmp_path / "photos", (50, 60), ["000.png", "001.png"])
    found = StudyPictures.find(define(tmp_path, 2, reference=photos, reference_kind="photo"))
    assert found.picture(BETTER, "001.png") == found.reference("001.png") == (photos / "001.png").read_bytes()


def test_own_pictures_for_checks_are_taken(tmp_path: Path) -> None:
    good = write_pictures(tmp_path / "good", (50, 60), ["x.png"])
    bad = write_pictures(tmp_path / "bad", (10, 10), ["x.png", "unused.png"])
    found = StudyPictures.find(define(tmp_path, 2, attention_better=good, attention_worse=bad))
    assert found.check_names == ("x.png",)
    assert found.picture(WORSE, "x.png") == (bad / "x.png").read_bytes()
    assert found.reference("x.png") is None


def test_a_label_map_is_shown_in_the_colours_of_the_bundle(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle")
    (tmp_path / "maps").mkdir()
    for name in ("000.png", "001.png"):
        Image.fromarray(np.array([[0, 1, 200]], dtype=np.uint8)).save(tmp_path / "maps" / name)
    colours = dict(reference=tmp_path / "maps", bundle=bundle)
    from components.inference import Bundle

    first, second, *_ = Bundle.load(bundle).classes
    ((road, car, unknown),) = pixels(StudyPictures.find(define(tmp_path, 2, **colours)).reference("000.png")).tolist()
    assert (tuple(road), tuple(car)) == (first.colour, second.colour)
    assert max(unknown) > 100  # not near black, as a browser would show 200 classes' low indices


def test_a_reference_in_colours_is_shown_as_it_is(tmp_path: Path) -> None:
    maps = write_pictures(tmp_path / "maps", (3, 4), ["000.png", "001.png"])
    found = StudyPictures.find(define(tmp_path, 2, reference=maps))
    assert found.reference("000.png") == (maps / "000.png").read_bytes()
