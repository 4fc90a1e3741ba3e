"""The report of the paper's tables, as Markdown and as one HTML file, from what the runs left so far."""

import mimetypes
import re
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer
from markdown_it import MarkdownIt

from components.atomic import atomic_file
from components.pages import render_page
from experiments.compose import BUILD
from experiments.findings import MEAN_IOU, Findings, gather
from experiments.markdown import write_markdown
from experiments.pictures import write_comparison
from experiments.results import TrackingStore
from experiments.rows import FOLDER, Rows, load_rows
from pipelines.entry import run_entry_point

REPORT = FOLDER.parent / "docs" / "results"
DISCUSSION = "discussion.md"  # in the report's folder, written by hand
TEMPLATE = Path(__file__).with_suffix(".html")


def main(
    out: Annotated[Path, typer.Option(help="folder of the report; its discussion.md is taken into it")] = REPORT,
    build: Annotated[Path, typer.Option(help="what the runs left")] = BUILD,
    of_dataset: Annotated[
        bool, typer.Option("--with-dataset/--without-dataset", help="show its maps and photos, if its licence lets you")
    ] = True,
) -> None:
    """Write the report anew, without training."""
    write_report(load_rows(), build, TrackingStore(build), out, of_dataset=of_dataset)


def write_report(rows: Rows, build: Path, store: TrackingStore, out: Path, *, of_dataset: bool = True) -> None:
    """Write `README.md`, `index.html` and a picture a table into `out`.

    Args:
        rows: and tables.
        build: the graph's folder.
        store: where the training was tracked.
        out: its other files stay; `discussion.md` becomes a part of the report.
        of_dataset: whether the pictures show the dataset's maps and photos beside what was synthesized.

    Raises:
        ValueError: where there is no graph or no dataset yet.
    """
    findings = gather(rows, build, store)
    out.mkdir(parents=True, exist_ok=True)
    grids = [
        name
        for name, table in rows.tables.items()
        if write_comparison(out / f"{name}.jpg", findings, table.rows, build, of_dataset=of_dataset)
    ]
    discussion = out / DISCUSSION
    markdown = write_markdown(findings, grids, discussion.read_text() if discussion.is_file() else None)
    for name, content in (("README.md", markdown), ("index.html", _page(markdown, findings, out))):
        with atomic_file(out / name) as file:
            file.write_text(content, encoding="utf-8")


def _page(markdown: str, findings: Findings, folder: Path) -> str:
    """Lay the Markdown out, with a chart, and its pictures in it."""

    def embed(source: re.Match[str]) -> str:
        path = folder / source[1]
        content = b64encode(path.read_bytes()).decode()
        return f'src="data:{mimetypes.guess_type(path)[0]};base64,{content}"'

    title, _, text = markdown.partition("\n")
    return render_page(
        TEMPLATE,
        title=title.removeprefix("# "),
        rows={row.name: score for row in findings.rows.values() if (score := row.score(MEAN_IOU))},
        oracle=findings.oracle(MEAN_IOU),
        text=re.sub(r'src="([^":]+)"', embed, MarkdownIt().enable("table").render(text)),
    )


if __name__ == "__main__":
    run_entry_point(main)
