"""Write docs/law/: one page for each behaviour of the law, from the rule objects and the tests that name it.

Without arguments it checks that the pages are what the rules and tests say; `--write` writes them anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kontinuum.access.catalogue import BEHAVIOURS, RULES, rules_of
from kontinuum.access.portal import GUARDIANS_UNTIL, OWN_ACCESS_FROM
from kontinuum.access.project import AFTER_CONTACT, AFTER_REFERRAL
from kontinuum.kernel.provider_settings import BY_NAME, shown
from kontinuum.record import durations
from kontinuum.record.destroying import KEPT_YEARS
from kontinuum.record.logbook import BREACH_AT_MOST, LONGEST_PERIOD_MICROS
from kontinuum.record.reviewing import RANKED, SAMPLE

DAY = 24 * 3600 * 1_000_000
HOUR = 3600 * 1_000_000

CONSTANT = "A constant of the program."

REQUIRED = (*range(1, 22), *range(24, 30), 34)
"""The behaviours that are built: each has a provision, tests of both sides, and its settings."""

_PDL, _IN_RECORD = "patientdatalagen (2008:355)", "patientdatalagen (2008:355) 3:6 1"

PROVISIONS: dict[int, tuple[str, ...]] = {
    1: (_IN_RECORD, "folkbokföringslagen (1991:481) 18 §", "lag (2022:1697) om samordningsnummer"),
    2: (_IN_RECORD,),
    3: (_IN_RECORD, f"{_PDL} 3:14"),
    4: (
        "offentlighets- och sekretesslagen (2009:400) 5:5, 21:3 and 22:1",
        "folkbokföringslagen (1991:481) 16 §",
    ),
    5: (f"{_PDL} 4:2", "HSLF-FS 2016:40 ch. 4"),
    12: (f"{_PDL} 4:4",),
    18: (f"{_PDL} 4:3", "HSLF-FS 2016:40 4:9"),
    19: (f"{_PDL} 4:3", "HSLF-FS 2016:40 4:9"),
    20: (f"{_PDL} 4:3", "HSLF-FS 2016:40 4:9"),
    21: (f"{_PDL} 8:5",),
    24: (f"{_PDL} 3:14 (corrections) and 3:8 (dissent)",),
    25: (f"{_PDL} 8:4 and 3:17",),
    26: (f"{_PDL} 3:13",),
    34: ("(EU) 2016/679 (GDPR) art. 5.1 b, 15, 20, 33 and 34", f"{_PDL} 2:4"),
}
"""By what the behaviours are that no rule object carries out; the others' stand at their rules."""

LIMITS: dict[int, tuple[str, ...]] = {
    7: (
        f"A unit takes part in the care for {AFTER_CONTACT // DAY} days after a contact or booking, and for "
        f"{AFTER_REFERRAL // DAY} days after a referral. {CONSTANT}",
        f"A relation that a write states lasts {durations.DOCUMENTED_FOR // HOUR} hours. {CONSTANT}",
    ),
    8: (f"A choice lasts {durations.CHOICE_FOR // HOUR} hours. {CONSTANT}",),
    20: (f"A round draws {SAMPLE} accesses, and lists the {RANKED} that stand out most. {CONSTANT}",),
    25: (f"A record is kept for {KEPT_YEARS} years at least after its last entry. {CONSTANT}",),
    27: (f"Own access from {OWN_ACCESS_FROM} years, guardians until {GUARDIANS_UNTIL}. {CONSTANT}",),
    28: ("Setting `KONTINUUM_KEPT_BACK_TOLD` of the installation: docs/settings.md.",),
    34: (
        f"A report covers {LONGEST_PERIOD_MICROS // DAY} days and {BREACH_AT_MOST:,} accesses at most, and "
        f"says so where there are more. {CONSTANT}",
    ),
}
"""What is limited by constants, and by settings of the installation."""

SETTINGS = {
    2: ("reserve_series",),
    6: ("session_hours", "idle_minutes"),
    7: ("relation_days",),
    10: ("lift_days_max",),
    13: ("informed_generally",),
    14: ("consent_days",),
    15: ("opening_hours",),
    17: ("opening_hours",),
    19: ("log_years",),
    21: ("extract_names",),
}
"""The settings of a care provider on which a behaviour turns."""


def limits(number: int) -> list[str]:
    """Give what limits a behaviour in time, and the settings that say so."""
    lines = [f"- {text}" for text in LIMITS.get(number, ())]
    for name in SETTINGS.get(number, ()):
        setting = BY_NAME[name]
        lines.append(
            f"- Setting `{name}` of each care provider ({setting.title}): {setting.meaning} "
            f"Allowed: {setting.allowed} {setting.unit}".rstrip()
            + f". Unless decided otherwise: {shown(setting, setting.default)}."
        )
    return lines


