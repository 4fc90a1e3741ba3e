import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.data.class_list import classes_of_model
from components.export.official import (
    lineage,
    options_of_folder,
    picture_size,
    require_generator,
    served_checkpoints,
    style_bank,
)
from components.models.official_options import official_options

FEATURES = official_options({"label_nc": 12, "instance_feat": True})
LABELS = official_options({"label_nc": 12, "resize_or_crop": "none"})
CLASSES = classes_of_model(12, None)
BANK = {"dimension": 3, "classes": {"7": {"name": "tree", "styles": [[0.1, 0.2, 0.3]], "counts": [4]}}}


def test_options_come_from_the_opt_file_and_the_command_line_over_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert options_of_folder(tmp_path, ["ngf=32"]).ngf == 32
    assert "opt.txt: no such file; the published defaults hold" in caplog.text
    (tmp_path / "opt.txt").write_text("-----\nngf: 16\nnetG: local\n-----\n")
    options = options_of_folder(tmp_path, ["ngf=32"])
    assert (options.ngf, options.netG) == (32, "local")


@pytest.mark.parametrize(
    ("given", "height", "width", "size"),
    [
        ({}, None, None, (512, 1024)),
        ({"loadSize": 600}, None, None, (304, 608)),  # 300 x 600 in multiples of 16
        ({"loadSize": 20}, None, None, (32, 32)),
        ({}, 768, None, (768, 1024)),
        ({"resize_or_crop": "none", "label_nc": 12}, 32, 48, (32, 48)),
    ],
)
def test_the_picture_size_is_the_given_one_else_that_of_the_options_in_whole_multiples(
    given: dict[str, Any], height: int | None, width: int | None, size: tuple[int, int]
) -> None:
    assert picture_size(official_options(given), height, width) == size


def test_a_size_that_nothing_tells_or_the_generator_cannot_take_is_refused() -> None:
    with pytest.raises(ValueError, match=r"--width: missing, .* resize_or_crop=none kept the pictures' own size"):
        picture_size(LABELS, 512, None)
    with pytest.raises(ValueError, match="--height: must be a multiple of 16 and at least 32, got 520"):
        picture_size(LABELS, 520, 1024)
    with pytest.raises(ValueError, match="--width: must be a multiple of 16 and at least 32, got 0"):
        picture_size(LABELS, 512, 0)


def test_a_model_without_features_has_an_empty_bank(tmp_path: Path) -> None:
    assert style_bank(tmp_path, LABELS, CLASSES, None) == {
        "dimension": 0,
        "drawn_for": "instance",
        "classes": {},
    }
    with pytest.raises(ValueError, match=r"--styles other\.npy: expected none, since the generator takes no features"):
        style_bank(tmp_path, LABELS, CLASSES, Path("other.npy"))


def test_features_of_labels_are_drawn_for_each_class(tmp_path: Path) -> None:
    np.save(tmp_path / "features_clustered_010.npy", np.array({7: np.zeros((1, 3))}, dtype=object))
    options = official_options({"label_nc": 12, "label_feat": True})
    assert style_bank(tmp_path, options, CLASSES, None)["drawn_for"] == "class"


def test_published_clusters_become_the_bank_with_the_names_of_the_classes(tmp_path: Path) -> None:
    clusters = {7: np.array([[0.5, 0.25, 0.0], [1.0, 1.0, 1.0]])}
    np.save(tmp_path / "features_clustered_010.npy", np.array(clusters, dtype=object))
    assert style_bank(tmp_path, FEATURES, CLASSES, None) == {
        "dimension": 3,
        "drawn_for": "instance",
        "classes": {"7": {"name": "class 7", "styles": [[0.5, 0.25, 0.0], [1.0, 1.0, 1.0]], "counts": [1, 1]}},
    }


def test_clusters_may_lie_elsewhere(tmp_path: Path) -> None:
    np.save(tmp_path / "other.npy", np.array({2: np.zeros((1, 3))}, dtype=object))
    bank = style_bank(tmp_path / "label2city", FEATURES, CLASSES, tmp_path / "other.npy")
    assert bank["classes"].keys() == {"2"}


def test_the_number_of_clusters_is_part_of_the_name_of_their_file(tmp_path: Path) -> None:
    np.save(tmp_path / "features_clustered_004.npy", np.array({7: np.zeros((4, 3))}, dtype=object))
    options = official_options({"label_nc": 12, "instance_feat": True, "n_clusters": 4})
    assert len(style_bank(tmp_path, options, CLASSES, None)["classes"]["7"]["styles"]) == 4


def test_without_clusters_the_message_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"features_clustered_010\.npy: no such file.*encode_features\.py.*--styles"):
        style_bank(tmp_path, FEATURES, CLASSES, None)


def test_a_given_file_is_the_bank_where_it_fits_the_model(tmp_path: Path) -> None:
    path = tmp_path / "styles.json"
    path.write_text(json.dumps(BANK))
    assert style_bank(tmp_path, FEATURES, CLASSES, path) == BANK
    path.write_text(json.dumps({"dimension": 0, "classes": {}}))
    with pytest.raises(ValueError, match=r"styles\.json: found dimension 0 .* expected the 3 features of the model"):
        style_bank(tmp_path, FEATURES, CLASSES, path)
    path.write_text(json.dumps(BANK | {"classes": {}}))
    with pytest.raises(ValueError, match=r"styles\.json: found dimension 3 and styles of 0 classes"):
        style_bank(tmp_path, FEATURES, CLASSES, path)
    path.write_text(json.dumps({"dimension": 3, "classes": {"12": BANK["classes"]["7"]}}))  # type: ignore[index]
    with pytest.raises(ValueError, match=r"styles\.json: found class 12"):
        style_bank(tmp_path, FEATURES, CLASSES, path)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"styles\.json: expected JSON, found "):
        style_bank(tmp_path, FEATURES, CLASSES, path)


def test_the_lineage_tells_models_apart_by_options_and_weights(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    first = lineage(FEATURES, [tmp_path / "a"])
    assert (first.recipe, first.data, first.validation, first.code) == ("published", *3 * ["unknown"])
    assert lineage(FEATURES, [tmp_path / "a"]) == first
    assert lineage(LABELS, [tmp_path / "a"]).params != first.params
    (tmp_path / "a").write_bytes(b"2")
    assert lineage(FEATURES, [tmp_path / "a"]).params != first.params


def test_a_bundle_takes_the_generator_and_the_encoder_where_there_is_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=r"40_net_G\.pth: no such file, expected the checkpoints of a published"):
        require_generator(tmp_path, "40")
    (tmp_path / "40_net_G.pth").touch()
    require_generator(tmp_path, "40")
    generator = {"generator": tmp_path / "40_net_G.pth"}
    with caplog.at_level(logging.INFO):
        assert served_checkpoints(tmp_path, FEATURES, "40") == generator
    assert "40_net_E.pth: no such file; the bundle cannot take styles from photos" in caplog.text
    (tmp_path / "40_net_E.pth").touch()
    assert served_checkpoints(tmp_path, FEATURES, "40") == generator | {"encoder": tmp_path / "40_net_E.pth"}
    assert served_checkpoints(tmp_path, LABELS, "40") == generator
