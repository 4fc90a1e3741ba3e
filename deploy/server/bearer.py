"""The token that clients show."""

import os
from pathlib import Path

VARIABLE = "SERVER_TOKEN"
SHORTEST = 16


def read_token(file: Path | None) -> str | None:
    """Read the token from a file, else from the environment; None where neither names one.

    It never stands on the command line, which every user of the machine can read.

    Raises:
        ValueError: both name one, or it is too short or holds something that a header cannot.
        OSError: the file cannot be read.
    """
    token = os.environ.get(VARIABLE)
    if file is not None:
        if token is not None:
            raise ValueError(f"--token-file: found {VARIABLE} set too, expected one of them")
        token = file.read_text(encoding="utf-8")
    if token is None:
        return None
    token = token.strip()
    if len(token) < SHORTEST or not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError(
            f"{file or VARIABLE}: expected a token of at least {SHORTEST} printable ASCII characters without spaces"
        )
    return token
