"""`kontinuum apps`: apps are registered, listed and ended, and the log tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from kontinuum.app.commands import apps
from kontinuum.kernel.config import Settings
from tests.support.delivery import Installation


def test_apps_are_registered_listed_and_ended(
    dsn: str, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Installation(dsn, settings, tmp_path)
    keys = tmp_path / "keys.json"

    def add(identity: str, **changes: Any) -> int:
        asked = {"name": "Labb", "kind": "service", "scopes": "system/*.rs", "jwks": keys, **changes}
        return apps.add(here.dsn, here.settings, identity=identity, **asked)

    keys.write_text("no keys")
    assert add("lab") == 2
    key = ECKey.generate_key("P-384", {"kid": "k1"})
    keys.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    assert add("lab", scopes="everything") == 2
    assert add("lab", jwks=None) == 2
    assert "everything" in capsys.readouterr().err
    assert here.value("select count(*) from app") == 0
    assert add("lab") == 0
    assert add("lab") == 2, "an id is one app's"
    patients = {"scopes": "launch patient/*.rs", "redirects": ("https://app.example/in",), "jwks": None}
    assert add("chart", kind="secret", **patients) == 0
    secret = capsys.readouterr().out.strip()
    assert len(secret) > 20
    assert secret not in str(here.value("select app::text from app where id = 'chart'")), (
        "kept as a hash alone"
    )
    apps.list_(here.dsn, here.settings)
    listed = capsys.readouterr().out
    assert "lab " in listed
    assert "chart " in listed
    assert apps.remove(here.dsn, here.settings, identity="lab") == 0
    assert apps.remove(here.dsn, here.settings, identity="lab") == 1
    apps.list_(here.dsn, here.settings)
    assert "lab " not in capsys.readouterr().out
    assert here.value("select count(*) from audit_entry where action in ('register-app', 'end-app')") == 3
