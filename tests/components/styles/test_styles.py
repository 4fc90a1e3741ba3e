import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.exceptions import ConvergenceWarning

from components.data.draws import Draw
from components.data.store import SplitIndex
from components.inference import StyleBank
from components.inference.style_bank import StyleExample
from components.styles.bank import bank_document, examples_of, write_bank, write_instances, write_tensors
from components.styles.cluster import ClassStyles, cluster_class, cluster_styles
from components.styles.collect import InstanceStyles, collect_styles
from components.styles.config import ClusterConfig, SynthesizeConfig
from components.styles.synthesize import draw_styles, synthesize_split
from tests.given import given
from tests.tiny import (
    CLASSES,
    cpu_fabric,
    mixed_store,
    tiny_maker,
    tiny_model,
    tiny_networks,
    tiny_samples,
    tiny_store,
    write_store,
)

BANK = StyleBank(
    3,
    {1: np.array([[0.5, 0.5, 0.5], [-0.5, 0.0, 0.25]], np.float32), 2: np.array([[1.0, -1.0, 0.0]], np.float32)},
    {1: np.array([3, 2]), 2: np.array([4])},
)


def _config(styles_per_class: int = 10, min_area: float = 0.0, weight_by_area: bool = False) -> ClusterConfig:
    return ClusterConfig(
        styles_per_class=styles_per_class, min_area=min_area, weight_by_area=weight_by_area, batch_size=2, seed=0
    )


def _synthesis(batch_size: int, samples: int = 1) -> SynthesizeConfig:
    return SynthesizeConfig(samples=samples, batch_size=batch_size, seed=4)


def _styles(vectors: list[list[float]], class_index: list[int], area: list[float]) -> InstanceStyles:
    return InstanceStyles(
        vectors=np.array(vectors, np.float32),
        class_index=np.array(class_index),
        area=np.array(area),
        picture=np.arange(len(area)),
        instance=np.zeros(len(area), np.int64),
    )


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_collected_styles_are_those_of_a_loop_over_pictures_and_instances(tmp_path: Path, batch_size: int) -> None:
    samples, instance_ids = tiny_samples(3, 32, 64, rgb=False, seed=0)
    samples[1]["label"][samples[1]["instance"] == 0] = 3  # mostly sky, with some of another class:
    samples[1]["label"][:1] = 1
    store = write_store(tmp_path / "train", samples, instance_ids)
    networks = tiny_networks(tiny_model())
    found = collect_styles(networks, tiny_maker(store), cpu_fabric(), batch_size=batch_size)

    encoder, rows = given(networks.encoder), []
    with torch.no_grad():
        for picture, sample in enumerate(samples):
            image = torch.from_numpy(sample["image"]).permute(2, 0, 1)[None] / 127.5 - 1
            pixels = encoder.eval().pixels(image)[0].double().numpy()  # (F, H, W)
            for instance in range(len(instance_ids[picture])):
                mask = sample["instance"] == instance
                labels = sample["label"][mask].tolist()
                commonest = max(sorted(set(labels)), key=labels.count)
                rows.append((picture, instance, commonest, mask.mean(), pixels[:, mask].mean(1)))
    assert len(found) == len(rows)
    assert found.picture.tolist() == [row[0] for row in rows]
    assert found.instance.tolist() == [row[1] for row in rows]
    assert found.class_index.tolist() == [row[2] for row in rows]
    np.testing.assert_allclose(found.area, [row[3] for row in rows])
    np.testing.assert_allclose(found.vectors, np.stack([row[4] for row in rows]), atol=1e-6)


def test_an_id_without_pixels_is_no_instance(tmp_path: Path) -> None:
    samples, _ = tiny_samples(1, 32, 64, rgb=False, seed=0)
    samples[0]["instance"] = np.zeros((32, 64), np.int32)
    samples[0]["instance"][:, :16] = 2
    store = write_store(tmp_path / "train", samples, [(5, 6, 7)])
    found = collect_styles(tiny_networks(tiny_model()), tiny_maker(store), cpu_fabric(), batch_size=1)
    assert found.instance.tolist() == [0, 2]
    assert found.area.tolist() == [0.75, 0.25]


