"""Features other than each instance's own: pooled over labels, or read from a file of the user's."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from components.data.draws import Draw
from components.data.store import ShardStore
from components.models.instance_pool import paint_instances
from components.models.networks import load_networks
from tests.given import given
from tests.tiny import random_features, tiny_maker, tiny_model, tiny_networks
from tests.training_run import train_stage


def test_pooled_features_of_labels_are_the_encoders_means_over_each_label_region(train: ShardStore) -> None:
    networks = tiny_networks(tiny_model(features="label"))
    batch = tiny_maker(train).make([Draw(0), Draw(3)])
    with torch.no_grad():
        pixels = given(networks.encoder).pixels(batch.image).numpy()
        styles = given(networks.styles(batch))
    label, instance = given(batch.label).numpy(), batch.instance.numpy()
    several = 0
    for picture in range(2):
        for class_index in np.unique(label[picture]):
            region = label[picture] == class_index
            mean = pixels[picture][:, region].astype(np.float64).mean(axis=1)
            instances = np.unique(instance[picture][region])
            several += len(instances) > 1
            for each in instances:
                np.testing.assert_allclose(styles[picture, each].numpy(), mean, atol=1e-6)
            painted = paint_instances(styles, batch.instance)[picture].numpy()
            np.testing.assert_allclose(painted[:, region], np.tile(mean[:, None], region.sum()), atol=1e-6)
    assert several


def test_an_instance_of_two_labels_has_the_mean_of_both_by_its_pixels(train: ShardStore) -> None:
    networks = tiny_networks(tiny_model(features="label"))
    batch = tiny_maker(train).make([Draw(0)])
    label = given(batch.label)
    label[:] = 1
    label[:, :, 48:] = 3  # a quarter of the picture
    batch.instance[:] = 0
    batch.instance[:, :, 56:] = 1
    with torch.no_grad():
        pixels = given(networks.encoder).pixels(batch.image)[0]
        styles = given(networks.styles(batch))[0]
    road, sky = pixels[:, :, :48].mean(dim=(1, 2)), pixels[:, :, 48:].mean(dim=(1, 2))
    # Of the 56 columns of the first instance 48 are road and 8 sky.
    torch.testing.assert_close(styles[0], (6 * road + sky) / 7)
    torch.testing.assert_close(styles[1], sky)


def test_a_model_of_precomputed_features_has_no_encoder_and_paints_those_of_the_file(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    path = random_features(tmp_path / "features.safetensors", (train, val), 3)
    networks = tiny_networks(tiny_model(features="precomputed", features_file=path))
    assert networks.encoder is None
    batch = tiny_maker(train).make([Draw(0)])
    of_file = torch.rand(1, batch.instance_count, 3)
    batch = type(batch)(**(vars(batch) | {"styles": of_file}))
    networks.eval()
    with torch.no_grad():
        synthesis = networks.reconstruct(batch)
        painted = of_file[0][batch.instance[0]].permute(2, 0, 1)[None]
        assert torch.equal(synthesis.image, networks.generator(batch.condition, painted))
    assert synthesis.styles is of_file


def test_a_features_file_that_lacks_the_pictures_stops_training_by_its_name(
    train: ShardStore, val: ShardStore, tmp_path: Path
) -> None:
    path = random_features(tmp_path / "features.safetensors", (val,), 3)  # three of the five pictures
    model = tiny_model(features="precomputed", features_file=path, n_local_enhancers=0)
    with pytest.raises(ValueError, match=re.escape(f"{path}: no features of train picture picture_")):
        train_stage(train, val, tmp_path / "state", "train_global", model=model)


def test_the_features_file_may_have_moved_when_trained_networks_are_loaded(tmp_path: Path) -> None:
    saved = tiny_networks(tiny_model(features="precomputed", features_file="one.safetensors"))
    saved.save(tmp_path)
    loaded = load_networks(tmp_path, tiny_model(features="precomputed", features_file="two.safetensors"))
    assert loaded.state_dict().keys() == saved.state_dict().keys()
