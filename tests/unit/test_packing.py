"""Packed bodies: every byte comes back, and what was packed once can be read for ever."""

import hashlib
import threading

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.support.resources import variety

from kontinuum.access.bars import KEPT_BACK_MARK
from kontinuum.fhir import json
from kontinuum.fhir.definitions import TYPE_CODES
from kontinuum.store import packing
from kontinuum.store.packing import LEGIBLE, pack, unpack

KNOWN = {40001: "b090de460d5d4743e623f13dec3684218f77c6960a05da374bd492022b5f8ad6"}
"""Every dictionary that has ever been released, with its SHA-256: rows packed with it must stay readable."""


@given(st.binary(max_size=3000))
def test_every_byte_comes_back(rest: bytes) -> None:
    body = b"{" + rest
    assert unpack(pack(body)) == body


def test_resources_become_much_shorter_and_come_back_as_they_were() -> None:
    bodies = [json.dumps(resource) for resource in variety()]
    packed = [pack(body) for body in bodies]
    assert [unpack(each) for each in packed] == bodies
    assert sum(map(len, packed)) < 0.6 * sum(map(len, bodies))


def test_what_was_stored_before_there_were_dictionaries_is_given_as_it_is() -> None:
    body = b'{"resourceType":"Basic","id":"a","value":1.50}'
    assert unpack(body) == body


def test_what_packing_would_not_shorten_is_stored_as_it_is() -> None:
    assert pack(b"{}") == b"{}"


@pytest.mark.parametrize("number", KNOWN)
def test_no_dictionary_ever_changes_as_rows_are_packed_with_it(number: int) -> None:
    data = packing._dictionary(number).as_bytes()
    assert hashlib.sha256(data).hexdigest() == KNOWN[number]
    assert zstandard.ZstdCompressionDict(data).dict_id() == number


def test_a_row_tells_with_which_dictionary_it_is_packed() -> None:
    packed = pack(json.dumps(variety()[0]))
    assert zstandard.get_frame_parameters(packed).dict_id == packing.NEWEST
    assert packing.NEWEST in KNOWN


def test_a_row_of_an_unknown_dictionary_is_refused_with_what_to_do() -> None:
    foreign = zstandard.train_dictionary(2048, [b'{"a":%d,"b":"c"}' % n for n in range(4000)], dict_id=49999)
    packed = zstandard.ZstdCompressor(dict_data=foreign).compress(b'{"a":7,"b":"c"}' * 10)
    with pytest.raises(ValueError, match=r"49999.*newer version"):
        unpack(packed)


def test_what_the_law_looks_for_in_bodies_stays_legible() -> None:
    kept_back = b'{"resourceType":"Basic","meta":{"security":[{"code":"NOPAT"}]}}' + b" " * 300
    assert KEPT_BACK_MARK in LEGIBLE
    assert pack(kept_back) == kept_back


def test_threads_pack_side_by_side() -> None:
    bodies = [json.dumps(resource) for resource in variety()]
    wrong: list[bytes] = []

    def work() -> None:
        for _ in range(30):
            wrong.extend(body for body in bodies if unpack(pack(body)) != body)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_assignment_stays_legible_for_the_trigger_that_reads_it() -> None:
    body = json.dumps({"resourceType": "PractitionerRole", "active": True, "extension": [{"url": "x"}] * 50})
    assert pack(body) != body
    assert pack(body, TYPE_CODES["PractitionerRole"]) == body
