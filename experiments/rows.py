"""The rows of the tables, and the setting that all of them share, read and checked."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from components.config import Config
from components.models.config import GeneratorName
from components.training.phases import STAGES, StageName

FOLDER = Path(__file__).parent
ROWS_FILE = FOLDER / "rows.yaml"
SETTING_FILE = FOLDER / "setting.yaml"

Definition = TypeVar("Definition", bound=Config)
Share = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0)]
Score = Annotated[float, Field(ge=0, le=1)]
Scores = tuple[Score, Score]


def stages_up_to(last: StageName) -> tuple[StageName, ...]:
    """The training stages of a row by its last one."""
    return STAGES[: STAGES.index(last) + 1]


class Row(Config):
    """A way to train.

    Attributes:
        title: in the report.
        generator: whose shape the setting gives.
        last: the training stage whose networks are scored; later ones do not run.
        needs_vgg: whether it is nothing without VGG19's weights.
        stand_in: the row that is compared in this one's place where this one is not trained.
        overrides: over the setting's parameters, as `pipelines.compose` takes them.
    """

    title: str
    generator: GeneratorName
    last: StageName
    needs_vgg: bool = False
    stand_in: str | None = None
    overrides: tuple[str, ...] = ()


class Table(Config):
    """A table of the report.

    Attributes:
        title: of the table.
        rows: names, in the order in which they are shown.
        paper: the published pixel accuracy and mean IoU of a row, 0..1.
        order: pairs of rows of which the paper has the first above the second.
    """

    title: str
    rows: tuple[str, ...]
    paper: dict[str, Scores]
    order: tuple[tuple[str, str], ...]


class Rows(Config):
    """All rows and tables.

    Attributes:
        rows: by name.
        tables: by name.
        oracle: the published pixel accuracy and mean IoU of the evaluator on real photos, 0..1.
    """

    rows: dict[str, Row]
    tables: dict[str, Table]
    oracle: Scores

    @model_validator(mode="after")
    def _names_are_known(self) -> "Rows":
        named = [(f"rows.{name}.stand_in", row.stand_in) for name, row in self.rows.items() if row.stand_in]
        for name, table in self.tables.items():
            named += [(f"tables.{name}.rows", row) for row in table.rows]
            named += [(f"tables.{name}.paper", row) for row in table.paper]
            named += [(f"tables.{name}.order", row) for pair in table.order for row in pair]
        problems = [f"{field}: no row is named {row}" for field, row in named if row not in self.rows]
        shown = {row for table in self.tables.values() for row in table.rows}
        problems += [f"rows.{name}: no table shows it" for name in self.rows if name not in shown]
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Setting(Config):
    """What the rows share.

    Attributes:
        parameters: over `recipes/config.yaml`, as `pipelines.compose` takes them.
        generators: the overrides that give each generator its shape.
        budget: passes over the training pictures, of all training stages of a row together.
        shares: of the budget, for a stage that is not its row's last one, 0..1.
        seeds: of each table's rows.
    """

    parameters: tuple[str, ...]
    generators: dict[GeneratorName, tuple[str, ...]]
    budget: int = Field(ge=1)
    shares: dict[StageName, Share]
    seeds: dict[str, Annotated[tuple[Seed, ...], Field(min_length=1)]]

    @field_validator("generators", "shares")
    @classmethod
    def _has_all(cls, given: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        expected = get_args(GeneratorName) if info.field_name == "generators" else STAGES[:-1]
        _expect_names(given, expected)
        return given

    def epochs(self, row: Row) -> dict[StageName, int]:
        """Share the budget out over the training stages of a row.

        Raises:
            ValueError: where a stage would have no pass over the pictures.
        """
        epochs = {stage: max(1, round(self.shares[stage] * self.budget)) for stage in stages_up_to(row.last)[:-1]}
        left = self.budget - sum(epochs.values())
        if left < 1:
            taken = ", ".join(f"{stage} {count}" for stage, count in epochs.items())
            raise ValueError(f"budget: {taken} leave nothing of {self.budget} passes for {row.last}")
        return epochs | {row.last: left}


def load_rows(path: Path = ROWS_FILE) -> Rows:
    """Read the rows.

    Raises:
        ValueError: naming the file and each field that is wrong.
    """
    return _load(path, Rows)


def load_setting(rows: Rows, path: Path = SETTING_FILE) -> Setting:
    """Read a setting for these rows.

    Raises:
        ValueError: naming the file and each field that is wrong.
    """
    setting = _load(path, Setting)
    try:
        _expect_names(setting.seeds, rows.tables)
    except ValueError as error:
        raise ValueError(f"{path}: seeds: {error}") from error
    return setting


def seeds_of(name: str, rows: Rows, setting: Setting) -> list[int]:
    """The seeds of all tables that show a row, each once."""
    return sorted({seed for table in rows.tables if name in rows.tables[table].rows for seed in setting.seeds[table]})


def _expect_names(found: Collection[str], expected: Collection[str]) -> None:
    if set(found) != set(expected):
        raise ValueError(f"expected an entry for each of {', '.join(expected)}, found {', '.join(found)}")


def _load(path: Path, kind: type[Definition]) -> Definition:
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
        raise ValueError(f"{path}: " + "; ".join(problem.removeprefix(": ") for problem in problems)) from error
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
