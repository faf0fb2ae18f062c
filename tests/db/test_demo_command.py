"""`kontinuum demo`, the region that a first start makes by itself, and tokens for those who are in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from kontinuum.app.commands import demo, token
from kontinuum.app.services import Services
from kontinuum.kernel.config import Settings
from kontinuum.kernel.principal import ActorKind, Principal
from kontinuum.store import delivery
from tests.support.delivery import Installation, write_json
from tests.support.resources import patient

FEW = 2


@pytest.fixture
def here(dsn: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An empty installation, whose region is small."""
    monkeypatch.setattr(demo, "PATIENTS", FEW)
    return Installation(dsn, settings, tmp_path)


def resources(here: Installation) -> int:
    """How many resources there are, with all their versions."""
    return int(here.value("select (select count(*) from resource) + (select count(*) from history)"))


def test_an_empty_record_is_filled_once(here: Installation) -> None:
    """A second start changes nothing."""
    demo.seed_if_empty(here.dsn, here.settings)
    made = resources(here)
    assert made > 100
    demo.seed_if_empty(here.dsn, here.settings)
    assert resources(here) == made


def test_a_record_that_holds_something_is_left_alone(here: Installation) -> None:
    """It is somebody's."""
    assert here.take_in(write_json(here.folder / "p.json", patient(id="mine"))) == 0
    demo.seed_if_empty(here.dsn, here.settings)
    assert resources(here) == 1


def test_an_interrupted_start_is_completed_as_it_was_begun(here: Installation) -> None:
    """With the day on which it was begun, which is part of every story."""
    plan = demo.Plan(seed=1, patients=FEW, today=date(2025, 3, 1))

    async def begin(services: Services) -> None:
        noted = [(demo.PLAN, msgspec.json.encode(plan).decode())]
        await delivery.note(services.pool, demo.DELIVERY, noted)
        (first, *_) = demo.pieces(plan)
        first.batches[5:] = []
        await demo.Seeding().carry_out(services, first)

    here.run(begin)
    assert resources(here) > 0
    demo.seed_if_empty(here.dsn, here.settings)
    expected = sum(len(batch.resources) for piece in demo.pieces(plan) for batch in piece.batches)
    assert resources(here) == expected


def test_the_command_adds_patients_and_keeps_those_there_are(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the day."""
    assert demo.run(here.dsn, here.settings, patients=FEW) == 0
    made = resources(here)
    capsys.readouterr()
    assert demo.run(here.dsn, here.settings, patients=FEW) == 0
    assert f"{made:,} unchanged" in capsys.readouterr().out
    assert demo.run(here.dsn, here.settings, patients=FEW + 1) == 0
    assert f"{made:,} unchanged" in capsys.readouterr().out
    assert here.value("select count(*) from history") == 0


def test_another_seed_is_refused(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Patients must not turn into other people."""
    assert demo.run(here.dsn, here.settings, patients=1) == 0
    made = resources(here)
    assert demo.run(here.dsn, here.settings, patients=1, seed=7) == 2
    assert "seed 1" in capsys.readouterr().err
    assert resources(here) == made


def test_each_unit_is_accountable_for_its_own(here: Installation) -> None:
    """The region has several providers, and so has the record."""
    assert demo.run(here.dsn, here.settings, patients=1) == 0
    providers = here.value("select count(distinct provider) from accountable")
    assert providers >= 5
    assert (
        here.value("select count(distinct a.unit) from resource r join accountable a on a.id = r.accountable")
        > 5
    )


def test_sign_ins_name_people_and_their_work() -> None:
    """What the server announces."""
    assert ("Anna Berglund", "Distriktsläkare, Tallbackens vårdcentral") in demo.sign_ins()


@pytest.mark.parametrize("options", [{"client": "Laboratorium"}, {"persona": "Anna Berglund"}])
def test_a_token_is_printed_alone_and_lets_in(
    here: Installation, capsys: pytest.CaptureFixture[str], options: dict[str, str]
) -> None:
    """Before there is a demo region as well."""
    assert token.run(here.dsn, here.settings, **options) == 0  # type: ignore[arg-type]
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1

    async def recognise(services: Services) -> Principal | None:
        return await services.identity.principal_of_token(printed.strip())

    principal = here.run(recognise)
    assert principal is not None
    assert principal.actor.name in options.values()
    expected = ActorKind.SYSTEM if "client" in options else ActorKind.STAFF
    assert principal.actor.kind is expected


def test_no_token_for_nobody(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed that could be taken for one."""
    assert token.run(here.dsn, here.settings, persona="Nobody") == 2
    assert token.run(here.dsn, here.settings, persona="Anna Berglund", unit="SE2321000016-DEMO1010") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Nobody" in told.err
