from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.inference import Bundle
from components.inference.completion import complete_inputs, stack_inputs
from tests.tiny_bundle import write_tiny_bundle

LABEL = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, 2], [1, 1, 0, 0]], dtype=np.uint8)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Of three classes without instances, the last without styles."""
    return Bundle.load(write_tiny_bundle(tmp_path_factory.mktemp("bundle")))


def test_a_label_map_alone_gets_its_regions_and_styles_of_its_classes(bundle: Bundle) -> None:
    inputs = complete_inputs(bundle, label=LABEL, seed=2)
    assert list(inputs) == ["label", "instance", "styles"]
    assert inputs["instance"].tolist() == LABEL.tolist()  # a region a class, met in the order of the classes
    assert inputs["styles"][0].tolist() in ([10, 1], [20, 2])
    assert inputs["styles"][1:].tolist() == [[30, 3], [0, 0]]


def test_the_seed_alone_decides_the_styles(bundle: Bundle) -> None:
    first = {seed: complete_inputs(bundle, label=LABEL, seed=seed)["styles"][0, 0] for seed in range(12)}
    assert set(first.values()) == {10.0, 20.0}
    assert first == {seed: complete_inputs(bundle, label=LABEL, seed=seed)["styles"][0, 0] for seed in range(12)}


def test_a_given_instance_map_is_kept_but_for_its_numbers(bundle: Bundle) -> None:
    instance = np.array([[7, 7, 26001, 26001]] * 2 + [[9] * 4] + [[26001, 26001, 7, 7]], dtype=np.int32)
    inputs = complete_inputs(bundle, label=LABEL, instance=instance)
    assert inputs["instance"].tolist() == [[0, 0, 2, 2]] * 2 + [[1] * 4] + [[2, 2, 0, 0]]
    assert inputs["styles"].shape == (3, 2)


def test_given_ids_and_styles_stay_as_they_are(bundle: Bundle) -> None:
    instance, styles = np.full((4, 4), 3, dtype=np.int32), np.ones((5, 2), dtype=np.float32)
    inputs = complete_inputs(bundle, label=LABEL, instance=instance, styles=styles)
    assert inputs["instance"] is instance
    assert inputs["styles"] is styles


def test_a_chosen_style_goes_to_all_instances_of_its_class(bundle: Bundle) -> None:
    instance = np.arange(16, dtype=np.int32).reshape(4, 4)
    styles = complete_inputs(bundle, label=LABEL, instance=instance, chosen={1: np.array([8, 9], np.float32)})["styles"]
    assert [tuple(row) == (8, 9) for row in styles.tolist()] == (LABEL.ravel() == 1).tolist()


@pytest.mark.parametrize(
    ("inputs", "given", "message"),
    [
        (("label", "instance", "styles"), {}, "label: found none, expected one"),
        (("label", "instance", "styles"), {"label", "styles"}, "styles: found without instance"),
        (("label",), {"label", "instance"}, r"inputs: found \['instance'\], expected some of \['label'\]"),
        (("picture", "instance"), {"picture"}, "instance: found none, expected a map: a picture has no classes"),
        (("picture",), {"label"}, r"inputs: found \['label'\], expected some of \['picture'\]"),
    ],
)
def test_what_cannot_be_made_is_asked_for(
    tmp_path: Path, inputs: tuple[str, ...], given: set[str], message: str
) -> None:
    arrays: dict[str, Any] = {
        "label": LABEL,
        "picture": np.zeros((4, 4, 3), dtype=np.uint8),
        "instance": np.zeros((4, 4), dtype=np.int32),
        "styles": np.zeros((1, 2), dtype=np.float32),
    }
    with pytest.raises(ValueError, match=message):
        complete_inputs(
            Bundle.load(write_tiny_bundle(tmp_path, inputs=inputs)), **{name: arrays[name] for name in given}
        )


def test_a_model_of_labels_alone_gets_nothing_else(tmp_path: Path) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path, inputs=("label",)))
    assert list(complete_inputs(bundle, label=LABEL)) == ["label"]


def test_a_model_of_pictures_gets_the_numbered_instances(tmp_path: Path) -> None:
    bundle = Bundle.load(write_tiny_bundle(tmp_path, inputs=("picture", "instance")))
    picture, instance = np.zeros((1, 2, 3), dtype=np.uint8), np.array([[5, 4]], dtype=np.int32)
    assert complete_inputs(bundle, picture=picture, instance=instance)["instance"].tolist() == [[1, 0]]


def test_a_batch_pads_the_styles_of_pictures_with_fewer_instances() -> None:
    one: dict[str, np.ndarray] = {"label": LABEL, "styles": np.ones((1, 2), dtype=np.float32)}
    two: dict[str, np.ndarray] = {"label": LABEL + 1, "styles": np.full((2, 2), 5, dtype=np.float32)}
    batch = stack_inputs([one, two])
    assert batch["label"][:, 0, 0].tolist() == [0, 1]
    assert batch["styles"].tolist() == [[[1, 1], [0, 0]], [[5, 5], [5, 5]]]
