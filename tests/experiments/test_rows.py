"""The definitions of rows, tables and setting."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.rows import ROWS_FILE, SETTING_FILE, Rows, Setting, load_rows, load_setting, seeds_of


def changed(source: Path, folder: Path, path: str, value: Any) -> Path:
    """Write a copy of a YAML file with one value changed; None removes it."""
    content = yaml.safe_load(source.read_text())
    *sections, field = path.split(".")
    section = content
    for part in sections:
        section = section[part]
    if value is None:
        del section[field]
    else:
        section[field] = value
    copy = folder / source.name
    copy.write_text(yaml.safe_dump(content))
    return copy


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("rows.pix2pix.last", "train_everything", "rows.pix2pix.last: "),
        ("rows.pix2pix.network", "unet", "rows.pix2pix.network: "),
        ("rows.pix2pix.title", None, "rows.pix2pix.title: "),
        ("rows.crn.stand_in", "crn_l2", "rows.crn.stand_in: no row is named crn_l2"),
        ("tables.table_1.rows", ["pix2pix", "nothing"], "tables.table_1.rows: no row is named nothing"),
        ("tables.table_5.order", [["ours", "one"]], "tables.table_5.order: no row is named one"),
        ("tables.table_5.paper", {"one": [0.8, 0.5]}, "tables.table_5.paper: no row is named one"),
        ("tables.table_1.paper.ours", [83.78, 0.6389], "tables.table_1.paper.ours.0: "),
        ("tables.ablations.rows", ["gan_only"], "rows.no_boundary_map: no table shows it"),
    ],
)
def test_a_wrong_row_is_told_with_file_and_field(tmp_path: Path, path: str, value: Any, problem: str) -> None:
    copy = changed(ROWS_FILE, tmp_path, path, value)
    with pytest.raises(ValueError, match="rows.yaml") as caught:
        load_rows(copy)
    assert str(caught.value).startswith(f"{copy}: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("budget", 0, "budget: "),
        ("shares.train_global", 1.0, "shares.train_global: "),
        ("shares.train_local", None, "shares: Value error, expected an entry for each of train_global, train_local, "),
        ("generators.crn", None, "generators: Value error, expected an entry for each of coarse_to_fine, unet, crn, "),
        ("seeds.table_5", None, "seeds: expected an entry for each of table_1, table_3, table_5, ablations, "),
        ("seeds.table_9", [0], "seeds: expected an entry for each of table_1, table_3, table_5, ablations, "),
        ("seeds.table_5", [], "seeds.table_5: "),
        ("seeds.table_5", [-1], "seeds.table_5.0: "),
        ("epochs", 3, "epochs: "),
    ],
)
def test_a_wrong_setting_is_told_with_file_and_field(
    tmp_path: Path, rows: Rows, path: str, value: Any, problem: str
) -> None:
    copy = changed(SETTING_FILE, tmp_path, path, value)
    with pytest.raises(ValueError, match="setting.yaml") as caught:
        load_setting(rows, copy)
    assert str(caught.value).startswith(f"{copy}: ")
    assert problem in str(caught.value)


def test_a_file_that_is_no_yaml_or_not_there_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("rows: [")
    for path in (broken, tmp_path / "none.yaml"):
        with pytest.raises(ValueError, match=path.name):
            load_rows(path)


def test_the_budget_is_shared_out_over_the_stages_of_a_row(rows: Rows, setting: Setting) -> None:
    given = setting.model_copy(update={"budget": 40, "shares": {"train_global": 0.5, "train_local": 0.05}})
    assert given.epochs(rows.rows["pix2pix"]) == {"train_global": 40}
    assert given.epochs(rows.rows["local"]) == {"train_global": 20, "train_local": 20}
    assert given.epochs(rows.rows["ours"]) == {"train_global": 20, "train_local": 2, "finetune": 18}


def test_a_budget_that_leaves_a_stage_nothing_is_refused(rows: Rows, setting: Setting) -> None:
    small = setting.model_copy(update={"budget": 2})
    with pytest.raises(ValueError, match="train_global 1, train_local 1 leave nothing of 2 passes for finetune"):
        small.epochs(rows.rows["ours"])


def test_a_row_of_several_tables_has_the_seeds_of_all(rows: Rows, setting: Setting) -> None:
    seeds = {"table_1": (0, 1), "table_3": (7,), "table_5": (1, 2), "ablations": (0,)}
    given = setting.model_copy(update={"seeds": seeds})
    assert seeds_of("ours_without_vgg", rows, given) == [0, 1, 2, 7]
    assert seeds_of("pix2pix", rows, given) == [0, 1]
    assert seeds_of("gan_only", rows, given) == [0]


def test_the_published_scores_are_those_of_the_paper(rows: Rows) -> None:
    assert rows.oracle == (0.8429, 0.6857)
    assert rows.tables["table_1"].paper == {
        "pix2pix": (0.7834, 0.3948),
        "crn": (0.7055, 0.3483),
        "ours": (0.8378, 0.6389),
    }
    assert rows.tables["table_3"].paper == {
        "unet_our_losses": (0.7786, 0.3905),
        "crn_our_losses": (0.7896, 0.3994),
        "ours": (0.8378, 0.6389),
    }
    assert rows.tables["table_5"].paper == {"single_discriminator": (0.8287, 0.5775), "ours": (0.8378, 0.6389)}


def test_no_order_contradicts_the_published_scores(rows: Rows) -> None:
    for table in rows.tables.values():
        for first, second in table.order:
            if {first, second} <= table.paper.keys():
                assert table.paper[first][1] > table.paper[second][1]