class Home(NamedTuple):
    """A behaviour that lives outside the access decision: what it is, where, and tests of both sides.

    Tests are `file::name` under `tests/`; where there are none the behaviour is not carried out yet.
    """

    text: str
    place: str
    permits: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()


_PERSONS = "unit/sweden/test_person_numbers.py"
_UNITS = "unit/sweden/test_organisation_identifiers.py"
_LINKS = "db/test_patient_index.py"
_REVIEW = "db/test_log_review.py"
_SEARCH = "db/test_log_search.py"
_CORRECTIONS = "law/test_rule_24_corrections.py"
_PROTECTION = "law/test_rule_34_data_protection.py"
_DISSENT = "law/test_rule_24_dissent.py"
_DESTRUCTION = "law/test_rule_25_destruction.py"
_TAMPERING = "db/test_log_tampering.py"
_COVERS = "db/test_log_covers.py"

HOMES: dict[int, Home] = {
    1: Home(
        "Personnummer and samordningsnummer are real dates with a right check digit. Ten or twelve digits "
        "are read and twelve kept; interim letters only where they are allowed.",
        "src/kontinuum/sweden/persons.py",
        (f"{_PERSONS}::test_every_common_form_of_one_number_is_read_alike",),
        (f"{_PERSONS}::test_a_wrong_number_is_refused_with_the_first_fault_and_a_reason",),
    ),
    2: Home(
        "National reserve numbers, Stockholm's, and those that a care provider has set for itself "
        "(setting `reserve_series`).",
        "src/kontinuum/sweden/reserves.py",
        (f"{_PERSONS}::test_a_national_reserve_number_is_read_in_either_case",),
        (f"{_PERSONS}::test_a_national_reserve_number_with_forbidden_letters_or_shape_is_refused",),
    ),
    3: Home(
        "A reserve number is linked to the real identity: one view, logged, and parted again without loss.",
        "src/kontinuum/record/persons",
        (f"{_LINKS}::test_linked_records_are_the_union_and_unlinked_ones_as_before",),
        (f"{_LINKS}::test_a_link_that_would_close_a_circle_is_refused",),
    ),
    5: Home(
        "HSA-ids have their form and at most 31 characters; both URIs mean the same.",
        "src/kontinuum/sweden/organisations.py",
        (f"{_UNITS}::test_both_uris_of_hsa_id_mean_the_same",),
        (f"{_UNITS}::test_a_wrong_hsa_id_is_refused",),
    ),
    18: Home(
        "Every access is in the log before it is shown: who, assignment, unit, patient, what, when, client "
        "and ground. Refused attempts too.",
        "src/kontinuum/record/context.py, src/kontinuum/audit",
        (f"{_COVERS}::test_every_way_in_leaves_an_entry",),
        (f"{_COVERS}::test_what_the_law_refuses_is_logged_with_its_patient",),
    ),
    19: Home(
        "The log is kept for at least five years, append-only, tampering is found, and its reading is "
        "decided and logged.",
        "src/kontinuum/audit, src/kontinuum/store/audit_keeping.py",
        (
            f"{_REVIEW}::test_rule_19_a_reviewer_sees_the_own_provider_only",
            f"{_SEARCH}::test_rule_19_permits_a_search_of_the_own_providers_log_as_audit_events",
            f"{_TAMPERING}::test_what_is_kept_long_enough_is_removed_and_the_rest_still_verifies",
        ),
        (
            f"{_SEARCH}::test_rule_19_refuses_a_search_of_the_log_by_all_others",
            f"{_TAMPERING}::test_nothing_younger_than_five_years_is_removed",
            f"{_TAMPERING}::test_even_the_owner_of_the_tables_is_refused",
        ),
    ),
    20: Home(
        "The log is reviewed by samples and by patterns, the weightiest first: emergency openings, relations "
        "stated by hand, then what is unusual. Each review is documented.",
        "src/kontinuum/audit/patterns.py, src/kontinuum/record/reviewing.py",
        (
            f"{_REVIEW}::test_rule_20_permits_a_review_that_is_documented_and_itself_in_the_log",
            f"{_REVIEW}::test_rule_20_each_pattern_is_found_in_the_log",
        ),
        (
            f"{_REVIEW}::test_rule_20_refuses_a_review_by_others_of_others_and_without_an_outcome",
            f"{_REVIEW}::test_rule_17_refuses_the_review_of_an_opening_to_who_made_it",
        ),
    ),
    21: Home(
        "The patient gets an extract of the log in plain words; staff are named where the care provider has "
        "decided so.",
        "src/kontinuum/web/workspace/log/extract.py",
        ("http/pages/test_log_pages.py::test_rule_21_a_patient_reads_the_own_log_and_nobody_elses",),
        (
            f"{_REVIEW}::test_rule_21_the_patient_gets_the_own_extract_and_nobody_elses",
            f"{_SEARCH}::test_rule_21_refuses_the_patient_the_names_of_staff_unless_the_provider_decided_so",
        ),
    ),
    24: Home(
        "Nothing is overwritten: every version stays, with who and when. A signed entry is corrected with a "
        "reason, and the patient's dissent stands at the entry.",
        "src/kontinuum/store/resources/write.py, src/kontinuum/record/correcting.py, "
        "src/kontinuum/record/dissenting.py",
        (
            "http/api/test_api_history.py::test_the_history_of_a_resource_tells_what_happened_newest_first",
            f"{_CORRECTIONS}::test_rule_24_permits_a_correction_that_keeps_the_original_with_who_when_and_why",
            f"{_DISSENT}::test_rule_24_permits_the_patient_to_note_a_dissent_that_staff_find",
        ),
        (
            "db/test_gate.py::test_an_update_needs_the_version_it_builds_on",
            f"{_CORRECTIONS}::test_rule_24_refuses_staff_a_change_of_a_signed_entry_without_a_reason",
            f"{_DISSENT}::test_rule_24_refuses_staff_a_change_or_removal_of_a_dissent",
        ),
    ),
    25: Home(
        "Destruction after a decision by the authority. One person registers the decision and another "
        "carries it out; a tombstone and the log stay.",
        "src/kontinuum/record/destroying.py, src/kontinuum/store/resources/destroy.py",
        (f"{_DESTRUCTION}::test_rule_25_nothing_remains_of_a_destroyed_entry_but_that_it_was",),
        (f"{_DESTRUCTION}::test_rule_25_without_a_decision_nothing_is_destroyed",),
    ),
    26: Home(
        "Text is stored and shown byte for byte; what is not text is refused, never mended.",
        "src/kontinuum/fhir/json.py",
        ("unit/fhir/test_json.py::test_swedish_text_is_written_as_utf8",),
        ("unit/fhir/test_json.py::test_a_string_with_half_a_surrogate_pair_is_refused",),
    ),
    34: Home(
        "Every access has a purpose, which decides and stands in the log. The data subject takes a copy of "
        "the own data along, as valid FHIR. What the report of a breach needs is at hand: whose data, which "
        "kinds, by whom, when.",
        "src/kontinuum/kernel/principal.py, src/kontinuum/record/exporting.py, src/kontinuum/audit/breach.py",
        (
            f"{_PROTECTION}::test_rule_34_permits_every_access_for_a_purpose_that_stands_in_the_log",
            f"{_PROTECTION}::test_rule_34_permits_the_data_subject_a_copy_of_all_that_may_be_read",
            f"{_PROTECTION}::test_rule_34_permits_a_reviewer_the_report_of_a_breach",
            "db/test_export.py::test_what_was_exported_is_restored_as_it_was",
        ),
        (
            f"{_PROTECTION}::test_rule_34_refuses_what_is_not_within_the_purpose",
            f"{_PROTECTION}::test_rule_34_refuses_the_copy_to_all_but_the_data_subject",
            f"{_PROTECTION}::test_rule_34_refuses_the_report_of_a_breach_without_the_right_or_the_days",
        ),
    ),
}
"""The behaviours whose home is identity, the log, the record and its text."""


