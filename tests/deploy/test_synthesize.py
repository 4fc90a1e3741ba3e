from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner, Result

from deploy import synthesis_run
from deploy.synthesize import app
from tests.tiny_bundle import write_tiny_bundle

ROAD, CAR, SKY = 0, 1, 2  # of the tiny bundle: styles 10 and 20, style 30, none


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """Two label maps: a car right of the road, and one of another size, all car, in a subfolder."""
    write(tmp_path / "maps/a.png", [[ROAD, ROAD, CAR, CAR]] * 4)
    write(tmp_path / "maps/night/b.png", [[CAR] * 8] * 4)
    return tmp_path / "maps"


def write(path: Path, pixels: Any, dtype: Any = np.uint8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(pixels, dtype=dtype)).save(path)
    return path


def run(bundle: Path, maps: Path, *options: object) -> Result:
    arguments = [maps, "--bundle", bundle, "--out", maps.parent / "out", *options]
    return CliRunner().invoke(app, list(map(str, arguments)))


def picture(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)


def test_a_folder_of_maps_becomes_pictures_of_the_same_names(bundle: Path, maps: Path) -> None:
    result = run(bundle, maps, "--style", "road=1")
    assert (result.exit_code, result.stdout) == (0, f"2 made, 0 there already, 0 failed; in {maps.parent / 'out'}\n")
    row = picture(maps.parent / "out/a.png")[0]
    assert row.tolist() == [[ROAD, 0, 20], [ROAD, 0, 20], [CAR, 1, 30], [CAR, 1, 30]]
    assert picture(maps.parent / "out/night/b.png").reshape(-1, 3).tolist() == [[CAR, 0, 30]] * 32


def test_a_single_map_becomes_the_same_picture_as_in_its_folder(bundle: Path, maps: Path) -> None:
    run(bundle, maps, "--seed", 2)
    assert run(bundle, maps / "a.png", "--seed", 2, "--out", maps.parent / "one").stdout.startswith("1 made")
    assert np.array_equal(picture(maps.parent / "one/a.png"), picture(maps.parent / "out/a.png"))


def test_a_finished_picture_is_made_again_only_where_something_changed(bundle: Path, maps: Path) -> None:
    assert run(bundle, maps).stdout.startswith("2 made, 0 there")
    before = (maps.parent / "out/a.png").stat().st_mtime_ns
    assert run(bundle, maps).stdout.startswith("0 made, 2 there")
    assert (maps.parent / "out/a.png").stat().st_mtime_ns == before
    write(maps / "a.png", [[CAR, ROAD, CAR, CAR]] * 4)
    (maps.parent / "out/night/b.png").write_bytes(b"\x89PNG cut off")
    assert run(bundle, maps).stdout.startswith("2 made, 0 there")
    assert run(bundle, maps, "--style", "car=0").stdout.startswith("2 made, 0 there")
    assert run(bundle, maps, "--style", "car=0", "--seed", 1).stdout.startswith("2 made, 0 there")
    other = write_tiny_bundle(maps.parent / "bundle", mean_iou=0.6)
    assert run(other, maps, "--style", "car=0", "--seed", 1).stdout.startswith("2 made, 0 there")


def test_bad_files_are_listed_and_do_not_stop_the_others(bundle: Path, maps: Path) -> None:
    write(maps / "b_colours.png", np.zeros((4, 4, 3)))
    write(maps / "c_class.png", [[ROAD, 9, ROAD, ROAD]] * 4)
    write(maps / "d_size.png", [[ROAD] * 6] * 4)
    (maps / "e_cut.png").write_bytes((maps / "a.png").read_bytes()[:50])
    result = run(bundle, maps)
    assert result.exit_code == 1
    assert result.stdout.startswith("2 made, 0 there already, 4 failed")
    colours, unknown, size, cut = result.stderr.splitlines()[-4:]
    assert colours.startswith(
        f"{maps / 'b_colours.png'}: found a PNG of mode RGB, expected a PNG with one index a pixel"
    )
    assert unknown == f"{maps / 'c_class.png'}: found class 9, expected 0..2"
    assert size == f"{maps / 'd_size.png'}: found 4x6 (HxW), expected multiples of 4; --size 4x8 resizes it"
    assert cut.startswith(f"{maps / 'e_cut.png'}: unreadable or truncated")
    names = sorted(path.name for path in (maps.parent / "out").rglob("*") if path.is_file())
    assert names == ["a.png", "b.png"]


