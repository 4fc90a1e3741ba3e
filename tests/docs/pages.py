"""The pages of the documentation as a reader of plain Markdown sees them: blocks, commands and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NAMED_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
SHELL = ("", "sh", "cron")
CRON_FIELDS = 5
PROGRAMS = ("python", "make", "dvc", "mlflow", "prefect", "git", "docker", "kubectl", "sbatch", "sqlite3", "curl")
STARTS = re.compile(rf"(\.venv/bin/\S|({'|'.join(PROGRAMS)}) [\w-])")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command that a page tells its reader to type, as one line without comments."""

    page: str
    line: str


def pages() -> list[Path]:
    """All pages written by hand: README, contributing, those of docs/ and the guides beside what they tell of."""
    own = [path for path in (ROOT / "docs").rglob("*.md") if not {"_build", "results"} & set(path.parts)]
    beside = (ROOT / "deploy").rglob("*.md")
    return sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *own, *beside])


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(name_of(page), match[1], match[2]) for match in BLOCK.finditer(text)]


def commands(page: Path) -> list[Command]:
    """The commands of a page's blocks, and of its text where a span of code is one."""
    found = [line for block in blocks(page) if block.language in SHELL for line in lines_of(block)]
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    spans = (" ".join(match[1].split()) for match in INLINE.finditer(prose))
    found += [span for span in spans if STARTS.match(span)]
    return [Command(name_of(page), line) for line in found]


def lines_of(block: Block) -> Iterator[str]:
    """The logical lines of a block of commands: continued ones joined, comments and times of a crontab left out."""
    for line in block.text.replace("\\\n", " ").splitlines():
        stripped = re.sub(r"(^|\s)#.*", "", line).strip()
        if block.language == "cron":
            stripped = stripped.split(maxsplit=CRON_FIELDS)[CRON_FIELDS]
        if stripped:
            yield " ".join(stripped.split())


def links(page: Path) -> list[str]:
    """The targets of a page's links and images that lie in the repository."""
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    targets = (match[1] for match in LINK.finditer(prose))
    return [target for target in targets if "://" not in target and not target.startswith("mailto:")]


def named_links(page: Path) -> list[tuple[str, str]]:
    """Words and target of each link of a page."""
    return [(match[1], match[2]) for match in NAMED_LINK.finditer(page.read_text(encoding="utf-8"))]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
