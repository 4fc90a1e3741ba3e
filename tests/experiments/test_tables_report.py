"""The report on hand-made results."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.numpy import save_file

from components.data.store import ShardStore
from experiments.compose import OUTS, Run
from experiments.findings import Findings, RowFinding, judge
from experiments.markdown import write_markdown
from experiments.report import write_report
from experiments.results import Result, TrackingStore
from experiments.rows import Rows
from tests.table_runs import REPOSITORY, result, scores
from tests.tiny import tiny_store

SEEDS = (0, 1)
RUNS = [Run("pix2pix", seed, "train_global") for seed in SEEDS] + [Run("ours_without_vgg", 0, "finetune")]


def findings(rows: Rows, store: ShardStore, results: list[Result], planned: Mapping[str, tuple[int, ...]]) -> Findings:
    found = {
        name: RowFinding(name, row, planned.get(name, ()), tuple(each for each in results if each.run.row == name))
        for name, row in rows.rows.items()
    }
    orders = {name: tuple(judge(pair, table, found) for pair in table.order) for name, table in rows.tables.items()}
    return Findings(rows, found, orders, store, store)


def cells(markdown: str, table: str, first: str) -> list[str]:
    """The cells of a line of a table, by the title of its section and the beginning of the first such line."""
    section = markdown.split(f"\n## {table}")[1].split("\n## ")[0]
    line = next(line for line in section.splitlines() if line.startswith(f"| {first}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_rows_have_the_scores_of_the_paper_and_ours_with_what_they_cost(rows: Rows, store: ShardStore) -> None:
    results = [result("pix2pix", seed, scores(iou, 0.7), seconds=60 + 60 * seed) for seed, iou in enumerate((0.4, 0.6))]
    results.append(result("ours_without_vgg", 0, scores(0.45, 0.85), seconds=3725))
    planned = {"pix2pix": (0, 1), "ours_without_vgg": (0,)}
    text = write_markdown(findings(rows, store, results, planned), [], None)
    assert len(cells(text, "Table 1", "Row")) == len(cells(text, "Table 1", "`pix2pix`"))
    assert cells(text, "Table 1", "`pix2pix`")[1:] == [
        "78.34",
        "70.00 (70.00 to 70.00)",
        "0.3948",
        "0.5000 (-0.7706 to 1.7706)",
        "57.6%",
        "100.0%",
        "2",
        "seeds",
        "0:01:30",
        "200",
        "1.23 M",
    ]
    ours = cells(text, "Table 5", "`ours_without_vgg`")
    assert ours[1:9] == ["–", "85.00 (84.00 to 86.00)", "–", "0.4500 (0.4400 to 0.4600)", "–", "90.0%", "1", "pictures"]
    assert ours[9] == "1:02:05"
    assert cells(text, "Table 3", "Oracle")[1:7] == [
        "84.29",
        "90.00 (89.00 to 91.00)",
        "0.6857",
        "0.5000 (0.4900 to 0.5100)",
        "100.0%",
        "100.0%",
    ]
    paper = [cells(text, "Table 1", f"`{name}`")[i] for name in ("crn", "ours") for i in (1, 3, 5)]
    assert paper == ["70.55", "0.3483", "50.8%", "83.78", "0.6389", "93.2%"]


def test_orders_have_both_differences_a_verdict_and_what_was_compared(rows: Rows, store: ShardStore) -> None:
    results = [result("pix2pix", seed, scores(iou)) for seed, iou in enumerate((0.40, 0.41))]
    results += [result("ours_without_vgg", seed, scores(iou)) for seed, iou in enumerate((0.30, 0.31))]
    results.append(result("crn_l1", 0, scores(0.2)))
    planned = {"pix2pix": (0, 1), "ours_without_vgg": (0, 1), "crn_l1": (0,), "gan_only": (0,)}
    text = write_markdown(findings(rows, store, results, planned), [], None)
    assert cells(text, "Table 1", "Order of the paper")[1:] == [
        "Difference in mean IoU: paper",
        "ours",
        "Verdict",
        "Compared",
    ]
    reversed_order = cells(text, "Table 1", "`ours` above `pix2pix`")
    # Standard errors of 0.005 each: Welch's t of 2 degrees of freedom, 4.3027, times 0.005 * sqrt(2).
    assert reversed_order[1:3] == ["+0.2441", "-0.1000 (-0.1304 to -0.0696)"]
    assert reversed_order[3:] == ["does not hold", "`ours_without_vgg`, `pix2pix`"]
    assert cells(text, "Table 1", "`pix2pix` above `crn`")[1:] == [
        "+0.0465",
        "+0.2050",
        "one seed",
        "`pix2pix`, `crn_l1`",
    ]
    assert cells(text, "Ablations", "`ours_without_vgg` above `gan_only`")[1:] == [
        "–",
        "–",
        "not compared: gan_only not trained yet",
        "–",
    ]
    # 3 of Table 1 and their stand-ins are compared; 3 of Table 3, 1 of Table 5 and 3 ablations are not.
    assert "Of the 10 orders that the paper has, 0 hold, 1 do not hold and 0 are not decided" in text
    assert "2 rest on one seed, of which 2 point the paper's way; 7 are not compared" in text


def test_what_is_missing_or_cannot_be_trained_is_told(rows: Rows, store: ShardStore) -> None:
    results = [result("pix2pix", 0, scores(0.4))]
    text = write_markdown(findings(rows, store, results, {"pix2pix": (0, 1), "gan_only": (0,)}), [], None)
    assert "**The report is partial.**" in text
    assert "`pix2pix` (not trained yet: seed 1); `gan_only` (not trained yet: seed 0)" in text
    assert "*not trained: needs the weights of VGG19, in its place `crn_l1`*" in cells(text, "Table 1", "`crn` ")[0]
    whole = write_markdown(findings(rows, store, results, {"pix2pix": (0,)}), [], None)
    assert "partial" not in whole


def test_a_report_without_any_result_has_the_paper_s_figures_and_no_others(rows: Rows, store: ShardStore) -> None:
    text = write_markdown(findings(rows, store, [], {"pix2pix": (0,)}), [], None)
    assert cells(text, "Table 1", "`pix2pix`")[1:] == ["78.34", "–", "0.3948", "–", "57.6%", *["–"] * 6]
    assert cells(text, "Table 1", "Oracle")[1:] == ["84.29", "–", "0.6857", "–", "100.0%", *["–"] * 6]


def test_a_weak_evaluator_is_warned_of(rows: Rows, store: ShardStore) -> None:
    weak = findings(rows, store, [result("pix2pix", 0, scores(0.4, too_weak=True))], {"pix2pix": (0,)})
    assert "**The evaluator is too weak to judge**" in write_markdown(weak, [], None)
    able = findings(rows, store, [result("pix2pix", 0, scores(0.4))], {"pix2pix": (0,)})
    assert "too weak" not in write_markdown(able, [], None)


def test_the_setting_tells_data_budget_machine_and_evaluator(rows: Rows, store: ShardStore) -> None:
    results = [result("pix2pix", 3, scores(0.4)), replace(result("gan_only", 4, scores(0.4)), machine=None)]
    text = write_markdown(findings(rows, store, results, {"pix2pix": (3,), "gan_only": (4,)}), [], None)
    params = results[0].params
    told = {name: cells(text, "Setting", name)[1] for name in ("Pictures", "Dataset", "Batch", "Seeds", "Trained")}
    assert told == {
        "Pictures": "5 for training, 5 that are scored",
        "Dataset": "street_scenes, 128x64 pixels",
        "Batch": "2 pictures",
        "Seeds": "3, 4",
        "Trained": "2026-11-25",
    }
    assert cells(text, "Setting", "Budget")[1] == (
        f"{params.train_global.epochs} passes over the training pictures, 120 steps"
    )
    assert cells(text, "Setting", "Machine")[1] == (
        f"A processor, 4 cores; torch 2.15.0; 2 runs at the same time; not noted; CPU threads of a run: "
        f"{params.runtime.threads}"
    )
    assert (
        f"PSPNet on resnet18, trained for {params.train_segmenter.epochs} passes"
        in cells(text, "Setting", "Evaluator")[1]
    )
    assert "mean IoU 0.5000 (0.4900 to 0.5100), at least the 0.4" in cells(text, "Setting", "Evaluator")[1]
    assert cells(text, "Setting", "Perceptual loss")[1].startswith("none: no weights of VGG19")


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the runs of two rows leave, one of them under two seeds, and a row that is planned alone."""
    folder = tmp_path_factory.mktemp("report") / "build"
    store = tiny_store(folder / "dataset" / "shards" / "train", count=5)
    shutil.copytree(folder / "dataset" / "shards" / "train", folder / "dataset" / "shards" / "val")
    rng = np.random.default_rng(0)
    for number, run in enumerate(RUNS):
        own = folder / run.name
        (own / "synthesized").mkdir(parents=True)
        (own / OUTS[run.last]).mkdir()
        shutil.copy(REPOSITORY / "params.yaml", own)
        save_file({"weight": np.zeros((1000, 1000))}, own / OUTS[run.last] / "generator.safetensors")
        for name in store.index.names:
            pixels = rng.integers(256, size=(4, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            Image.fromarray(pixels).save(own / "synthesized" / f"{name}.png")
        (own / "scores.json").write_text(json.dumps(scores(0.3 + 0.1 * number)))
    entries = {run.name: {"row": run.row, "seed": run.seed, "last": run.last} for run in RUNS}
    entries["gan_only-0"] = {"row": "gan_only", "seed": 0, "last": "finetune"}
    (folder / "runs.yaml").write_text(yaml.safe_dump({"train_global": entries}))
    return folder


@pytest.fixture(scope="module")
def tracking_store(build: Path) -> TrackingStore:
    """An empty one, which takes seconds to make."""
    return TrackingStore(build)


class Sources(HTMLParser):
    """What a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_report_is_text_a_page_and_small_pictures(
    rows: Rows, build: Path, tracking_store: TrackingStore, tmp_path: Path
) -> None:
    write_report(rows, build, tracking_store, tmp_path)
    grids = {f"{name}.jpg" for name in ("table_1", "table_3", "table_5", "ablations")}
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "index.html"} | grids
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1_000_000

    text, page = (tmp_path / "README.md").read_text(), (tmp_path / "index.html").read_text()
    assert cells(text, "Table 1", "`pix2pix`")[4] == "0.3500 (-0.2853 to 0.9853)"  # 0.05 * 12.7062 to either side
    assert cells(text, "Table 1", "`pix2pix`")[9] == "–"  # its training is not tracked
    assert "not trained yet: seed 0" in cells(text, "Ablations", "`gan_only`")[0]
    assert set(re.findall(r"\]\((.*?)\)", text)) == grids
    sources = Sources()
    sources.feed(page)
    assert len(sources.found) == len(grids)
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources.found)
    bars = re.findall(r'<rect class="(\w+)" x="0" y="1.5" width="([\d.]+)"', page)
    assert bars == [("row", "35.00"), ("row", "50.00"), ("oracle", "50.00")]
    assert "0.3500 (-0.2853 to 0.9853)" in page


def test_a_picture_shows_the_same_maps_for_all_trained_rows(
    rows: Rows, build: Path, tracking_store: TrackingStore, tmp_path: Path
) -> None:
    write_report(rows, build, tracking_store, tmp_path)
    gap, tile = 2, 128  # a picture of 64 pixels is enlarged twice
    sizes = {name: Image.open(tmp_path / f"{name}.jpg").size for name in ("table_1", "table_3")}
    height = 17 + 4 * (64 + gap)
    assert sizes == {"table_1": (4 * (tile + gap), height), "table_3": (3 * (tile + gap), height)}
    shown = np.asarray(Image.open(tmp_path / "table_1.jpg")).astype(int)
    names = ShardStore(build / "dataset" / "shards" / "val").index.names
    for line, name in enumerate((names[0], names[1], names[3], names[4])):  # spread over the five
        for column, run in enumerate(("pix2pix-0", "ours_without_vgg-0"), start=1):
            picture = np.asarray(Image.open(build / run / "synthesized" / f"{name}.png")).repeat(2, 0).repeat(2, 1)
            top, left = 17 + line * (64 + gap), column * (tile + gap)
            assert np.abs(shown[top : top + 64, left : left + tile] - picture).mean() < 20  # of 255, after JPEG


def test_a_report_to_be_passed_on_shows_only_what_was_synthesized(
    rows: Rows, build: Path, tracking_store: TrackingStore, tmp_path: Path
) -> None:
    write_report(rows, build, tracking_store, tmp_path, of_dataset=False)
    gap, tile = 2, 128  # two rows, without condition and photo
    assert Image.open(tmp_path / "table_1.jpg").size == (2 * (tile + gap), 17 + 4 * (64 + gap))


def test_a_discussion_is_kept_and_taken_into_both(
    rows: Rows, build: Path, tracking_store: TrackingStore, tmp_path: Path
) -> None:
    (tmp_path / "discussion.md").write_text("The order *holds* because of ![it](table_1.jpg)\n")
    for _ in range(2):
        write_report(rows, build, tracking_store, tmp_path)
    assert (tmp_path / "discussion.md").read_text() == "The order *holds* because of ![it](table_1.jpg)\n"
    assert (tmp_path / "README.md").read_text().count("## Discussion\n\nThe order *holds* because") == 1
    page = (tmp_path / "index.html").read_text()
    assert '<h2>Discussion</h2>\n<p>The order <em>holds</em> because of <img src="data:image/jpeg;base64,' in page


def test_a_report_without_a_graph_says_what_makes_one(
    rows: Rows, tracking_store: TrackingStore, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="index.json: expected the index of a preprocessed split"):
        write_report(rows, tmp_path / "build", tracking_store, tmp_path / "out")
    assert not (tmp_path / "out").exists()
