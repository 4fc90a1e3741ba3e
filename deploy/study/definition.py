"""What a study is: methods, pairs, times and texts, from a YAML file, options, or both."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from deploy.web.problems import located_messages

EXPOSURES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)  # seconds; Wang et al. 2018, Fig. 7
DEFAULT_COMPARISONS = 50
PATHS = ("reference", "bundle", "attention_better", "attention_worse", "database")

MethodName = Annotated[str, Field(pattern=r"^[^\W_][\w .+()-]{0,39}$")]
Pairs = tuple[tuple[str, str], ...]
Text = Annotated[str, Field(max_length=4000)]


class StudyDefinition(BaseModel):
    """A study. Paths in a YAML file are relative to its folder.

    Attributes:
        methods: folder of PNG files of each method, all with the same names.
        database: SQLite file of the answers, made where there is none; by default beside the YAML file, with its
            name and `.db`, or `study.db`.
        experiment: unlimited time, or each pair for one of the exposures.
        exposures: seconds.
        pairs: the methods that are compared; by default each with each.
        reference: folder of what the pictures were made of, shown beside them.
        reference_kind: a label map, coloured by class where it is no colour picture, or the real photo.
        bundle: serving bundle whose classes give the colours of the label maps.
        comparisons: of each participant, without attention checks; by default 50, or as many as there are.
        attention_better: folder of the right answers to attention checks; by default the reference where it is of
            photos, else the first method's.
        attention_worse: folder of their wrong answers, of the same names; by default mud made of the better.
        attention_checks: of each participant; by default one to ten comparisons, at least two.
        participants: how many may take part.
        seed: of order, sides and exposures.
        title: of the page, as all that follows.
        question: above each pair.
        introduction: what the study is about.
        consent: what a participant agrees to.
        thanks: at the end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    methods: Annotated[dict[MethodName, Path], Field(min_length=2, max_length=20)]
    database: Path
    experiment: Literal["unlimited", "limited"] = "unlimited"
    exposures: Annotated[tuple[Annotated[float, Field(ge=0.05, le=60)], ...], Field(min_length=1)] = EXPOSURES
    pairs: Annotated[Pairs, Field(min_length=1)] | None = None
    reference: Path | None = None
    reference_kind: Literal["map", "photo"] = "map"
    bundle: Path | None = None
    comparisons: Annotated[int, Field(ge=1, le=1000)] | None = None
    attention_better: Path | None = None
    attention_worse: Path | None = None
    attention_checks: Annotated[int, Field(ge=0, le=100)] | None = None
    participants: Annotated[int, Field(ge=1, le=100_000)] = 1000
    seed: int = 0
    title: Text = "Which picture looks more real?"
    question: Text = "Which picture looks more real?"
    introduction: Text = (
        "Computers can paint a scene from a plain map of what is where. We would like to know how real such "
        "pictures look to people. There are no right or wrong answers: your own impression counts."
    )
    consent: Text = (
        "Taking part is voluntary, and you can stop at any time by closing this page. We store your choices and how "
        "long they took under a random token: no name, no address, no account, no cookie. A few pairs have an obvious "
        "answer; they tell us that somebody is looking. The answers may be published without the token."
    )
    thanks: Text = "Thank you! All your answers are saved. You can close this page."

    @field_validator("exposures")
    @classmethod
    def _each_once(cls, exposures: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(exposures)) < len(exposures):
            raise ValueError(f"found {', '.join(f'{each:g}' for each in exposures)}, expected each exposure once")
        return exposures

    @field_validator("pairs")
    @classmethod
    def _of_known_methods(cls, pairs: Pairs | None, info: ValidationInfo) -> Pairs | None:
        methods = info.data.get("methods", {})  # none where they are wrong themselves
        for first, second in pairs or ():
            if methods and (first == second or not {first, second} <= set(methods)):
                raise ValueError(f"found {first} and {second}, expected two different ones of {', '.join(methods)}")
        if len({frozenset(pair) for pair in pairs or ()}) < len(pairs or ()):
            raise ValueError("found a pair twice, expected each once")
        return pairs

    @property
    def compared(self) -> tuple[tuple[str, str], ...]:
        """The pairs of methods that are compared."""
        return self.pairs or tuple(combinations(self.methods, 2))


def load_definition(file: Path | None, options: Mapping[str, Any]) -> StudyDefinition:
    """Put a study together.

    Args:
        file: YAML with the fields of `StudyDefinition`.
        options: fields that replace those of the file; one that is None does not.

    Raises:
        ValueError: the file is no such YAML, or a field is missing, unknown or out of range; all are told at once.
    """
    fields = {"database": file.with_suffix(".db") if file else Path("study.db")} | (_fields_of(file) if file else {})
    fields |= {name: value for name, value in options.items() if value is not None}
    try:
        return StudyDefinition.model_validate(fields)
    except ValidationError as error:
        where = f"{file}: " if file else ""
        raise ValueError("\n".join(where + message for message in located_messages(error.errors()))) from error


def named_pair(option: str) -> tuple[str, str]:
    """Read an option `NAME:NAME`.

    Raises:
        ValueError: it lacks the `:`.
    """
    return _split("pairs", option, "NAME:NAME", ":")


def named_folders(options: Sequence[str]) -> dict[str, Path]:
    """Read options `NAME=FOLDER`.

    Raises:
        ValueError: one lacks the `=`, or a name occurs twice.
    """
    folders: dict[str, Path] = {}
    for name, folder in (_split("methods", each, "NAME=FOLDER", "=") for each in options):
        if name in folders:
            raise ValueError(f"methods: found {name} twice, with {folders[name]} and {folder}, expected each name once")
        folders[name] = Path(folder)
    return folders


def _split(field: str, option: str, form: str, separator: str) -> tuple[str, str]:
    first, found, second = option.partition(separator)
    if not found:
        raise ValueError(f"{field}: found {option}, expected {form}")
    return first, second


def _fields_of(file: Path) -> dict[str, Any]:
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{file}: cannot be read, expected a YAML file ({error})") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{file}: found a {type(fields).__name__}, expected the fields of a study")
    for name in set(PATHS) & set(fields):
        fields[name] = _beside(file, fields[name])
    if isinstance(fields.get("methods"), dict):
        fields["methods"] = {name: _beside(file, folder) for name, folder in fields["methods"].items()}
    return fields


def _beside(file: Path, path: Any) -> Any:
    return file.parent / path if isinstance(path, str) else path
