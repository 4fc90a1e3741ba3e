import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from components.data.draws import Draw
from components.data.store import ShardStore
from components.models.instance_pool import paint_instances
from components.models.networks import Networks
from components.styles.cluster import cluster_styles
from components.styles.collect import collect_styles
from components.styles.config import ClusterConfig
from components.styles.crops import crop, pale_outside, window_around
from components.styles.findings import write_findings
from components.styles.page import PageContent, write_page
from tests.given import given
from tests.tiny import CLASSES, cpu_fabric, tiny_maker, tiny_model, tiny_networks, tiny_store

CONFIG = ClusterConfig(styles_per_class=2, min_area=0, weight_by_area=False, batch_size=2, seed=0)


def _content(store: ShardStore, networks: Networks, *, changes_class: bool = False) -> PageContent:
    maker = tiny_maker(store)
    styles = collect_styles(networks, maker, cpu_fabric(), batch_size=2)
    return PageContent(
        networks=networks,
        maker=maker,
        styles=styles,
        clustered=cluster_styles(styles, CONFIG),
        changes_class=changes_class,
        true=None,
        agreement=None,
        fabric=cpu_fabric(),
    )


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file).astype(float)


def _text(page: str) -> str:
    return unescape(" ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split()))


def test_the_page_shows_every_style_of_every_class_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    content = _content(tiny_store(tmp_path / "train", count=2), tiny_networks(tiny_model()))
    write_page(tmp_path / "page", content)
    page = (tmp_path / "page/index.html").read_text()
    assert "//" not in page
    assert "<script" not in page
    pictures = re.findall(r'src="([^"]+)"', page)
    assert {"index.html", *pictures} == {path.name for path in (tmp_path / "page").iterdir()}
    text = _text(page)
    for index, styles in content.clustered.items():
        assert CLASSES[index].name in text
        for number, (count, spread) in enumerate(zip(styles.counts, given(styles.spread), strict=True)):
            assert f"{number} · {count} instance" in text
            assert f"spread {spread:.3f}" in text
            shown = [name for name in pictures if re.fullmatch(rf"{index}_{number}_\d+\.png", name)]
            assert len(shown) == min(count, 6)
    assert "really" not in text


def test_only_the_shown_object_changes_its_style_or_its_class_where_that_has_the_style(tmp_path: Path) -> None:
    networks = tiny_networks(tiny_model()).eval()
    store = tiny_store(tmp_path / "train", count=1, height=104, width=208)  # the size at which the page shows it
    content = _content(store, networks)
    styles = content.styles
    roads = np.flatnonzero(styles.class_index == 1)
    largest = styles.instance[roads[styles.area[roads].argmax()]]
    batch = content.maker.make([Draw(0)])
    own = given(networks.styles(batch)).detach()
    for changes_class, changed in ((False, [largest]), (True, styles.instance[roads])):
        folder = tmp_path / f"page_{changes_class}"
        write_page(folder, replace(content, changes_class=changes_class))
        for name, centre in (("own", None), ("1", content.clustered[1].centres[1])):
            expected_styles = own.clone()
            if centre is not None:
                expected_styles[0, changed] = torch.from_numpy(centre)
            with torch.no_grad():
                image = networks.generator(batch.condition, paint_instances(expected_styles, batch.instance))[0]
            expected = (image.permute(1, 2, 0).numpy() + 1) * 127.5
            assert np.abs(_pixels(folder / f"1_{name}_picture.png") - expected).max() <= 0.51


def test_the_first_crop_of_a_style_is_its_nearest_instance_in_the_photos_own_colours(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "train", count=2)
    content = _content(store, tiny_networks(tiny_model()))
    write_page(tmp_path / "page", content)
    row = content.clustered[2].members[0][0]
    sample = store.read([int(content.styles.picture[row])])
    mask = sample["instance"][0] == content.styles.instance[row]
    expected = crop(pale_outside(sample["image"][0].astype(np.uint8), mask), window_around(mask))
    assert np.array_equal(_pixels(tmp_path / "page/2_0_0.png"), expected)


def test_findings_are_the_bank_its_page_and_the_agreement_where_true_styles_are_known(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "train", count=2)
    networks, maker = tiny_networks(tiny_model()), tiny_maker(store)
    styles = collect_styles(networks, maker, cpu_fabric(), batch_size=2)
    always = {"styles.json", "styles.safetensors", "instances.csv", "page"}

    def write(name: str) -> tuple[set[str], dict[str, float], str]:
        folder = tmp_path / name
        folder.mkdir()
        scores = write_findings(
            folder, networks, maker, styles, config=CONFIG, true_styles=tmp_path / "true.json", fabric=cpu_fabric()
        )
        return {path.name for path in folder.iterdir()}, scores, _text((folder / "page/index.html").read_text())

    files, scores, text = write("unknown")
    assert files == always
    assert scores == {"instances": len(styles), "styles": 8}
    assert "true styles" not in text

    index = store.index
    known = {name: dict.fromkeys(map(str, ids), 1) for name, ids in zip(index.names, index.instance_ids, strict=True)}
    document = {"styles": {each.name: ["plain", "odd"] for each in CLASSES}, "train": known}
    (tmp_path / "true.json").write_text(json.dumps(document))
    files, scores, text = write("known")
    assert files == always | {"agreement.json"}
    assert scores["adjusted_rand_index"] == 0  # two clusters where all is of one style
    assert scores["adjusted_rand_index_at_true_number"] == 1
    assert scores["adjusted_rand_index/car"] == 0
    count = int(np.bincount(styles.class_index)[0])
    assert f"unlabelled {count} 1 1.000 2 0.000" in text  # instances, true styles, index, styles, index
    assert re.search(r"really \d+ odd", text)
    assert "plain" not in text