Sides = tuple[list[str], list[str], list[str]]
"""Tests that permit, that refuse, and others, as `tests/file.py::test_name`."""


def sides_of(number: int, tests: list[tuple[str, str]]) -> Sides:
    """Give the tests of a behaviour: those that a home names, and those that name the behaviour."""
    home = HOMES.get(number)
    permits = [f"tests/{test}" for test in home.permits] if home else []
    refuses = [f"tests/{test}" for test in home.refuses] if home else []
    others: list[str] = []
    for test in (f"{file}::{name}" for file, name in tests):
        if test not in (*permits, *refuses):
            side = permits if "_permit" in test else refuses if "_refuse" in test else others
            side.append(test)
    return permits, refuses, others


def provisions_of(number: int) -> tuple[str, ...]:
    """Give the provisions by which a behaviour is."""
    return PROVISIONS.get(number) or tuple(dict.fromkeys(rule.provision for rule in rules_of(number)))


def page(number: int, tests: list[tuple[str, str]]) -> str:
    """Give the page of one behaviour."""
    home = HOMES.get(number)
    text = home.text if home else BEHAVIOURS[number]
    lines = [f"# {number}. {text.split('. ')[0].rstrip('.')}", "", text, "", "## Provision", ""]
    lines += [f"- {provision}" for provision in provisions_of(number)]
    if home:
        lines += ["", f"Carried out in {', '.join(f'`{each}`' for each in home.place.split(', '))}."]
    for rule in rules_of(number):
        summary = (type(rule).__doc__ or "").splitlines()[0]
        lines += [
            "",
            f"## `{rule.name}`",
            "",
            summary,
            "",
            f"- provision: {rule.provision}",
            f"- in words: {rule.reason.en}",
            f"- på svenska: {rule.reason.sv}",
        ]
    lines += ["", "## Limits and settings", "", *(limits(number) or ["None: it is the same everywhere."])]
    titles = ("Tests that permit", "Tests that refuse", "Further tests")
    for title, named in zip(titles, sides_of(number, tests), strict=True):
        if named:
            lines += ["", f"## {title}", "", *map(_told, named)]
    return "\n".join(lines) + "\n"


