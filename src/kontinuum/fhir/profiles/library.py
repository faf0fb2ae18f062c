"""The profiles that are known, by canonical URL, each worked out and compiled when it is first asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kontinuum.fhir.definitions import value_set_codes
from kontinuum.fhir.issues import Issue
from kontinuum.fhir.profiles.codes import Codes, enumerate_codes
from kontinuum.fhir.profiles.deriving import Derived, derive
from kontinuum.fhir.profiles.nodes import Node
from kontinuum.fhir.profiles.scope import Check
from kontinuum.fhir.profiles.structure import Structure, core_type

__all__ = ["Library"]


class Library:
    """Profiles, value sets and code systems that packages brought; immutable, apart from what it remembers.

    A URL without a version means the newest that is known; said by a profile, the one that came in the same
    package. `value_sets` and `code_systems` are resources; those without `filter` answer at once.
    """

    def __init__(
        self,
        structures: Iterable[Structure] = (),
        value_sets: Iterable[Mapping[str, Any]] = (),
        code_systems: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        listed = list(structures)
        self._structures = _by_url((each.url, each.version, each) for each in listed)
        self._near = {(each.package, each.url): each for each in listed if each.package}
        self._value_sets = _by_url(_named(each) for each in value_sets)
        self._code_systems = _by_url(_named(each) for each in code_systems)
        self._derived: dict[Structure, Derived] = {}
        self._codes: dict[str, Codes | None] = {}
        self._open: set[Structure] = set()
        self.compiled: dict[Structure, Check] = {}

    def __iter__(self) -> Iterator[Structure]:
        """Every profile, each version of it."""
        return (each for versions in self._structures.values() for each in versions.values())

    def find(self, canonical: str, package: str = "") -> Structure | None:
        """The profile that a canonical URL means, None when it is not known; `package` is who says it."""
        if (package, canonical) in self._near:
            return self._near[package, canonical]
        found: Structure | None = _find(self._structures, canonical)
        return found

    def derived(self, structure: Structure) -> Derived:
        """What a profile demands, with its faults."""
        key = structure
        if key not in self._derived:
            if key in self._open:
                fault = Issue("error", "business-rule", "it builds on itself", structure.canonical)
                return Derived(Node(structure.type, structure.type, (structure.type,)), [fault])
            self._open.add(key)
            try:
                self._derived[key] = self._derive(structure)
            finally:
                self._open.discard(key)
        return self._derived[key]

    def tree(self, canonical: str, package: str = "") -> Node | None:
        """The tree of a usable profile."""
        structure = self.find(canonical, package)
        if structure is None:
            return None
        derived = self.derived(structure)
        return derived.root if derived.usable else None

    def codes(self, value_set: str) -> Codes | None:
        """The codes of a value set where they can be listed; None when a terminology must be asked."""
        url = value_set.partition("|")[0]
        if url not in self._codes:
            # Until it is worked out nothing is known of it, so that a circle comes to an end.
            self._codes[url] = None
            known = _find(self._value_sets, value_set)
            self._codes[url] = (
                value_set_codes(url) if known is None else enumerate_codes(known, self.codes, self._system)
            )
        return self._codes[url]

    def value_set(self, canonical: str) -> Mapping[str, Any] | None:
        """The value set of a canonical URL."""
        found: Mapping[str, Any] | None = _find(self._value_sets, canonical)
        return found

    def _system(self, url: str) -> Codes | None:
        known = _find(self._code_systems, url)
        if known is None or known.get("content") != "complete":
            return None
        return frozenset((known["url"], code) for code in _listed(known.get("concept", ())))

    def _derive(self, structure: Structure) -> Derived:
        def tree(canonical: str) -> Node | None:
            return self.tree(canonical, structure.package)

        if core_type(structure.base) is not None:
            return derive(structure, None, tree)
        base = self.find(structure.base, structure.package)
        if base is not None and self.derived(base).usable:
            return derive(structure, self.derived(base).root, tree)
        if structure.snapshot:
            return derive(structure.worked_out, None, tree)
        why = "is not known here" if base is None else "cannot be used"
        fault = Issue(
            "error", "not-found", f"{structure.base}, which it builds on, {why}", structure.canonical
        )
        return Derived(Node(structure.type, structure.type, (structure.type,)), [fault])


def _by_url(named: Iterable[tuple[str, str, Any]]) -> dict[str, dict[str, Any]]:
    """By URL, then by version, the newest last."""
    found: dict[str, dict[str, Any]] = {}
    for url, version, what in named:
        found.setdefault(url, {})[version] = what
    return {url: dict(sorted(each.items(), key=lambda pair: _age(pair[0]))) for url, each in found.items()}


def _find(known: Mapping[str, Mapping[str, Any]], canonical: str) -> Any:
    url, _, version = canonical.partition("|")
    versions = known.get(url)
    if not versions:
        return None
    return versions.get(version) if version else versions[next(reversed(list(versions)))]


def _named(resource: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    return resource["url"], resource.get("version", ""), resource


def _age(version: str) -> tuple[Any, ...]:
    """Orders versions: numbers by value, a release after its drafts (1.0.0-ballot)."""
    number, _, draft = version.partition("-")
    return (tuple(int(part) for part in re.findall(r"\d+", number)), not draft, draft)


def _listed(concepts: Any) -> Iterable[str]:
    for each in concepts:
        yield each["code"]
        yield from _listed(each.get("concept", ()))
