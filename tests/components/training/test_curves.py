import csv
from pathlib import Path

from components.training.curves import write_curves
from components.training.state import Row


def test_a_row_for_each_epoch_with_a_blank_for_a_loss_that_was_left_out(tmp_path: Path) -> None:
    history: list[Row] = [
        {"phase": "local_1", "epoch": 1, "generator_adversarial": 0.5, "learning_rate": 0.25},
        {"phase": "local_2", "epoch": 2, "generator_adversarial": 0.125, "generator_perceptual": 3.0},
    ]
    write_curves(tmp_path / "curves.csv", history)
    with (tmp_path / "curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["phase"] for row in rows] == ["local_1", "local_2"]
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["generator_adversarial"]) for row in rows] == [0.5, 0.125]
    assert [row["generator_perceptual"] for row in rows] == ["", "3.0"]
    assert [row["learning_rate"] for row in rows] == ["0.25", ""]


def test_a_stage_without_epochs_leaves_the_header_of_every_stage(tmp_path: Path) -> None:
    write_curves(tmp_path / "none.csv", [])
    write_curves(tmp_path / "one.csv", [{"phase": "global", "epoch": 1}])
    header = (tmp_path / "none.csv").read_text().splitlines()
    assert header == (tmp_path / "one.csv").read_text().splitlines()[:1]
    assert set(header[0].split(",")) == {
        "phase",
        "epoch",
        "learning_rate",
        "discriminator_real",
        "discriminator_fake",
        "generator_adversarial",
        "generator_feature_matching",
        "generator_l1",
        "generator_perceptual",
    }