def _told(test: str) -> str:
    file, _, name = test.partition("::")
    return f"- `{file}`: {re.sub(r'^rule_[0-9]{2}_', '', name.removeprefix('test_')).replace('_', ' ')}"


def lacking(root: Path) -> Iterator[str]:
    """Give what behaviours lack: text, provision, tests of one side, or a test that is named and gone."""
    tests = named_tests(root)
    for number in REQUIRED:
        if number not in BEHAVIOURS and number not in HOMES:
            yield f"rule {number}: said nowhere"
            continue
        permits, refuses, others = sides_of(number, tests.get(number, []))
        if not provisions_of(number):
            yield f"rule {number}: no provision"
        if not permits:
            yield f"rule {number}: no test that permits; name one test_rule_{number:02}_permits_…"
        if not refuses:
            yield f"rule {number}: no test that refuses; name one test_rule_{number:02}_refuses_…"
        for test in (*permits, *refuses, *others):
            file, _, name = test.partition("::")
            path = root / file
            if not path.is_file() or f"def {name}(" not in path.read_text(encoding="utf-8"):
                yield f"rule {number}: {test} is not there"


def main(root: Path, *, write: bool) -> int:
    """Write the pages, or print which of them are not what they should be; gives 1 if there are any."""
    folder = root / "docs" / "law"
    wanted = dict(pages(root))
    if write:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.md"):
            old.unlink()
        for name, text in wanted.items():
            (folder / name).write_text(text, encoding="utf-8")
        return 0
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    for name in wrong:
        print(f"docs/law/{name}: not what rules and tests say; python tools/generate_law_docs.py --write")
    missing = list(lacking(root))
    for text in missing:
        print(text)
    return 1 if wrong or missing else 0


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Give the name and text of each page."""
    tests = named_tests(root)
    yield "README.md", index()
    for number in sorted({*BEHAVIOURS, *HOMES}):
        yield f"{number:02}.md", page(number, tests.get(number, []))


def index() -> str:
    """Give the page that leads to the others."""
    lines = [
        "# The law as behaviours",
        "",
        "One page for each behaviour: what it does, by which provision, the limits and settings on which",
        "it turns, and the tests that show it from both sides. `tools/generate_law_docs.py` writes them from",
        "rule objects in `src/kontinuum/access` and names of tests; `docs/decisions/0007-law.md` says why.",
        "",
        "Carried out by the decision on access:",
        "",
        "| behaviour | rules |",
        "|---|---|",
    ]
    for number, text in sorted(BEHAVIOURS.items()):
        names = ", ".join(f"`{rule.name}`" for rule in rules_of(number)) or "in the gate's own acts"
        lines.append(f"| [{number}]({number:02}.md) {text.split('. ')[0].rstrip('.')} | {names} |")
    lines += ["", "Elsewhere than in the access decision:", "", "| behaviour | home |", "|---|---|"]
    for number, home in sorted(HOMES.items()):
        text = home.text.split(". ")[0].rstrip(".")
        lines.append(f"| [{number}]({number:02}.md) {text} | {home.place or 'not built yet'} |")
    others = [rule for rule in RULES if not set(rule.numbers) & BEHAVIOURS.keys()]
    lines += ["", "Rules that serve other behaviours:", ""]
    lines += [f"- `{rule.name}`: {rule.reason.en} ({rule.provision})" for rule in others]
    return "\n".join(lines) + "\n"


def named_tests(root: Path) -> dict[int, list[tuple[str, str]]]:
    """Give the tests (file, name) that name each behaviour."""
    found: dict[int, list[tuple[str, str]]] = {}
    for file in sorted((root / "tests").glob("**/test_*.py")):
        for name in re.findall(r"def (test_\w+)\(", file.read_text(encoding="utf-8")):
            for number in re.findall(r"rule_(\d\d)_", name):
                found.setdefault(int(number), []).append((file.relative_to(root).as_posix(), name))
    return found


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent, write="--write" in sys.argv))
