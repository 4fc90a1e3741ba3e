"""Command line of a study: serve it, analyse its answers, export them."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from deploy.study.analysis import analyse as analyse_records
from deploy.study.analysis import report
from deploy.study.curve import draw_curve
from deploy.study.export import write_csv
from deploy.study.store import read_records

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Database = Annotated[Path, Argument(help="SQLite file that the server wrote")]


@contextmanager
def _told_problems() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def serve(
    study: Annotated[Path | None, Argument(help="YAML file of the study; options replace what it says")] = None,
    method: Annotated[list[str] | None, Option(metavar="NAME=FOLDER", help="PNG files of a method")] = None,
    pair: Annotated[list[str] | None, Option(metavar="NAME:NAME", help="compared; by default each with each")] = None,
    database: Annotated[Path | None, Option(help="SQLite file of the answers; by default STUDY.db")] = None,
    experiment: Annotated[str | None, Option(metavar="unlimited|limited", help="time for a pair")] = None,
    exposure: Annotated[list[float] | None, Option(help="seconds, in limited time; by default 1/8 to 8")] = None,
    reference: Annotated[Path | None, Option(help="PNG files of label maps or photos shown beside the pairs")] = None,
    reference_kind: Annotated[str | None, Option(metavar="map|photo")] = None,
    bundle: Annotated[Path | None, Option(help="serving bundle that has the colours of label maps")] = None,
    comparisons: Annotated[int | None, Option(help="of a participant; by default 50 or all")] = None,
    attention_better: Annotated[Path | None, Option(help="right answers to attention checks")] = None,
    attention_worse: Annotated[Path | None, Option(help="wrong answers; by default mud")] = None,
    attention_checks: Annotated[int | None, Option(help="of a participant; by default one to ten pairs")] = None,
    participants: Annotated[int | None, Option(help="how many may take part")] = None,
    seed: Annotated[int | None, Option(help="of order, sides and exposures")] = None,
    title: Annotated[str | None, Option(help="of the page")] = None,
    host: Annotated[str, Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65535)] = 8100,
) -> None:
    """Serve a study to participants."""
    import uvicorn

    from deploy.study.application import create_application, describe, make_plan
    from deploy.study.definition import load_definition, named_folders, named_pair
    from deploy.study.pictures import StudyPictures
    from deploy.study.store import StudyStore
    from deploy.web.listening import address_of, listen

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    options: dict[str, Any] = {
        "database": database,
        "experiment": experiment,
        "exposures": exposure or None,
        "reference": reference,
        "reference_kind": reference_kind,
        "bundle": bundle,
        "comparisons": comparisons,
        "attention_better": attention_better,
        "attention_worse": attention_worse,
        "attention_checks": attention_checks,
        "participants": participants,
        "seed": seed,
        "title": title,
    }
    with _told_problems():
        port_taken = listen(host, port)
        options["methods"] = named_folders(method) if method else None
        options["pairs"] = [named_pair(each) for each in pair] if pair else None
        definition = load_definition(study, options)
        pictures = StudyPictures.find(definition)
        plan = make_plan(definition, pictures)
        store = StudyStore(definition.database, describe(definition, plan, pictures))
    logging.info("%d comparisons and %d attention checks a participant", plan.comparisons, plan.checks)
    application = create_application(definition, pictures, plan, store)
    try:
        # No access log: it would hold what clients send.
        config = uvicorn.Config(application, access_log=False, server_header=False, limit_concurrency=256)
        port_taken.listen()
        logging.info("running on %s", address_of(port_taken))
        uvicorn.Server(config).run(sockets=[port_taken])
    finally:
        store.close()


@app.command()
def analyse(
    database: Database,
    max_failed_share: Annotated[
        float, Option(min=0, max=1, help="of the attention checks; who failed a larger share is excluded")
    ] = 0.25,
    count_off: Annotated[bool, Option("--count-off", help="count answers, too, whose exposure was off")] = False,
    confidence: Annotated[float, Option(min=0.5, max=0.999, help="of the intervals")] = 0.95,
    plot: Annotated[Path | None, Option(help="file for the limited-time curve: PNG, SVG or PDF")] = None,
    as_json: Annotated[Path | None, Option("--json", help="file for all figures")] = None,
) -> None:
    """Print preference rates with Wilson intervals and binomial tests."""
    with _told_problems():
        records = read_records(database)
        found = analyse_records(records, max_failed_share=max_failed_share, count_off=count_off, confidence=confidence)
        typer.echo(report(found))
        if as_json:
            as_json.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
        if plot:
            draw_curve(found.by_exposure, plot, confidence)


@app.command()
def export(
    database: Database,
    out: Annotated[Path | None, Option(help="CSV file; by default standard output")] = None,
    tokens: Annotated[bool, Option("--tokens", help="with the participants' tokens, to check who took part")] = False,
) -> None:
    """Write the answers as CSV, a row each."""
    with _told_problems():
        records = read_records(database)
        with out.open("w", newline="", encoding="utf-8") if out else nullcontext(sys.stdout) as file:
            write_csv(records, file, tokens=tokens)


if __name__ == "__main__":
    app()
