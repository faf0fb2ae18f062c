"""Turns what a profile demands into checks: one closure a node, compiled once.

http://hl7.org/fhir/R4/profiling.html. As in `kontinuum.fhir.validation`, a check gives None when all is well.
It is given values that are valid R4 by themselves, so that only what the profile adds is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kontinuum.fhir.definitions import TYPE_CODES, Invariant, is_subtype
from kontinuum.fhir.fhirpath.values import Node as PathNode
from kontinuum.fhir.profiles.codes import Codes, codes_of
from kontinuum.fhir.profiles.items import Item, item_of, items
from kontinuum.fhir.profiles.nodes import Binding, Node, TypeRef
from kontinuum.fhir.profiles.scope import Check, Doubt, Scope, is_sound, located, together
from kontinuum.fhir.profiles.slicing import Belongs, UntoldError, belongs
from kontinuum.fhir.profiles.structure import Structure, core_type
from kontinuum.fhir.profiles.values import agrees, shown
from kontinuum.fhir.validation.problems import Found, Problem, one
from kontinuum.fhir.validation.references import check_target
from kontinuum.fhir.validation.rules import broken

if TYPE_CHECKING:
    from kontinuum.fhir.profiles.library import Library

__all__ = ["check_profile", "untold"]

Divided = Callable[[list[Item], Scope], list[Problem]]
"""What is wrong with how items are divided into slices."""


def check_profile(structure: Structure, item: Item, scope: Scope) -> Found:
    """Check an item against a profile; one that cannot be used is told instead."""
    check = scope.library.compiled.get(structure)
    if check is None:
        derived = scope.library.derived(structure)
        check = _Compiler(scope.library, structure).check(derived.root) if derived.usable else _broken
        scope.library.compiled[structure] = check
    if check is _broken:
        fault = next(issue for issue in scope.library.derived(structure).faults if issue.refuses)
        return [
            _warning("not-supported", f"{structure.name} cannot be used: {fault.message} ({fault.location})")
        ]
    return check(item, scope)


def untold(structure: Structure, library: Library) -> list[str]:
    """What a profile's slices do not say, so that they are not told apart."""
    compiler = _Compiler(library, structure)
    compiler.check(library.derived(structure).root)
    return compiler.untold


def _broken(item: Item, scope: Scope) -> Found:
    raise AssertionError("a profile with faults is never run")


def _warning(code: str, message: str) -> Problem:
    return Problem(code, message, "warning")


