"""What a file is, told from its first bytes, and a picture without what it says of place and camera. Pure.

A file is never what its sender calls it: the type decides what a browser does with it. The pixels of a
picture stay byte for byte as they came; only the segments around them go.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

PICTURES: Final = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
DOCUMENTS: Final = {"pdf": "application/pdf"}
SOUNDS: Final = {"webm": "audio/webm", "ogg": "audio/ogg", "mp4": "audio/mp4"}
ATTACHABLE: Final = {**PICTURES, **DOCUMENTS}
"""What can be attached to a note, by the names of the setting."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    {
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"sBIT",
        b"pHYs",
        b"bKGD",
    }
)
_WEBP_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP"})
_ORIENTATION: Final = 0x0112


def told(content: bytes) -> str | None:
    """The media type of a file by its first bytes; None for what is none of ours."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(_PNG):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if content.startswith(b"\x1a\x45\xdf\xa3"):
        return "audio/webm"
    if content.startswith(b"OggS"):
        return "audio/ogg"
    sound = content[4:8] == b"ftyp" and content[8:12] in (
        b"M4A ",
        b"mp41",
        b"mp42",
        b"isom",
        b"iso5",
        b"iso6",
    )
    return "audio/mp4" if sound else None


def without_traces(content: bytes, media_type: str) -> bytes | None:
    """A picture without position, camera, time, comments and hidden second pictures.

    Which way is up is kept. What is no picture comes back as it was; None for one that is broken.
    """
    try:
        if media_type == "image/jpeg":
            return _jpeg(content)
        if media_type == "image/png":
            return _png(content)
        if media_type == "image/webp":
            return _webp(content)
    except (struct.error, ValueError, IndexError):
        return None
    return content


def _jpeg(content: bytes) -> bytes:
    """JFIF, colour profile and what makes the picture are kept (ITU-T T.81 annex B); EXIF is made anew."""
    made, turned = [b"\xff\xd8"], 1
    segments = list(_segments(content))
    for marker, body in segments:
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            turned = _orientation(body[6:]) or turned
    if turned != 1:
        made.append(_segment(0xE1, _turned(turned)))
    for marker, body in segments:
        profile = marker == 0xE2 and body.startswith(b"ICC_PROFILE\0")
        adobe = marker == 0xEE and body.startswith(b"Adobe")
        if marker == 0xFF:
            made.append(body)  # from the first scan to the end of the picture, as it came
        elif marker == 0xE0 or profile or adobe or not (0xE1 <= marker <= 0xEF or marker == 0xFE):
            made.append(_segment(marker, body))
    return b"".join(made)


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Each segment before the scans as (marker, content), then the scans as (0xFF, bytes)."""
    place = 2
    while True:
        if content[place] != 0xFF:
            raise ValueError("no marker")
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == 0xDA:
            yield 0xFF, content[place : _end_of_scans(content, place)]
            return
        if marker in (0xD8, 0xD9) or marker < 0xC0:
            raise ValueError("a marker out of its place")
        (length,) = struct.unpack_from(">H", content, place + 2)
        if length < 2 or place + 2 + length > len(content):
            raise ValueError("a segment that is too short or too long")
        yield marker, content[place + 4 : place + 2 + length]
        place += 2 + length


def _end_of_scans(content: bytes, place: int) -> int:
    """After the end of the picture: phones put films and second pictures behind it.

    What stands between the scans of a progressive picture (tables) is skipped by its length.
    """
    while True:
        place = content.index(b"\xff", place)
        marker = content[place + 1]
        if marker == 0xD9:
            return place + 2
        if marker == 0x00 or 0xD0 <= marker <= 0xD7:
            place += 2
        elif marker == 0xFF:
            place += 1
        else:
            (length,) = struct.unpack_from(">H", content, place + 2)
            place += 2 + length


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _orientation(exif: bytes) -> int | None:
    """Which way is up, of 1 to 8 (Exif 2.3, 4.6.4)."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return None
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return None
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for number in range(count):
        place = start + 2 + 12 * number
        if place + 12 > len(exif):
            return None
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
        if tag == _ORIENTATION and kind == 3:
            return value if 1 <= value <= 8 else None
    return None


def _turned(orientation: int) -> bytes:
    return b"Exif\0\0" + struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)


def _png(content: bytes) -> bytes:
    made, place = [_PNG], len(_PNG)
    while True:
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            raise ValueError("a chunk that is too long")
        if name in _PNG_KEPT:
            made.append(content[place:end])
        if name == b"IEND":
            return b"".join(made)
        place = end


def _webp(content: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", content, 4)
    end = 8 + size
    if end > len(content):
        raise ValueError("a picture that is cut off")
    made, place = [], 12
    while place + 8 <= end:
        name, length = struct.unpack_from("<4sI", content, place)
        whole = 8 + length + length % 2
        if name in _WEBP_KEPT:
            chunk = content[place : place + whole]
            if name == b"VP8X":
                # The flags of EXIF and XMP: neither is there any more.
                chunk = chunk[:8] + bytes([chunk[8] & ~0x0C]) + chunk[9:]
            made.append(chunk)
        place += whole
    body = b"WEBP" + b"".join(made)
    return b"RIFF" + struct.pack("<I", len(body)) + body