def test_palette_and_16_bit_maps_are_read_by_index_and_4_bit_greyscale_is_refused(bundle: Path, maps: Path) -> None:
    palette = Image.fromarray(np.full((4, 4), CAR, dtype=np.uint8))
    palette.putpalette([9, 9, 9, 200, 0, 0])
    palette.save(maps / "a.png")
    write(maps / "c.png", [[SKY] * 4] * 4, np.uint16)
    Image.fromarray(np.full((4, 4), CAR, dtype=np.uint8)).save(maps / "d.png", bits=4)
    result = run(bundle, maps)
    assert picture(maps.parent / "out/a.png")[0, 0].tolist() == [CAR, 0, 30]
    assert picture(maps.parent / "out/c.png")[0, 0].tolist() == [SKY, 0, 0]
    assert f"{maps / 'd.png'}: found a PNG of mode L;4" in result.stderr


def test_a_picture_that_cannot_be_written_leaves_nothing_behind(
    bundle: Path, maps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(image: Image.Image, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", fail)
    result = run(bundle, maps)
    assert result.exit_code == 1
    assert f"{maps / 'a.png'}: no space left" in result.stderr
    assert not [path for path in (maps.parent / "out").rglob("*") if path.is_file()]


def test_an_instance_map_of_any_ids_separates_objects(bundle: Path, maps: Path, tmp_path: Path) -> None:
    write(tmp_path / "ids/a.png", [[7, 7, 26001, 26002]] * 4, np.uint16)
    result = run(bundle, maps, "--instances", tmp_path / "ids")
    assert picture(tmp_path / "out/a.png")[0, :, 1].tolist() == [0, 0, 1, 2]
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(f"{maps / 'night/b.png'}: ")
    assert str(tmp_path / "ids/night/b.png") in result.stderr
    write(tmp_path / "ids/night/b.png", [[1] * 4] * 4)
    assert "found 4x4 (HxW), expected 4x8, the size of" in run(bundle, maps, "--instances", tmp_path / "ids").stderr


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_picture(bundle: Path, maps: Path, seed: int) -> None:
    write(maps / "a.png", np.zeros((8, 8)))
    ids = write(maps.parent / "ids.png", np.arange(64).reshape(8, 8))
    for out in ("one", "two"):
        run(bundle, maps / "a.png", "--instances", ids, "--seed", seed, "--out", maps.parent / out)
    one, two = (picture(maps.parent / out / "a.png") for out in ("one", "two"))
    assert np.array_equal(one, two)
    assert set(one[..., 2].ravel().tolist()) == {10, 20}


def test_styles_are_given_by_number_or_between_two_by_name_or_index(bundle: Path, maps: Path) -> None:
    run(bundle, maps, "--style", "0=0", "--style", "car=0")
    assert picture(maps.parent / "out/a.png")[0, :, 2].tolist() == [10, 10, 30, 30]
    run(bundle, maps, "--style", "road=0:1:0.3")
    assert picture(maps.parent / "out/a.png")[0, :, 2].tolist() == [13, 13, 30, 30]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("road", "--style road: expected CLASS=K or CLASS=K:L:SHARE"),
        ("tree=0", "found class 'tree', expected one of ['road', 'car', 'sky'] or an index below 3"),
        ("road=2", "style 2 of class 0: expected 0..1"),
        ("sky=0", "class 2 has no styles"),
        ("road=0:1:2", "expected 0..1"),
    ],
)
def test_a_style_that_is_not_there_is_refused(bundle: Path, maps: Path, option: str, message: str) -> None:
    result = run(bundle, maps, "--style", option)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "a second style for class 0" in run(bundle, maps, "--style", "0=1", "--style", "road=0").stderr


