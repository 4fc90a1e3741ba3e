import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.data.prepare import prepare_dataset
from components.data.preprocess import PreprocessConfig, preprocess
from components.data.store import ShardStore
from components.data.street_scenes import StreetScenesConfig
from components.models.networks import Networks
from components.styles.agreement import (
    TRUE_STYLES_FILE,
    Agreement,
    ClassAgreement,
    TrueStyles,
    measure_agreement,
    read_true_styles,
    write_agreement,
)
from components.styles.cluster import cluster_styles
from components.styles.collect import InstanceStyles, collect_styles
from components.styles.config import ClusterConfig
from tests.tiny import cpu_fabric, tiny_maker, tiny_model, tiny_networks, tiny_store
from tests.tiny_dataset import tiny_prepare
from tests.training_run import phase_config, train_stage


def _config(styles_per_class: int = 10, min_area: float = 0.0) -> ClusterConfig:
    return ClusterConfig(
        styles_per_class=styles_per_class, min_area=min_area, weight_by_area=False, batch_size=8, seed=0
    )


def _styles(vectors: list[float], class_index: list[int]) -> InstanceStyles:
    count = len(vectors)
    return InstanceStyles(
        vectors=np.array(vectors, np.float32)[:, None],
        class_index=np.array(class_index),
        area=np.full(count, 0.5),
        picture=np.zeros(count, np.int64),
        instance=np.arange(count),
    )


def _measure(vectors: list[float], class_index: list[int], true: list[int], styles_per_class: int) -> Agreement:
    styles, config = _styles(vectors, class_index), _config(styles_per_class)
    known = TrueStyles({0: ("red", "blue"), 1: ("oak", "fir")}, np.array(true))
    return measure_agreement(styles, cluster_styles(styles, config), known, config)


def test_clusters_that_are_the_true_styles_agree_wholly() -> None:
    found = _measure([0, 0.1, 5, 5.1], [0] * 4, [1, 1, 0, 0], 2)
    assert found.classes == {0: ClassAgreement(4, 2, 1.0, 1.0)}


def test_a_bank_that_splits_a_true_style_loses_what_the_index_at_the_true_number_keeps() -> None:
    found = _measure([0, 0.1, 0.2, 5, 5.1, 9, 9.1], [0] * 7, [1, 1, 1, 0, 0, 0, 0], 3).classes[0]
    # Pairs together in both partitions: 3 + 1 + 1 = 5; in clusters 5, in true styles 3 + 6 = 9; of 21 in all.
    by_chance = 5 * 9 / 21
    assert found.adjusted_rand_index == pytest.approx((5 - by_chance) / ((5 + 9) / 2 - by_chance))
    assert found.adjusted_rand_index_at_true_number == 1.0


def test_overall_is_the_mean_of_the_classes_weighted_by_their_instances() -> None:
    found = _measure([0, 0.1, 5, 5.1, 0, 5], [0, 0, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0], 2)
    # The true styles of the second class are one, and its clusters two: an index of 0.
    assert found.classes[1] == ClassAgreement(2, 1, 0.0, 1.0)
    assert found.overall == {
        "adjusted_rand_index": pytest.approx(4 / 6),
        "adjusted_rand_index_at_true_number": pytest.approx(1.0),
    }


def test_instances_that_were_not_clustered_do_not_count() -> None:
    styles, config = _styles([0, 5, 9], [0, 0, 0]), _config(2, min_area=0.1)
    styles.area[2] = 0.01
    true = TrueStyles({0: ("red", "blue")}, np.array([0, 1, 0]))
    assert measure_agreement(styles, cluster_styles(styles, config), true, config).classes[0].instances == 2


def test_true_styles_are_counted_by_name() -> None:
    true = TrueStyles({2: ("red", "blue", "black")}, np.array([1, 0, 1, 2, 1]))
    assert true.counts(2, np.array([0, 1, 2, 3])) == [("blue", 2), ("red", 1), ("black", 1)]


def _document(store: ShardStore) -> dict[str, Any]:
    index = store.index
    return {
        "styles": {each.name: ["a", "b"] for each in index.classes},
        "train": {
            name: {str(each): each % 2 for each in ids}
            for name, ids in zip(index.names, index.instance_ids, strict=True)
        },
    }