def test_clusters_are_the_means_of_their_members_with_the_most_frequent_first() -> None:
    vectors = [[0.0, 0.0], [0.0, 0.2], [10.0, 0.0], [10.0, 0.4], [10.0, 0.2], [5.0, -9.0]]
    styles = cluster_class(np.array(vectors, np.float32), _config(3))
    assert styles.counts.tolist() == [3, 2, 1]
    assert styles.counts.dtype == np.int64
    assert styles.centres.dtype == np.float32
    np.testing.assert_allclose(styles.centres, [[10.0, 0.2], [0.0, 0.1], [5.0, -9.0]], atol=1e-6)
    # Squared distances of the first style: 0.04, 0.04, 0; of the second 0.01 twice.
    np.testing.assert_allclose(given(styles.spread), [(0.08 / 3) ** 0.5, 0.1, 0.0], atol=1e-6)
    assert [sorted(rows.tolist()) for rows in styles.members] == [[2, 3, 4], [0, 1], [5]]
    assert styles.members[0][0] == 4, "the nearest to the centre comes first"


def test_weights_by_area_move_the_centre_but_count_no_instance_twice() -> None:
    vectors, area = np.array([[0.0], [4.0]], np.float32), np.array([0.75, 0.25])
    styles = cluster_class(vectors, _config(1, weight_by_area=True), area)
    assert styles.centres.tolist() == [[1.0]]
    assert styles.counts.tolist() == [2]
    np.testing.assert_allclose(given(styles.spread), [5**0.5])  # squared distances 1 and 9
    assert styles.members[0].tolist() == [0, 1]
    assert cluster_class(vectors, _config(1), area).centres.tolist() == [[2.0]]


def test_a_style_that_no_instance_has_is_left_out() -> None:
    vectors = np.array([[0.0], [1e-30], [1.0]], np.float32)  # three, but the square of the second is 0
    with pytest.warns(ConvergenceWarning):
        styles = cluster_class(vectors, _config(3))
    assert styles.counts.tolist() == [2, 1]
    assert styles.centres.tolist() == [[pytest.approx(0)], [1.0]]


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_instances_than_k_are_a_style_each(count: int) -> None:
    vectors = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    styles = cluster_class(vectors, _config(10))
    assert styles.counts.tolist() == [1] * count
    assert sorted(styles.centres.tolist()) == vectors.tolist()


def test_equal_vectors_are_one_style() -> None:
    vectors = np.array([[1.0, 2.0]] * 5 + [[3.0, 4.0]] * 2, np.float32)
    styles = cluster_class(vectors, _config(4))
    assert styles.centres.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert styles.counts.tolist() == [5, 2]


def test_each_class_is_clustered_for_itself() -> None:
    found = cluster_styles(_styles([[1.0], [2.0], [9.0]], [1, 1, 3], [0.1, 0.1, 0.1]), _config(1))
    assert found.keys() == {1, 3}
    assert found[1].centres.tolist() == [[1.5]]
    assert found[1].counts.tolist() == [2]
    assert found[3].centres.tolist() == [[9.0]]


def test_small_instances_are_left_out_where_a_class_has_large_ones() -> None:
    styles = _styles([[1.0], [100.0], [3.0]], [1, 1, 1], [0.1, 0.099, 0.5])
    found = cluster_styles(styles, _config(1, min_area=0.1))
    assert found[1].centres.tolist() == [[2.0]]
    assert found[1].counts.tolist() == [2]
    assert found[1].members[0].tolist() == [0, 2]


