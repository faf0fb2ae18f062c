"""What a file is, and a picture without what it tells of place and camera."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.pictures import CAMERA, POSITION, SCAN, TABLE, WEBM, jpeg, png, segment, webp

from kontinuum.kernel.media import told, without_traces


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (jpeg(), "image/jpeg"),
        (png(), "image/png"),
        (webp(), "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        (WEBM, "audio/webm"),
        (b"OggS\0", "audio/ogg"),
        (b"\0\0\0\x20ftypmp42", "audio/mp4"),
        (b"\0\0\0\x20ftypheic", None),
        (b"<html><script>alert(1)</script>", None),
        (b"GIF89a", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, media_type: str | None) -> None:
    assert told(content) == media_type


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photograph_loses_position_and_camera_and_keeps_picture_and_turning(
    orientation: int, order: str
) -> None:
    film = b"\0\0\0\x20ftypmp42" + POSITION
    kept = without_traces(jpeg(orientation=orientation, order=order, after=film), "image/jpeg")
    assert kept is not None
    assert POSITION not in kept
    assert CAMERA not in kept
    assert b"ICC_PROFILE" in kept  # the colours are part of what is seen
    assert kept.endswith(TABLE + SCAN)
    assert (b"Exif" in kept) is (orientation != 1)
    again = without_traces(kept, "image/jpeg")
    assert again == kept  # so the turning can be read back


def test_a_progressive_photograph_is_kept_to_its_last_scan() -> None:
    scans = SCAN[:-2] + segment(0xC4, b"\xff\xd9table") + SCAN
    assert without_traces(b"\xff\xd8" + scans, "image/jpeg") == b"\xff\xd8" + scans


def test_other_pictures_lose_what_stands_beside_the_picture() -> None:
    assert without_traces(png(text=POSITION), "image/png") == png()
    kept = without_traces(webp(), "image/webp")
    assert kept is not None
    assert POSITION not in kept
    assert CAMERA not in kept
    assert kept[8:20] == b"WEBPVP8X\x0a\0\0\0"
    assert kept[20] == 0
    assert int.from_bytes(kept[4:8], "little") == len(kept) - 8


def test_what_is_no_picture_is_kept_as_it_is() -> None:
    assert without_traces(b"%PDF-1.7 " + POSITION, "application/pdf") == b"%PDF-1.7 " + POSITION


@given(st.sampled_from(["image/jpeg", "image/png", "image/webp"]), st.data())
def test_a_damaged_picture_is_refused_and_never_a_fault(media_type: str, data: st.DataObject) -> None:
    whole = {"image/jpeg": jpeg(orientation=6), "image/png": png(), "image/webp": webp()}[media_type]
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:place] + data.draw(st.binary(max_size=3)) + whole[place + 1 :]
    for content in (whole[:place], changed):
        kept = without_traces(content, media_type)
        assert kept is None or len(kept) <= len(content) + 40