def test_the_objects_of_a_photo_give_their_styles(bundle: Path, maps: Path, tmp_path: Path) -> None:
    photo = np.zeros((4, 8, 3))
    photo[:, :4, 0], photo[:, 4:, 0] = 100, 200
    write(tmp_path / "photo.png", photo)
    write(tmp_path / "photo_label.png", [[ROAD] * 4 + [SKY] * 4] * 4)
    from_photo = ["--style-from", tmp_path / "photo.png", "--style-from-label", tmp_path / "photo_label.png"]
    result = run(bundle, maps, *from_photo)
    assert result.exit_code == 0, result.stderr
    assert picture(tmp_path / "out/a.png")[0, :, 2].tolist() == [100, 100, 30, 30]  # no car in the photo
    assert run(bundle, maps, *from_photo).stdout.startswith("0 made, 2 there")
    assert run(bundle, maps, *from_photo, "--style", "road=0").exit_code == 0
    assert picture(tmp_path / "out/a.png")[0, 0, 2] == 10
    assert "as --style-from-label, its label map" in run(bundle, maps, *from_photo[:2]).stderr


def test_maps_are_resized_by_nearest_neighbour(bundle: Path, maps: Path) -> None:
    write(maps / "a.png", [[ROAD, CAR], [SKY, ROAD]])
    assert run(bundle, maps, "--size", "4x8").exit_code == 0
    expected = [[ROAD] * 4 + [CAR] * 4] * 2 + [[SKY] * 4 + [ROAD] * 4] * 2
    assert picture(maps.parent / "out/a.png")[..., 0].tolist() == expected
    assert "--size 4x6: expected multiples of 4" in run(bundle, maps, "--size", "4x6").stderr
    assert "--size 4: expected HxW" in run(bundle, maps, "--size", "4").stderr


def test_batches_of_maps_of_several_sizes_give_the_same_pictures(bundle: Path, maps: Path) -> None:
    write(maps / "aa.png", [[CAR, SKY, CAR, CAR]] * 4)
    write(maps / "z.png", [[SKY] * 8] * 4)
    assert run(bundle, maps, "--batch", 3, "--out", maps.parent / "batches").stdout.startswith("4 made")
    run(bundle, maps)
    for path in (maps.parent / "out").rglob("*.png"):
        other = maps.parent / "batches" / path.relative_to(maps.parent / "out")
        assert np.array_equal(picture(path), picture(other))


def test_tiles_of_a_whole_picture_give_the_picture(bundle: Path, maps: Path) -> None:
    run(bundle, maps)
    tiles = ["--tile", 8, "--overlap", 4]
    assert run(bundle, maps, *tiles, "--out", maps.parent / "tiles").stdout.startswith("2 made")
    assert np.array_equal(picture(maps.parent / "tiles/a.png"), picture(maps.parent / "out/a.png"))


def test_a_model_of_rgb_conditions_takes_pictures(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle", inputs=("picture",))
    pixels = np.arange(48).reshape(4, 4, 3)
    write(tmp_path / "edges/a.png", pixels)
    result = run(bundle, tmp_path / "edges")
    assert result.exit_code == 0, result.stderr
    assert picture(tmp_path / "out/a.png").tolist() == pixels.tolist()


def test_what_is_missing_or_would_be_overwritten_is_said_before_work_starts(bundle: Path, maps: Path) -> None:
    for options, message in (
        (["--out", maps / "pictures"], "expected another folder: pictures are no label maps"),
        (["--instances", maps.parent / "out"], "the picture would replace"),
        (["--precision", "int8"], "int8 was left out: it was not tried"),
        (["--tile", 6], "--tile 6 --overlap 1: expected multiples of 4"),
        (["--tile", 8, "--overlap", 8], "--tile 8 --overlap 8: expected multiples of 4"),
    ):
        result = run(bundle, maps, *options)
        assert result.exit_code == 1
        assert message in result.stderr
    assert "found no PNG file" in run(bundle, maps / "none").stderr
    assert "bundle.json: no such file" in run(maps, maps).stderr


def test_the_device_and_precision_in_use_are_said(bundle: Path, maps: Path) -> None:
    result = run(bundle, maps, "--device", "cpu", "--precision", "float16", "--threads", 1)
    assert result.exit_code == 0
    assert "precision float16" in result.stderr
    assert "CPUExecutionProvider" in result.stderr


def test_long_runs_say_how_far_they_are(
    bundle: Path, maps: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(synthesis_run, "SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level("INFO"):
        run(bundle, maps)
    assert "synthesizing: 1 of 2" in caplog.messages