def test_a_class_of_small_instances_only_keeps_them_all() -> None:
    styles = _styles([[1.0], [5.0], [7.0]], [1, 1, 2], [0.01, 0.02, 0.5])
    found = cluster_styles(styles, _config(1, min_area=0.1))
    assert found[1].centres.tolist() == [[3.0]]
    assert found[2].centres.tolist() == [[7.0]]


def test_a_saved_bank_is_what_serving_reads(tmp_path: Path) -> None:
    styles = _styles([[0.1, 0.2], [0.1, 0.2], [1 / 3, -1.0], [7.0, 8.0]], [1, 1, 1, 2], [1.0] * 4)
    clustered = cluster_styles(styles, _config())
    index = SplitIndex(
        split="train",
        classes=CLASSES,
        instance_maps=True,
        fingerprint="",
        names=("a", "b", "c", "d"),
        instance_ids=((70,), (71,), (72,), (73,)),
        shards=(),
    )
    examples = examples_of(clustered, styles, index)
    assert examples == {1: [StyleExample("a", 70), StyleExample("c", 72)], 2: [StyleExample("d", 73)]}
    document = bank_document(2, clustered, CLASSES, drawn_for="class", examples=examples)
    write_bank(tmp_path, document)
    write_tensors(tmp_path, clustered)
    tensors = load_file(tmp_path / "styles.safetensors")
    assert tensors.keys() == {f"{name}_{index}" for name in ("centres", "counts", "spread") for index in (1, 2)}
    saved = json.loads((tmp_path / "styles.json").read_text())
    assert {index: entry["name"] for index, entry in saved["classes"].items()} == {"1": "road", "2": "car"}
    bank = StyleBank.from_document(saved, len(CLASSES), "styles.json")
    assert bank.dimension == 2
    assert bank.drawn_for == "class"
    for number, of_class in clustered.items():
        assert np.array_equal(bank.styles[number], of_class.centres)
        assert np.array_equal(bank.counts[number], of_class.counts)
        assert np.array_equal(bank.spread[number], given(of_class.spread))
        assert bank.examples[number] == tuple(examples[number])
        for name in ("centres", "counts", "spread"):
            assert np.array_equal(tensors[f"{name}_{number}"], getattr(of_class, name))


def test_published_styles_have_neither_spread_nor_examples() -> None:
    published = ClassStyles(np.zeros((2, 3), np.float32), np.ones(2, np.int64))
    entry = bank_document(3, {1: published}, CLASSES, drawn_for="instance")["classes"]["1"]
    assert entry == {"name": "road", "styles": [[0.0] * 3] * 2, "counts": [1, 1]}


