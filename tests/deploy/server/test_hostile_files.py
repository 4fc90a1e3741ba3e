"""Files and forms that somebody made to break the server: each is refused with the reason, or read."""

import struct
import zlib
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deploy.server.hostile_requests import SETTINGS, small_server, told
from tests.deploy.server.tiny_server import INSTANCE, LABEL, png

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with small_server(tmp_path_factory.mktemp("hostile") / "bundle") as opened:
        yield opened


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _header(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def _png(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks) + _chunk(b"IEND", b"")


PIXELS = _chunk(b"IDAT", zlib.compress(bytes(4 * 9)))
ZEROS = zlib.compress(bytes(2**26), 9)  # 64 kB that unpack to 64 MB
HOSTILE_FILES = {
    "nothing": b"",
    "text": b"label",
    "the signature alone": SIGNATURE,
    "no pixels": _png(_header(8, 4)),
    "sides of 0": _png(_header(0, 0), PIXELS),
    "more pixels than memory": _png(_header(2**31 - 1, 2**31 - 1), PIXELS),
    "sides beyond the format": _png(_header(2**32 - 1, 2**32 - 1), PIXELS),
    "a thin line of a billion": _png(_header(2**30, 1), PIXELS),
    "too few rows": _png(_header(8, 64), PIXELS),
    "pixels that unpack to more": _png(_header(8, 4), _chunk(b"IDAT", ZEROS)),
    "a text that unpacks to more": _png(_header(8, 4), _chunk(b"zTXt", b"a\0\0" + ZEROS), PIXELS),
    "an international text bomb": _png(_header(8, 4), _chunk(b"iTXt", b"a\0\1\0\0\0" + ZEROS), PIXELS),
    "a colour profile that unpacks to more": _png(_header(8, 4), _chunk(b"iCCP", b"a\0\0" + ZEROS), PIXELS),
    "a palette of 100 bytes": _png(_header(8, 4, colour=3), _chunk(b"PLTE", bytes(100)), PIXELS),
    "indices without a palette": _png(_header(8, 4, colour=3), PIXELS),
    "transparency of nothing": _png(_header(8, 4, colour=3), _chunk(b"tRNS", bytes(300)), PIXELS),
    "a depth that is none": _png(_header(8, 4, depth=7), PIXELS),
    "a colour type that is none": _png(_header(8, 4, colour=5), PIXELS),
    "interlacing that is none": _png(_header(8, 4, interlace=9), PIXELS),
    "two headers": _png(_header(8, 4), _header(2**15, 2**15), PIXELS),
    "pixels before the header": _png(PIXELS, _header(8, 4)),
    "an animation of a million frames": _png(
        _header(8, 4), _chunk(b"acTL", struct.pack(">II", 10**6, 0)), _chunk(b"fcTL", bytes(26)), PIXELS
    ),
    "a chunk longer than the file": SIGNATURE + _header(8, 4) + struct.pack(">I", 2**31 - 1) + b"IDATxx",
    "a wrong checksum": SIGNATURE + _header(8, 4)[:-1] + b"x" + PIXELS + _chunk(b"IEND", b""),
    "meta data of a camera": _png(_header(8, 4), _chunk(b"eXIf", b"MM\0*\0\0\0\x08" + b"\xff" * 99), PIXELS),
    "TIFF": b"II*\0\x08\0\0\0" + b"\xff" * 200,
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 4\n",
    "XML of pictures": b"<svg xmlns='http://www.w3.org/2000/svg' width='8' height='4'/>",
    "GIF": b"GIF89a\xff\xff\xff\xff\xf7\0\0",
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
    "WebP": b"RIFF\xff\xff\xff\xffWEBPVP8X\n\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff",
}
FILE_ROUTES: dict[str, tuple[str, ...]] = {
    "/api/scenes": ("label", "instance"),
    "/api/synthesize": ("label", "instance"),
}
FILE_ROUTES |= {"/api/styles/photo": ("photo", "label", "instance")}


def _send_file(server: TestClient, path: str, field: str, content: bytes) -> int:
    """As the field alone where it is the first, else beside sound files."""
    sound = {"label": png(LABEL), "instance": png(INSTANCE), "photo": png([[[9, 9, 9]] * 8] * 4)}
    needed = FILE_ROUTES[path][: FILE_ROUTES[path].index(field)]
    files = {name: (f"{name}.png", sound[name], "image/png") for name in needed}
    return told(server.post(path, files=files | {field: ("../../a.png", content, "text/html")}))


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_hostile_file_is_refused_or_read_as_a_picture(server: TestClient, name: str) -> None:
    for path, fields in FILE_ROUTES.items():
        for field in fields:
            _send_file(server, path, field, HOSTILE_FILES[name])


@pytest.mark.parametrize(
    "name", ["more pixels than memory", "a thin line of a billion", "TIFF", "XML of pictures", "text"]
)
def test_what_is_no_small_picture_is_never_accepted(server: TestClient, name: str) -> None:
    for path, fields in FILE_ROUTES.items():
        assert _send_file(server, path, fields[0], HOSTILE_FILES[name]) in (413, 422)


@settings(max_examples=300, **SETTINGS)
@given(data=st.data())
def test_a_file_with_bytes_changed_moved_or_lost_is_refused_or_read(server: TestClient, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(FILE_ROUTES)))
    field = data.draw(st.sampled_from(FILE_ROUTES[path]))
    content = bytearray(png(INSTANCE if field == "instance" else LABEL))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, max(0, len(content) - 1)))
        length = data.draw(st.integers(0, 12))
        content[start : start + length] = data.draw(st.binary(max_size=12))
    _send_file(server, path, field, bytes(content))


def test_the_forms_of_hostile_multipart_are_refused(server: TestClient) -> None:
    cases = {
        "no boundary": ("multipart/form-data", b"--x\r\n\r\n"),
        "never ends": (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="label"; filename="a"\r\n\r\nabc',
        ),
        "no name": (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n",
        ),
        "thousands of fields": (
            "multipart/form-data; boundary=x",
            b"".join(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' for _ in range(9000))
            + b"--x--\r\n",
        ),
        "a header without end": ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * 2**19),
    }
    for name, (kind, content) in cases.items():
        for path in FILE_ROUTES:
            status = told(server.post(path, content=content, headers={"Content-Type": kind}))
            assert status in (400, 413, 422), name