class _Compiler:
    """Compiles the tree of one profile, whose name stands before its messages."""

    def __init__(self, library: Library, structure: Structure) -> None:
        self._library = library
        self._said = structure.name
        self._package = structure.package
        self._shared: dict[int, list[Check]] = {}
        self.untold: list[str] = []

    def check(self, node: Node) -> Check:
        checks: list[Check] = []
        if node.narrowed is not None:
            checks.append(self._types(node, node.narrowed))
        if node.value is not None:
            checks.append(self._value(node))
        if node.binding is not None:
            checks += self._bound(node.binding)
        if node.max_length is not None or node.least is not None or node.most is not None:
            checks.append(self._limited(node))
        checks += [self._rule(rule) for rule in node.rules]
        checks += [self._children(name, child) for name, child in node.children.items()]
        if node.shared is not None:
            checks.append(self._again(node.shared))
        return together(checks) if checks else _nothing

    def _say(self, text: str) -> str:
        return f"{self._said}: {text}"

    def _find(self, canonical: str) -> Structure | None:
        return self._library.find(canonical, self._package)

    def _follows(self, canonical: str, item: Item, scope: Scope) -> bool:
        structure = self._find(canonical)
        if structure is None:
            type_name = core_type(canonical)
            return type_name is not None and is_subtype(item.type, type_name)
        return is_subtype(item.type, structure.type) and is_sound(check_profile(structure, item, scope))

    # --- one element --------------------------------------------------------------------------

    def _types(self, node: Node, narrowed: Sequence[TypeRef]) -> Check:
        names = ", ".join(ref.code for ref in narrowed)
        wrong = self._say(f"{node.name} is given as {{}}, and {names} is what is taken here")

        def check(item: Item, scope: Scope) -> Found:
            fitting = [ref for ref in narrowed if is_subtype(item.type, ref.code)]
            if not fitting:
                return one("structure", wrong.format(item.type))
            found = self._profiles(fitting, item, scope)
            if item.type == "Reference":
                found = [*(found or ()), *(self._targets(fitting, item, scope) or ())]
            return found or None

        return check

    def _profiles(self, refs: Sequence[TypeRef], item: Item, scope: Scope) -> Found:
        if any(not ref.profiles for ref in refs):
            return None
        profiles = [profile for ref in refs for profile in ref.profiles]
        problems: list[Problem] = []
        for canonical in profiles:
            structure = self._find(canonical)
            if structure is None:
                told = self._say(f"the profile {canonical}, to be followed here, is not known: not checked")
                return [_warning("not-found", told)]
            found = check_profile(structure, item, scope)
            if is_sound(found):
                return found
            problems = found or []
        if len(profiles) == 1:
            return problems
        return one("structure", self._say(f"it follows none of {', '.join(profiles)}; see their rules"))

    def _type_of(self, canonical: str) -> str | None:
        structure = self._find(canonical)
        return structure.type if structure is not None else core_type(canonical)

    def _targets(self, refs: Sequence[TypeRef], item: Item, scope: Scope) -> Found:
        canonicals = [target for ref in refs for target in ref.targets]
        if not canonicals or any(not ref.targets for ref in refs):
            return None
        types = {target: self._type_of(target) for target in canonicals}
        known = frozenset(name for name in types.values() if name is not None)
        if len(known) < len(set(canonicals)) and None in types.values():
            unknown = next(target for target, name in types.items() if name is None)
            told = self._say(
                f"the profile {unknown}, which may be referred to here, is not known: not checked"
            )
            return [_warning("not-found", told)]
        if "Resource" not in known and (found := check_target(item.value, known, scope.context)):
            for problem in found:
                problem.message = self._say(problem.message)
            return found
        led = scope.resolve(item.value)
        if led is None:
            return self._placed(refs, item)
        target = item_of(led)
        inner = scope.within(led, contained=item.value.get("reference", "").startswith("#"))
        if any(self._follows(canonical, target, inner) for canonical in canonicals):
            return self._placed(refs, item)
        names = " or ".join(canonicals)
        return one("structure", self._say(f"what is referred to does not follow {names}"))

    def _placed(self, refs: Sequence[TypeRef], item: Item) -> Found:
        allowed = {each for ref in refs for each in ref.aggregation}
        if not allowed:
            return None
        is_contained = item.value.get("reference", "").startswith("#")
        if is_contained == ("contained" in allowed) or (not is_contained and len(allowed) > 1):
            return None
        where = " or ".join(sorted(allowed))
        return one("structure", self._say(f"what is referred to here must be {where}"))

    def _value(self, node: Node) -> Check:
        wanted = node.value
        assert wanted is not None, "compiled for nodes with a value"
        verb = "is fixed to" if wanted.kind == "fixed" else "must hold"
        text = self._say(f"{node.name} {verb} {shown(wanted.value)}")

        def check(item: Item, scope: Scope) -> Found:
            return None if agrees(item.value, wanted) else one("value", text)

        return check

    def _limited(self, node: Node) -> Check:
        length, least, most = node.max_length, node.least, node.most

        def check(item: Item, scope: Scope) -> Found:
            value = item.value
            if length is not None and isinstance(value, str) and len(value) > length:
                return one("too-long", self._say(f"{len(value)} characters; at most {length} are allowed"))
            for bound, wrong in ((least, "less"), (most, "more")):
                if bound is not None and value is not None and _beyond(value, bound, wrong):
                    return one("value", self._say(f"{shown(value)} is {wrong} than {shown(bound)}"))
            return None

        return check

    def _rule(self, rule: Invariant) -> Check:
        said = Invariant(rule.key, rule.severity, rule.human, rule.expression)

        def check(item: Item, scope: Scope) -> Found:
            if not rule.expression:
                told = f"{rule.key}: {rule.human} (it has no expression, so it was not checked)"
                return [Problem("not-supported", self._say(told), "information")]
            if rule.severity == "warning" and not scope.context.warnings:
                return None
            value = item.value
            if item.beside is not None:
                value = PathNode(value, item.type, dict(item.beside))
            found = broken(said, value, item.type, scope.context)
            if found is None:
                return None
            found.message = self._say(found.message)
            return [found]

        return check

    # --- codes --------------------------------------------------------------------------------

    def _bound(self, binding: Binding) -> list[Check]:
        checks = []
        if binding.strength in ("required", "extensible"):
            checks.append(self._codes(binding.value_set, binding.strength))
        if binding.max_value_set:
            checks.append(self._codes(binding.max_value_set, "required"))
        return checks

    def _codes(self, value_set: str, strength: str) -> Check:
        listed = self._library.codes(value_set)
        plain = frozenset(code for _, code in listed or ())

        def check(item: Item, scope: Scope) -> Found:
            codes = codes_of(item)
            if codes is None or (item.value is None):
                return None
            if not codes:
                if strength == "extensible":
                    return None
                return one("code-invalid", self._say(f"no code is given, and one of {value_set} is required"))
            if listed is None:
                return [Doubt(value_set, strength, codes, self._said)]
            if any((s, code) in listed if s is not None else code in plain for s, code in codes):
                return None
            return [outside(value_set, strength, codes, self._said, listed)]

        return check

    # --- children -----------------------------------------------------------------------------

    def _children(self, name: str, child: Node) -> Check:
        each_of = self.check(child)
        sliced = self._sliced(child)
        least, most = child.min, child.max
        nested = "Resource" in child.types

        def check(parent: Item, scope: Scope) -> Found:
            found = items(parent, name)
            problems = self._counted(child, len(found), least, most)
            if found and each_of is not _nothing:
                for item in found:
                    inner = _inside(item, scope) if nested else scope
                    problems += located(each_of(item, inner), item)
            if sliced is not None:
                problems += sliced(found, scope)
            return problems or None

        return check

    def _counted(self, node: Node, count: int, least: int, most: int | None) -> list[Problem]:
        what = f"{node.name} (slice {node.slice})" if node.slice else node.name
        if count < least:
            need = f"{what} is missing" if count == 0 else f"{count} {what} are given"
            told = f"{need}; at least {least} is needed"
            return [Problem("required", self._say(told)).at(node.name)]
        if most is not None and count > most:
            told = (
                f"{what} is not used; leave it out"
                if most == 0
                else f"{count} {what} are given; at most {most} is allowed"
            )
            return [Problem("structure", self._say(told)).at(node.name)]
        return []

    def _again(self, shared: Node) -> Check:
        """The children of an element that R4 uses again, which may lead back to itself."""
        key = id(shared)
        if key not in self._shared:
            self._shared[key] = checks = []
            checks += [self._children(name, child) for name, child in shared.children.items()]
        return lambda item, scope: together(self._shared[key])(item, scope)

    # --- slices -------------------------------------------------------------------------------

    def _sliced(self, node: Node) -> Divided | None:
        """The check of how an element's items, or those of a slice that is divided again, are divided."""
        if not node.slices and not _is_closed(node):
            return None
        slicing = node.slicing
        assert slicing is not None, "a tree without slicing has no slices"
        parts: list[tuple[Node, Belongs, Check]] = []
        untold: list[str] = []
        for part in node.slices.values():
            try:
                parts.append((part, belongs(part, node, self._library, self._follows), self.check(part)))
            except UntoldError as error:
                untold.append(f"the slice {part.place} {error}")
        self.untold += untold
        again = [self._sliced(part) for part, _, _ in parts]

        def check(found: list[Item], scope: Scope) -> list[Problem]:
            problems: list[Problem] = []
            members: list[list[Item]] = [[] for _ in parts]
            order: list[int] = []
            for item in found:
                where = next((n for n, (_, is_in, _) in enumerate(parts) if is_in(item, scope)), None)
                order.append(len(parts) if where is None else where)
                if where is not None:
                    members[where].append(item)
                    problems += located(parts[where][2](item, scope), item)
                elif slicing.rules == "closed" and not untold:
                    problems += located(one("structure", self._say(self._no_slice(node))), item)
            if untold and found:
                problems.append(self._not_told(node, untold))
            for (part, _, _), those, divided in zip(parts, members, again, strict=True):
                problems += self._counted(part, len(those), part.min, part.max)
                problems += divided(those, scope) if divided is not None else []
            if slicing.ordered or slicing.rules == "openAtEnd":
                problems += self._misplaced(node, order, len(parts))
            return problems

        return check

    def _not_told(self, node: Node, untold: list[str]) -> Problem:
        told = self._say(f"{'; '.join(untold)}: not checked")
        return Problem("not-supported", told, "information").at(node.name)

    def _no_slice(self, node: Node) -> str:
        return f"it is none of the kinds that are taken here: {', '.join(node.slices) or 'none'}"

    def _misplaced(self, node: Node, order: list[int], unsliced: int) -> list[Problem]:
        slicing = node.slicing
        assert slicing is not None, "compiled for nodes with slicing"
        known = [each for each in order if each < unsliced]
        names = ", ".join(node.slices)
        if slicing.ordered and known != sorted(known):
            return [Problem("structure", self._say(f"the order must be {names}")).at(node.name)]
        if slicing.rules == "openAtEnd" and order != known + [unsliced] * (len(order) - len(known)):
            told = f"what is none of {names} must stand after them"
            return [Problem("structure", self._say(told)).at(node.name)]
        return []


