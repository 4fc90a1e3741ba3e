"""Serve a bundle, or the version that an alias of the registry names: API and editor."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from deploy.server.bearer import read_token
from deploy.server.limits import Limits

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_BY_DEFAULT = Limits()


@app.command(help=__doc__)
def serve(
    bundle: Annotated[Path | None, Option(help="folder of the serving bundle")] = None,
    model: Annotated[str | None, Option(metavar="NAME@ALIAS", help="of the registry; moves with the alias")] = None,
    host: Annotated[str, Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65535)] = 8000,
    precision: Annotated[
        str, Option(metavar="float32|float16|int8|auto", help="auto takes float16 on a GPU, else float32")
    ] = "auto",
    threads: Annotated[int | None, Option(min=1, help="of the CPU for synthesis; by default one a core")] = None,
    batch: Annotated[int, Option(min=1, help="pictures made at once")] = _BY_DEFAULT.batch,
    queue: Annotated[int, Option(min=1, help="pictures that may wait")] = _BY_DEFAULT.queue,
    deadline: Annotated[float, Option(min=0.1, help="seconds that a request may take")] = _BY_DEFAULT.deadline,
    max_bytes: Annotated[int, Option(min=1024, help="of a request")] = _BY_DEFAULT.bytes,
    max_pixels: Annotated[int, Option(min=1, help="of a picture")] = _BY_DEFAULT.pixels,
    max_instances: Annotated[int, Option(min=1, max=65536, help="of a scene")] = _BY_DEFAULT.instances,
    max_operations: Annotated[int, Option(min=1, max=4096, help="of an edit")] = _BY_DEFAULT.operations,
    poll: Annotated[float, Option(min=0.1, help="seconds between two looks at the alias")] = 10.0,
    token_file: Annotated[
        Path | None, Option(help="file with the token that clients show; or set SERVER_TOKEN")
    ] = None,
) -> None:
    """Parse, load, serve, close."""
    from deploy.server.running import run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    limits = Limits(max_bytes, max_pixels, max_instances, max_operations, queue, batch, deadline)
    if (bundle is None) == (model is None):
        raise typer.BadParameter("found both or none of --bundle and --model, expected one of them")
    try:
        token = read_token(token_file)
        status = run(
            bundle=bundle,
            model=model,
            host=host,
            port=port,
            precision=precision,
            threads=threads,
            poll=poll,
            limits=limits,
            token=token,
        )
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(status)


if __name__ == "__main__":
    app()
