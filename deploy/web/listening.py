"""The port that a program listens on."""

import os
import socket


def listen(host: str, port: int) -> socket.socket:
    """Take a port, before anything that takes long is loaded.

    Args:
        host: name or address of this machine.
        port: of TCP; 0 takes any that is free.

    Raises:
        ValueError: another program has it, this one may not take it, or the host is not of this machine.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        taken = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere it would let two programs share the port
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
        except OSError:
            taken.close()
            raise
    except OSError as error:
        expected = "expected an address of this machine and a free port; port 0 takes any"
        raise ValueError(f"{host} port {port}: found {error.strerror or error}, {expected}") from error
    return taken


def address_of(taken: socket.socket) -> str:
    """Give the address of the page that is served at a port."""
    host, port, *_ = taken.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