def test_true_styles_are_found_by_picture_and_the_datasets_own_ids(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "train", count=2)
    styles = collect_styles(tiny_networks(tiny_model()), tiny_maker(store), cpu_fabric(), batch_size=2)
    (tmp_path / "true.json").write_text(json.dumps(_document(store)))
    true = read_true_styles(tmp_path / "true.json", styles, store.index)
    expected = [
        store.index.instance_ids[picture][instance] % 2
        for picture, instance in zip(styles.picture, styles.instance, strict=True)
    ]
    assert true.style.tolist() == expected
    assert true.names[1] == ("a", "b")


def test_a_file_of_true_styles_that_does_not_fit_is_refused_with_its_name(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "train", count=2)
    styles = collect_styles(tiny_networks(tiny_model()), tiny_maker(store), cpu_fabric(), batch_size=2)
    without_picture, unknown_style = _document(store), _document(store)
    del without_picture["train"]["picture_1"]
    first = next(iter(unknown_style["train"]["picture_0"]))
    unknown_style["train"]["picture_0"][first] = 2
    documents: list[object] = [without_picture, unknown_style, {"styles": {}}, []]
    for document in documents:
        (tmp_path / "true.json").write_text(json.dumps(document))
        with pytest.raises(ValueError, match=r"true\.json: found .*, expected the styles of each class and of each"):
            read_true_styles(tmp_path / "true.json", styles, store.index)


def test_the_file_of_agreement_names_classes(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "train", count=1)
    write_agreement(tmp_path, Agreement({1: ClassAgreement(4, 2, 0.5, 1.0)}), store.index)
    assert json.loads((tmp_path / "agreement.json").read_text()) == {
        "overall": {"adjusted_rand_index": 0.5, "adjusted_rand_index_at_true_number": 1.0},
        "classes": {
            "road": {
                "instances": 4,
                "true_styles": 2,
                "adjusted_rand_index": 0.5,
                "adjusted_rand_index_at_true_number": 1.0,
            }
        },
    }


@pytest.mark.slow
def test_a_trained_encoder_finds_the_true_styles_of_the_street_scenes(tmp_path: Path) -> None:
    scenes = StreetScenesConfig(train=16, val=1, height=32, width=64, seed=1)
    manifest = prepare_dataset(tiny_prepare(street_scenes=scenes), tmp_path / "prepared")
    config = PreprocessConfig(resize="fixed", multiple=8, height=32, width=64, shard_size=16)
    preprocess(manifest, config, out=tmp_path / "shards", state=tmp_path / "state", processes=1)
    train, val = (ShardStore(tmp_path / "shards" / split) for split in ("train", "val"))
    model = tiny_model(ngf=8, nef=8, ndf=16, n_local_enhancers=0, num_D=1, n_downsample_encoder=1, upsampling="nearest")
    true_styles = Path(manifest.root) / TRUE_STYLES_FILE

    def agreement(networks: Networks, *, shuffled: bool = False) -> dict[str, float]:
        styles, clustering = collect_styles(networks, tiny_maker(train), cpu_fabric(), batch_size=8), _config(10, 0.004)
        true = read_true_styles(true_styles, styles, train.index)
        if shuffled:
            for class_index in np.unique(styles.class_index):
                of_class = styles.class_index == class_index
                true.style[of_class] = np.random.default_rng(0).permutation(true.style[of_class])
        return measure_agreement(styles, cluster_styles(styles, clustering), true, clustering).overall

    untrained = agreement(tiny_networks(model, class_count=7))
    phase = phase_config(epochs=20, epochs_decay=10, batch_size=1, learning_rate=0.001)
    trained = train_stage(
        train, val, tmp_path / "training", "train_global", config=phase, model=model, checkpoint_seconds=1e9
    ).networks
    found, by_chance = agreement(trained), agreement(trained, shuffled=True)
    name = "adjusted_rand_index_at_true_number"
    assert found[name] > 0.25
    assert found[name] > untrained[name] + 0.1
    assert found["adjusted_rand_index"] > untrained["adjusted_rand_index"] + 0.05
    assert all(abs(index) < 0.05 for index in by_chance.values())
