"""`kontinuum cds`: services of others are registered, listed, switched and ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kontinuum.app.commands import services
from kontinuum.kernel.config import Settings
from tests.support.delivery import Installation


@contextmanager
def offering(answer: Any) -> Iterator[str]:
    """An address that tells what services it has."""
    body = json.dumps(answer).encode()

    class Discovery(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Discovery) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_services_are_registered_switched_and_ended(
    dsn: str, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Installation(dsn, settings, tmp_path)
    offered = {"id": "kidney", "hook": "patient-view", "title": "Njurvakten", "prefetch": {"p": "Patient/1"}}
    with offering({"services": [offered, {**offered, "id": "other", "hook": "x"}]}) as base:
        assert services.add(here.dsn, here.settings, base=base, scopes="user/*.rs") == 2
        assert services.add(here.dsn, here.settings, base=base, scopes="wrong") == 2
        assert services.add(here.dsn, here.settings, base="http://elsewhere.example") == 2
        capsys.readouterr()
        assert services.add(here.dsn, here.settings, base=base) == 0
        identity = capsys.readouterr().out.strip()
        assert services.add(here.dsn, here.settings, base=base) == 2
    active = f"select active from cds_service where id = '{identity}' and ended is null"
    assert here.value(active) is False
    assert services.switch(here.dsn, here.settings, identity=identity, active=True) == 0
    assert here.value(active) is True
    assert services.switch(here.dsn, here.settings, identity="nothing", active=True) == 1
    services.list_(here.dsn, here.settings)
    assert identity in capsys.readouterr().out
    assert services.remove(here.dsn, here.settings, identity=identity) == 0
    assert services.remove(here.dsn, here.settings, identity=identity) == 1
    assert here.value("select count(*) from audit_entry where action like '%service%'") == 3
    for answer in ({}, {"services": [1]}, {"services": [{"id": "a b", "hook": "x"}]}, {"services": []}):
        with offering(answer) as base:
            assert services.add(here.dsn, here.settings, base=base) == 2
