"""Small pictures and sounds for tests: real ones, made here."""

from __future__ import annotations

import struct
import zlib

POSITION = b"59.3293 N 18.0686 E"
CAMERA = b"Telefonen 12"


def png(width: int = 8, height: int = 6, *, text: bytes = b"", colour: bytes = b"\x20\x80\xa0") -> bytes:
    """A picture of one colour; with `text` a comment of it."""
    rows = b"".join(b"\0" + colour * width for _ in range(height))
    said = _chunk(b"tEXt", b"Comment\0" + text) if text else b""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + said + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\x34\xff\x00\x56\xff\xd0\x78" + b"\xff\xd9"
"""A scan whose data hold a stuffed byte and a restart marker, and the end of the picture."""
TABLE = b"\xff\xdb\x00\x43\x00" + bytes(range(1, 65))


def jpeg(*, orientation: int = 1, order: str = ">", after: bytes = b"") -> bytes:
    """What a telephone makes: EXIF with position and camera, XMP, a comment, and a film behind it."""
    kinds = {">": b"MM", "<": b"II"}
    entries = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    entries += struct.pack(f"{order}HHII", 0x010F, 2, len(CAMERA), 100)
    exif = kinds[order] + struct.pack(f"{order}HIH", 42, 8, 2) + entries + b"\0\0\0\0" + CAMERA + POSITION
    segments = (
        segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xE1, b"Exif\0\0" + exif),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>" + POSITION),
        segment(0xE2, b"ICC_PROFILE\0\x01\x01profile"),
        segment(0xED, b"Photoshop 3.0\0" + POSITION),
        segment(0xFE, CAMERA),
    )
    return b"\xff\xd8" + b"".join(segments) + TABLE + SCAN + after


def segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def webp() -> bytes:
    """A picture with EXIF and XMP behind it."""
    chunks = (
        (b"VP8X", b"\x0c\0\0\0\x07\0\0\x05\0\0"),
        (b"VP8L", b"\x2f\x07\x40\x01\x00"),
        (b"EXIF", POSITION),
        (b"XMP ", CAMERA),
    )
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(each)) + each + b"\0" * (len(each) % 2) for name, each in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


WEBM = b"\x1a\x45\xdf\xa3" + b"\x00" * 60
"""As much of a sound as is needed to tell that it is one."""
