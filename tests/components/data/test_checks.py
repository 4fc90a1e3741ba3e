import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.checks import check_dataset, check_record
from components.data.dataset import ClassInfo, Dataset, Record
from components.data.decoding import read_instance, read_label, read_photo
from components.data.readers import READERS

CLASSES = tuple(ClassInfo(index, f"class {index}", (index, 0, 0)) for index in range(3))
LABEL = np.array([[0, 0, 1], [2, 2, 2]], dtype=np.uint8)
PHOTO = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def save(path: Path, array: np.ndarray, **options) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def save_raw_png(path: Path, bits: int, colour_type: int, row: bytes, width: int) -> Path:
    """A PNG of one row in a depth that Pillow reads but does not write; colour type 0 is greyscale, 2 is RGB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, 1, bits, colour_type, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def make_record(folder: Path, name: str = "a", instances: np.ndarray | None = None) -> Record:
    folder.mkdir(exist_ok=True)
    return Record(
        name=name,
        image=save(folder / f"{name}.bmp", PHOTO),
        label=save(folder / f"{name}_label.png", LABEL),
        instance=None if instances is None else save(folder / f"{name}_instance.png", instances),
    )


def problems_of(record: Record) -> list[str]:
    facts, problems = check_record(record, CLASSES)
    assert facts is None
    return problems


def test_label_map_gives_the_indices_of_greyscale_and_of_palette_files(tmp_path):
    palette = Image.fromarray(LABEL, mode="P")
    palette.putpalette([200, 100, 50] * 3)
    palette.save(tmp_path / "palette.png")
    for path in (save(tmp_path / "grey.png", LABEL), tmp_path / "palette.png"):
        label = read_label(path)
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label, LABEL)


def test_label_map_in_rgb_is_refused(tmp_path):
    path = save(tmp_path / "x.png", PHOTO)
    with pytest.raises(ValueError, match=r"x\.png: label map has mode RGB, expected 8-bit class indices \(L or P\)"):
        read_label(path)


def test_label_map_in_16_bits_is_refused(tmp_path):
    path = save(tmp_path / "x.png", LABEL.astype(np.uint16))
    with pytest.raises(ValueError, match=r"x\.png: label map has mode I;16, expected"):
        read_label(path)


@pytest.mark.parametrize("read", [read_label, read_instance])
def test_map_in_4_bit_greyscale_is_refused_as_its_indices_would_be_scaled(tmp_path, read):
    path = save_raw_png(tmp_path / "x.png", bits=4, colour_type=0, row=b"\x12", width=2)
    with pytest.raises(ValueError, match=r"x\.png: .* has 4-bit greyscale, expected at least 8 bits"):
        read(path)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("8.png", np.array([[0, 255]], dtype=np.uint8)),
        ("16.png", np.array([[7, 26001]], dtype=np.uint16)),
        ("16_high.png", np.array([[7, 65535]], dtype=np.uint16)),
        ("32.tif", np.array([[7, 2**31 - 1]], dtype=np.int32)),
    ],
)
def test_instance_map_keeps_ids_of_every_depth(tmp_path, name, ids):
    instance = read_instance(save(tmp_path / name, ids))
    assert instance.dtype == np.int32
    np.testing.assert_array_equal(instance, ids)


def test_instance_map_with_an_id_past_int32_is_refused(tmp_path):
    path = save(tmp_path / "x.tif", np.array([[1, -5]], dtype=np.int32))
    with pytest.raises(ValueError, match=r"x\.tif: instance map has id -5 as int32, expected ids in 0\.\.2147483647"):
        read_instance(path)


@pytest.mark.parametrize(("pixels", "mode"), [(PHOTO, "RGB"), (LABEL.astype(np.float32), "F")])
def test_instance_map_in_rgb_or_float_is_refused(tmp_path, pixels, mode):
    path = save(tmp_path / "x.tif", pixels)
    with pytest.raises(ValueError, match=rf"x\.tif: instance map has mode {mode}, expected integer ids"):
        read_instance(path)


def test_photo_in_greyscale_or_palette_becomes_rgb(tmp_path):
    palette = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode="P")
    palette.putpalette([1, 2, 3, 4, 5, 6])
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "palette.png"), [[[1, 2, 3], [4, 5, 6]]])
    grey = save(tmp_path / "grey.png", np.array([[9]], dtype=np.uint8))
    np.testing.assert_array_equal(read_photo(grey), [[[9, 9, 9]]])
    np.testing.assert_array_equal(read_photo(save(tmp_path / "rgb.png", PHOTO)), PHOTO)


def test_photo_with_alpha_is_refused(tmp_path):
    path = save(tmp_path / "x.png", np.zeros((2, 2, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"x\.png: photo has transparency \(mode RGBA\), expected RGB without alpha"):
        read_photo(path)


def test_photo_in_16_bits_is_refused(tmp_path):
    rgb = save_raw_png(tmp_path / "rgb.png", bits=16, colour_type=2, row=bytes(6), width=1)
    grey = save(tmp_path / "grey.png", LABEL.astype(np.uint16))
    with pytest.raises(ValueError, match=r"rgb\.png: photo has mode RGB;16B, expected 8-bit"):
        read_photo(rgb)
    with pytest.raises(ValueError, match=r"grey\.png: photo has mode I;16B, expected 8-bit"):
        read_photo(grey)


def test_photo_that_asks_for_a_rotation_is_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "x.jpg", PHOTO, exif=exif)
    with pytest.raises(ValueError, match=r"x\.jpg: photo has EXIF orientation 6, expected 1"):
        read_photo(path)


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_truncated_file_is_refused(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / name, noise)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=rf"{name}: unreadable or truncated, expected a whole picture file"):
        read_photo(path)


def test_file_that_is_no_picture_is_refused(tmp_path):
    path = tmp_path / "x.png"
    path.write_text("not a picture")
    for read in (read_label, read_instance, read_photo):
        with pytest.raises(ValueError, match=r"x\.png: unreadable or truncated"):
            read(path)


def test_sound_record_gives_its_facts(tmp_path):
    record = make_record(tmp_path, instances=np.array([[0, 0, 1001], [1002, 1002, 1001]], dtype=np.uint16))
    facts, problems = check_record(record, CLASSES)
    assert problems == []
    assert facts.record == record
    assert (facts.height, facts.width) == (2, 3)
    assert facts.class_pixels == (2, 1, 3)
    assert facts.instance_count == 3
    assert set(facts.sha256) == {"image", "label", "instance"}
    assert facts.sha256["label"] == hashlib.sha256(record.label.read_bytes()).hexdigest()


def test_record_without_instance_map_counts_no_instances(tmp_path):
    facts, _ = check_record(make_record(tmp_path), CLASSES)
    assert facts.instance_count is None


def test_record_with_rgb_condition_counts_no_classes(tmp_path):
    record = Record("a", save(tmp_path / "b.png", PHOTO), condition=save(tmp_path / "a.png", PHOTO))
    facts, problems = check_record(record, ())
    assert problems == []
    assert facts.class_pixels == ()
    assert set(facts.sha256) == {"image", "condition"}


def test_values_that_are_no_class_are_listed_with_their_pixels(tmp_path):
    record = make_record(tmp_path)
    save(record.label, np.array([[0, 3, 255], [255, 255, 2]], dtype=np.uint8))
    assert problems_of(record) == [
        f"{record.label}: label map has values 3 (1 pixels), 255 (3 pixels), expected classes 0..2"
    ]


def test_map_of_another_size_than_the_photo_is_named_with_both_sizes(tmp_path):
    record = make_record(tmp_path, instances=np.zeros((2, 4), dtype=np.uint8))
    assert problems_of(record) == [f"{record.instance}: instance map is 4x2, expected 3x2, the size of {record.image}"]


def test_all_problems_of_a_record_are_reported_together(tmp_path):
    record = make_record(tmp_path, instances=PHOTO)
    save(record.label, np.full((1, 3), 9, dtype=np.uint8))
    assert [line.split(": ")[1].split(",")[0] for line in problems_of(record)] == [
        "instance map has mode RGB",
        "label map is 3x1",
        "label map has values 9 (3 pixels)",
    ]


def test_problems_of_both_splits_are_reported_together_and_facts_keep_their_order(tmp_path):
    train = tuple(make_record(tmp_path / "train", name) for name in ("c", "a", "b"))
    val = tuple(make_record(tmp_path / "val", name) for name in ("a", "d"))
    train[1].image.write_bytes(b"")
    save(val[1].label, PHOTO)
    facts, problems = check_dataset(Dataset(CLASSES, train, val))
    assert [found.record.name for found in facts["train"]] == ["c", "b"]
    assert [found.record.name for found in facts["val"]] == ["a"]
    assert [line.split(":")[0] for line in problems] == [str(train[1].image), str(val[1].label)]


def test_pictures_of_one_name_in_a_split_are_a_problem(tmp_path):
    ulm, bonn = make_record(tmp_path / "ulm"), make_record(tmp_path / "bonn")
    _, problems = check_dataset(Dataset(CLASSES, (ulm, bonn), (ulm,)))
    assert problems == [
        f"train: 2 pictures are named a ({ulm.image}, {bonn.image}), expected names to be unique within a split"
    ]


@pytest.mark.parametrize(("reader", "folder"), [("camvid", "camvid"), ("cityscapes", "cityscapes_sample")])
def test_real_records_are_sound_and_every_pixel_has_a_class(shared_data, reader, folder):
    root = shared_data / folder
    if not root.is_dir():
        pytest.skip(f"no folder {root}")
    dataset, _ = READERS[reader](root)
    for record in dataset.train[:2]:
        facts, problems = check_record(record, dataset.classes)
        assert problems == []
        assert sum(facts.class_pixels) == facts.height * facts.width
