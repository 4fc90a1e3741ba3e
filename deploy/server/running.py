"""A server's life: load the model, listen, finish what is under way, close."""

import logging
from pathlib import Path

import typer
import uvicorn

from deploy.server.application import create_application
from deploy.server.limits import Limits
from deploy.server.registry import ModelFollower
from deploy.server.registry_client import ModelAlias, RegistryError
from deploy.server.served import Served, ServedModel
from deploy.web.listening import address_of, listen

_GRACE = 5  # seconds beyond the deadline, for answers to be sent
_KEEP_ALIVE = 65  # seconds, longer than proxies keep theirs, so that these never send into one that is being closed
_MOST_CONNECTIONS = 1024
_LOCAL = ("127.0.0.1", "::1", "localhost")

_log = logging.getLogger(__name__)


def run(
    *,
    bundle: Path | None,
    model: str | None,
    host: str,
    port: int,
    precision: str,
    threads: int | None,
    poll: float,
    limits: Limits,
    token: str | None,
) -> int:
    """Serve until a signal ends it.

    Returns:
        The exit status.

    Raises:
        ValueError: the bundle is damaged, an option does not fit it, or the port is taken.
    """
    served = Served()
    follower: ModelFollower | None = None
    port_taken = listen(host, port)
    try:
        if bundle is not None:
            loaded = ServedModel.load(bundle, precision=precision, threads=threads)
            loaded.self_test()
            served.swap(loaded)
        else:
            alias, seconds = ModelAlias.parse(model or ""), limits.deadline
            follower = ModelFollower(served, alias, poll=poll, deadline=seconds, precision=precision, threads=threads)
            follower.load()
    except RegistryError as error:
        typer.echo(f"error: {error}", err=True)
        return error.exit_status
    _tell(served, host, token)
    application = create_application(served, limits, token)
    if follower is not None:
        follower.start()
    config = uvicorn.Config(
        application,
        access_log=False,  # the application writes its own, without what clients send
        log_config=None,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(limits.deadline) + _GRACE,
        limit_concurrency=_MOST_CONNECTIONS,
    )
    port_taken.listen()  # who comes from now on waits for the first moment, and is not refused
    _log.info("running on %s", address_of(port_taken))
    try:
        uvicorn.Server(config).run(sockets=[port_taken])
    finally:
        if follower is not None:
            follower.close()
    return 0


def _tell(served: Served, host: str, token: str | None) -> None:
    """Log what serves, and on what, and whether anybody may ask."""
    assert served.current is not None
    _log.info("model %s (%s)", served.current.digest, served.current.name)
    for line in served.current.synthesizer.report().splitlines():
        _log.info("%s", line)
    if token is None and host not in _LOCAL:
        _log.warning("anybody who reaches this address may use the server: it has no token")
