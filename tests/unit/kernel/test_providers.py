"""The file of sign-in services: every wrong key is refused at start, with its provider and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kontinuum.kernel.config import Settings, read_settings
from kontinuum.kernel.providers import OidcProvider, Wrong, is_safe_url, read_providers

GOOD = """
[[provider]]
key = "siths"
title = "SITHS eID"
issuer = "https://idp.example.se"
client_id = "kontinuum"
client_secret_file = "secret"
acr = ["http://id.sambi.se/loa/loa3"]
hsa_id_claim = "employeeHsaId"
"""


def settings_with(folder: Path, text: str, **more: str) -> Settings | list[str]:
    """The settings with a file of providers, or what is wrong with it."""
    (folder / "secret").write_text("hemligt\n")
    (folder / "oidc.toml").write_text(text)
    environ = {
        "KONTINUUM_OIDC_FILE": str(folder / "oidc.toml"),
        "KONTINUUM_PUBLIC_URL": "https://journal.example.se",
        **{f"KONTINUUM_{name}": value for name, value in more.items()},
    }
    outcome = read_settings({name: value for name, value in environ.items() if value != "-"})
    return outcome if isinstance(outcome, Settings) else [str(problem) for problem in outcome]


def test_it_works(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, GOOD)
    assert isinstance(settings, Settings)
    (provider,) = settings.oidc
    assert (provider.key, provider.issuer) == ("siths", "https://idp.example.se")
    assert (provider.client_secret, provider.clock_skew, provider.scopes) == ("hemligt", 60, ("openid",))


def test_secrets_are_not_shown_with_the_settings(tmp_path: Path) -> None:
    assert "hemligt" not in repr(settings_with(tmp_path, GOOD))


WRONG: Mapping[str, tuple[str, str]] = {
    "no acr": (GOOD.replace("acr =", "# acr ="), "acr must list"),
    "an empty acr": (GOOD.replace('["http://id.sambi.se/loa/loa3"]', "[]"), "acr must list"),
    "no claim": (GOOD.replace("hsa_id_claim", "# "), "hsa_id_claim or personnummer_claim"),
    "no issuer": (GOOD.replace("issuer =", "# issuer ="), "issuer is missing"),
    "plain http": (GOOD.replace("https://idp", "http://idp"), "issuer must be an https address"),
    "a misspelt key": (GOOD + 'asr = ["x"]\n', "there is no key 'asr'"),
    "a misspelt table": (GOOD.replace("[[provider]]", "[[providers]]"), "there is no key 'providers'"),
    "a key that is taken": (GOOD.replace('"siths"', '"demo"'), "be none of assignment, demo"),
    "a key with a slash": (GOOD.replace('"siths"', '"a/b"'), "key must be a-z"),
    "the same twice": (GOOD + GOOD, "is there twice"),
    "a secret that is not there": (GOOD.replace('"secret"', '"none"'), "client_secret_file cannot be read"),
    "two proofs": (GOOD + 'private_key_file = "secret"\n', "not both"),
    "no certificates": (GOOD + 'ca_file = "secret"\n', "no certificates in PEM form"),
    "scopes without openid": (GOOD + 'scopes = ["profile"]\n', "scopes must be"),
    "a large skew": (GOOD + "clock_skew = 301\n", "0 to 300 seconds"),
    "a skew that is a text": (GOOD + 'clock_skew = "60"\n', "0 to 300 seconds"),
    "a directory that is a text": ('directory = "SE"\n' + GOOD, "directory must be a list"),
    "no TOML": ("provider", "cannot be read as TOML"),
    "nothing": ("", "one [[provider]] or more"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_a_wrong_file_is_refused_at_start_with_what_is_wrong(tmp_path: Path, case: str) -> None:
    text, told = WRONG[case]
    problems = settings_with(tmp_path, text)
    assert isinstance(problems, list)
    assert any(told in problem for problem in problems), problems
    assert all(problem.startswith("KONTINUUM_OIDC_FILE=") for problem in problems)
    assert "hemligt" not in str(problems)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    problems = settings_with(tmp_path, '[[provider]]\nkey = "x"\n')
    assert isinstance(problems, list)
    assert len(problems) == 5


def test_providers_need_the_public_address(tmp_path: Path) -> None:
    assert settings_with(tmp_path, GOOD, PUBLIC_URL="-") == [
        "KONTINUUM_PUBLIC_URL: must be set, because providers send their answers there"
    ]


def test_production_needs_https(tmp_path: Path) -> None:
    local = {"PUBLIC_URL": "http://127.0.0.1:8000"}
    assert isinstance(settings_with(tmp_path, GOOD, **local), Settings)
    (problem,) = settings_with(tmp_path, GOOD, **local, ENV="production")  # type: ignore[misc]
    assert "production needs https" in problem


def test_a_session_does_not_end_before_the_screen_locks(tmp_path: Path) -> None:
    limits = {"SESSION_IDLE_MINUTES": "10", "LOCK_MINUTES": "11"}
    (problem,) = settings_with(tmp_path, GOOD, **limits)  # type: ignore[misc]
    assert problem.startswith("KONTINUUM_SESSION_IDLE_MINUTES='10'")


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example.se",
        "ftp://idp",
        "https://u:p@idp.se",
        "https://idp.se?x=1",
        "https://:1",
        "https://h:x",
    ],
)
def test_an_address_that_secrets_may_not_go_to_is_told(url: str) -> None:
    assert not is_safe_url(url)


@pytest.mark.parametrize(
    "url", ["https://idp.se/path", "http://127.0.0.1:9", "http://[::1]:9", "http://localhost"]
)
def test_an_address_with_encryption_or_on_this_machine_is_taken(url: str) -> None:
    assert is_safe_url(url)


def test_a_file_that_vanished_is_told(tmp_path: Path) -> None:
    (told,) = read_providers(tmp_path / "none")
    assert isinstance(told, Wrong)
    assert not isinstance(told, OidcProvider)