def test_the_table_of_instances_gives_source_ids_and_nearest_style(tmp_path: Path) -> None:
    samples, instance_ids = tiny_samples(2, 32, 64, rgb=False, seed=0)
    index = write_store(tmp_path / "train", samples, instance_ids).index
    styles = InstanceStyles(
        vectors=np.array([[0.0], [1.0], [0.9]], np.float32),
        class_index=np.array([1, 1, 2]),
        area=np.array([0.5, 0.25, 0.125]),
        picture=np.array([0, 0, 1]),
        instance=np.array([0, 2, 1]),
    )
    clustered = cluster_styles(_styles([[0.0], [0.0], [2.0], [7.0]], [1, 1, 1, 2], [1.0] * 4), _config(2))
    write_instances(tmp_path, styles, clustered, index)
    with (tmp_path / "instances.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["picture_0", "picture_0", "picture_1"]
    assert [int(row["instance"]) for row in rows] == [instance_ids[0][0], instance_ids[0][2], instance_ids[1][1]]
    assert [row["class"] for row in rows] == ["road", "road", "car"]
    assert [float(row["area"]) for row in rows] == [0.5, 0.25, 0.125]
    assert [row["style"] for row in rows] == ["0", "0", "0"]  # 1.0 is as far from 0 as from 2: the first


def test_drawn_styles_are_those_that_a_client_draws_from_seed_and_on(tmp_path: Path) -> None:
    batch = tiny_maker(tiny_store(tmp_path / "train")).make([Draw(0), Draw(1), Draw(2)])
    drawn = draw_styles(batch, BANK, seed=4)
    assert drawn.shape == (3, batch.instance_count, 3)
    maps = zip(given(batch.label).numpy(), batch.instance.numpy().astype(np.int32), strict=True)
    for number, (row, (label, instance)) in enumerate(zip(drawn, maps, strict=True)):
        expected = BANK.sample(label, instance, 4 + number)  # another draw for each picture of the batch
        assert np.array_equal(row[: len(expected)].numpy(), expected)
        assert not row[len(expected) :].any()
    assert drawn.any()
    assert not torch.equal(draw_styles(batch, BANK, seed=5), drawn)


def test_samples_are_those_of_the_generator_with_styles_drawn_from_a_seed_of_each_ones_own(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "val", count=3)
    networks, maker = tiny_networks(tiny_model()), tiny_maker(store)
    found = list(synthesize_split(networks, maker, BANK, _synthesis(2, samples=2), cpu_fabric()))
    assert sorted((picture.sample, picture.name) for picture in found) == [
        (sample, f"picture_{number}") for sample in (0, 1) for number in (0, 1, 2)
    ]
    for picture in found:
        position = int(picture.name[-1])
        batch = maker.make([Draw(position)])
        label, instance = given(batch.label)[0].numpy(), batch.instance[0].numpy().astype(np.int32)
        styles = BANK.sample(label, instance, 4 + 3 * picture.sample + position)  # seeds 4..9
        features = np.zeros((3, 32, 64), np.float32)
        for row in range(32):
            for column in range(64):
                features[:, row, column] = styles[instance[row, column]]
        with torch.no_grad():
            image = networks.generator(batch.condition, torch.from_numpy(features)[None])[0]
        expected = (image.permute(1, 2, 0).numpy() + 1) * 127.5
        assert picture.pixels.dtype == np.uint8
        assert picture.pixels.shape == (32, 64, 3)
        assert np.abs(picture.pixels - expected).max() <= 0.51


def test_styles_of_pictures_of_several_sizes_are_those_of_each_picture_alone(tmp_path: Path) -> None:
    maker = tiny_maker(mixed_store(tmp_path / "train", [(32, 64), (32, 64), (16, 48)]))
    networks = tiny_networks(tiny_model())
    together, alone = (collect_styles(networks, maker, cpu_fabric(), batch_size=size) for size in (2, 1))
    assert set(together.picture.tolist()) == {0, 1, 2}
    for name in ("picture", "instance", "class_index", "area"):
        assert np.array_equal(getattr(together, name), getattr(alone, name)), name
    np.testing.assert_allclose(together.vectors, alone.vectors, atol=1e-6)


def test_pictures_of_several_sizes_are_synthesized_each_in_its_own(tmp_path: Path) -> None:
    maker = tiny_maker(mixed_store(tmp_path / "val", [(32, 64), (32, 64), (16, 48)]))
    networks = tiny_networks(tiny_model())
    together, alone = (list(synthesize_split(networks, maker, BANK, _synthesis(size), cpu_fabric())) for size in (2, 1))
    assert [picture.pixels.shape for picture in together] == [(32, 64, 3), (32, 64, 3), (16, 48, 3)]
    for found, expected in zip(together, alone, strict=True):
        assert found.name == expected.name
        assert np.abs(found.pixels.astype(int) - expected.pixels).max() <= 1


def test_a_model_without_features_needs_no_styles_and_makes_one_sample(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "val", count=1, rgb=True)
    networks = tiny_networks(tiny_model(n_features=0), class_count=0)
    config, bank = _synthesis(4, samples=3), StyleBank(0, {}, {})
    (picture,) = synthesize_split(networks, tiny_maker(store), bank, config, cpu_fabric())
    assert picture.pixels.shape == (32, 64, 3)
    assert picture.pixels.std() > 0
