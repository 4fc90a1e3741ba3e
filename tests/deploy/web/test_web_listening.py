import socket

import pytest

from deploy.web.listening import address_of, listen


def test_a_free_port_is_taken_and_any_where_none_is_named() -> None:
    with listen("127.0.0.1", 0) as first:
        address, port = first.getsockname()
        assert address == "127.0.0.1"
        assert port > 0
        assert address_of(first) == f"http://127.0.0.1:{port}/"
    with listen("localhost", port) as again:
        assert again.getsockname()[1] == port


def test_a_port_that_another_program_has_is_told_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            ValueError, match=rf"127\.0\.0\.1 port {port}: found Address already in use, .* port 0 takes"
        ):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(ValueError, match=r"192\.0\.2\.1 port 0: found .*, expected an address of this machine"):
        listen("192.0.2.1", 0)
