"""What a test knows of a value and its type does not say: that it is there, or of which class it is."""

from typing import TypeVar

T = TypeVar("T")


def given(value: T | None) -> T:
    """The value, which must be there."""
    assert value is not None
    return value


def as_a(kind: type[T], value: object) -> T:
    """The value, which must be of this class."""
    assert isinstance(value, kind)
    return value