def outside(value_set: str, strength: str, codes: Any, said: str, listed: Codes | None = None) -> Problem:
    """The problem of codes that are not in a value set."""
    given = ", ".join(f"{system}|{code}" if system is not None else f'"{code}"' for system, code in codes)
    choice = (
        f"; it has {', '.join(sorted(code for _, code in listed))}" if listed and len(listed) <= 12 else ""
    )
    if strength == "required":
        return Problem("code-invalid", f"{said}: {given} is not in the value set {value_set}{choice}")
    told = (
        f"{said}: {given} is not in the value set {value_set}, from which a code is taken if one fits{choice}"
    )
    return _warning("code-invalid", told)


def _nothing(item: Item, scope: Scope) -> Found:
    return None


def _is_closed(node: Node) -> bool:
    return node.slicing is not None and node.slicing.rules == "closed"


def _inside(item: Item, scope: Scope) -> Scope:
    if not isinstance(item.value, dict) or item.type not in TYPE_CODES:
        return scope
    return scope.within(item.value, contained=item.element == "contained")


def _beyond(value: Any, bound: Any, wrong: str) -> bool:
    """Whether a number, or a date to the precision that both have, is beyond a bound."""
    if isinstance(value, dict) or isinstance(bound, dict):
        value, bound = value.get("value"), bound.get("value")
        if value is None or bound is None:
            return False
    if isinstance(value, str):
        length = min(len(value), len(bound))
        value, bound = value[:length], bound[:length]
    return bool(value < bound if wrong == "less" else value > bound)
