"""The examples in docs/api, run as they stand against `kontinuum serve`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey
from tests.conftest import REGION, SYSTEM
from tests.support.serving import free_port, serving
from tests.support.smart import registered

from kontinuum.app.services import Services
from kontinuum.identity.smart import Authentication
from kontinuum.identity.smart.apps import service_of

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# `curl` is as a reader has it, but for the status of each answer, which goes to a file.
CURL = """
set -euo pipefail
curl() { command curl -sS -w '%{stderr}%{http_code}\\n' "$@" 2>> statuses; }
"""


def examples(page: str, language: str) -> str:
    """The examples of a page in one language, one after the other; only those that ask a server."""
    found = [text for kind, text in BLOCK.findall(page) if (kind or "sh") == language]
    return "\n".join(text for text in found if language != "sh" or re.search(r"\bcurl\b", text))


@pytest.fixture
async def keys(services: Services, tmp_path: Path) -> Path:
    """The folder with the keys of the two backend services that the examples speak for."""
    rsa, ec = RSAKey.generate_key(2048, {"kid": "k1"}), ECKey.generate_key("P-384", {"kid": "k1"})
    for name, file, key in (("lab", "app.pem", rsa), ("ehr", "ehr.pem", ec)):
        (tmp_path / file).write_bytes(key.as_pem(private=True))
        await registered(
            services,
            REGION,
            id=name,
            authentication=Authentication.KEY,
            scopes=("system/*.rs",),
            redirect_uris=(),
            launch_url=None,
            keys=(key.as_dict(private=False),),
            service=service_of(name, name, SYSTEM.assignment),
        )
    return tmp_path


@pytest.fixture
def address(dsn: str, tmp_path: Path) -> Iterator[str]:
    """Where a server answers."""
    with serving(dsn, tmp_path) as base:
        yield base


def prepare(http: httpx.Client) -> None:
    """Write what the examples speak of: Patient/p-1 in its third version, and a pulse."""
    person = {"resourceType": "Patient", "id": "p-1", "active": True, "name": [{"family": "Karlsson"}]}
    for year in ("1980", "1981", "1982"):
        assert http.put("/fhir/Patient/p-1", json={**person, "birthDate": year}).is_success
    pulse = {
        "resourceType": "Observation",
        "id": "pulse",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/p-1"},
        "effectiveDateTime": "2026-03-01T10:00:00+01:00",
        "valueQuantity": {"value": 72, "unit": "/min"},
    }
    assert http.put("/fhir/Observation/pulse", json=pulse).is_success


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples ask by curl, which is not installed")
async def test_the_examples_of_the_pages_run_as_they_stand(
    services: Services, keys: Path, address: str
) -> None:
    token = await services.identity.mint_token(SYSTEM, timedelta(hours=1))
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as http:
        prepare(http)
    (keys / "Patient.ndjson").write_text('{"resourceType": "Patient", "id": "from-a-file", "active": true}\n')
    environment = {**os.environ, "TOKEN": token}
    hook = free_port()
    said = {}
    ran = 0
    for page in (*sorted((DOCS / "api").glob("*.md")), DOCS / "terminology.md"):
        text = page.read_text(encoding="utf-8").replace("http://127.0.0.1:8000", address)
        text = text.replace("127.0.0.1:9000", f"127.0.0.1:{hook}").replace(
            '"127.0.0.1", 9000', f'"127.0.0.1", {hook}'
        )
        for language in ("sh", "python"):
            script = examples(text, language)
            if not script:
                continue
            program, begin = ("bash", CURL) if language == "sh" else (sys.executable, f"token = {token!r}\n")
            command = [program, "-c", begin + script]
            done = subprocess.run(
                command, cwd=keys, env=environment, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, f"{page.name}: {done.stderr}"
            said[page.name] = done.stdout
            ran += 1
    assert ran >= 10
    statuses = (keys / "statuses").read_text().split()
    assert [each for each in statuses if not each.startswith("2")] == ["422"], "that of the claim not held"
    assert "SEBasePatient: 2 name are given" in said["profiles.md"]
    assert '"id":"pulse"' in said["search.md"].replace(" ", "")
    assert "J01CE02" in said["cds-hooks.md"] or "Penicillin V" in said["cds-hooks.md"]
    assert '"handshake"' in said["subscriptions.md"]
    assert "I10.9" in said["terminology.md"]
    assert (keys / "Observation.1.ndjson").read_text().count("\n") == 1, "what the export brought"
