"""Our own CDS Hooks services: what they want to know, and the cards that they answer.

Each answer says what was compared and what was not: no card is ever an all-clear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from kontinuum.care.support.model import Alert, Person, read
from kontinuum.clinical.drugs import Allergy, Drug, Match, duplicates, match, same_drug, without_code
from kontinuum.fhir.hooks import Call, Card, Source
from kontinuum.kernel.i18n import Translator, message

_OF_PATIENT: Final = "patient={{context.patientId}}"
_ALLERGIES: Final = {"allergies": f"AllergyIntolerance?{_OF_PATIENT}&_count=200"}
_DRUGS: Final = {
    "prescriptions": f"MedicationRequest?{_OF_PATIENT}&status=active,on-hold&_count=200",
    "statements": f"MedicationStatement?{_OF_PATIENT}&status=active,intended,on-hold&_count=200",
}
_WORDS: Final = {
    "patient": message("who the patient is"),
    "allergies": message("hypersensitivities"),
    "flags": message("alerts"),
    "prescriptions": message("prescriptions"),
    "statements": message("other medicines in use"),
}


@dataclass(frozen=True, slots=True)
class Given:
    """What a service was given: resources by the name of the template, and what of it is not the whole.

    A name that is absent was not given at all.
    """

    resources: Mapping[str, list[dict[str, Any]]]
    incomplete: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Telling:
    """Cards as they gather, and what is to be said to be unchecked."""

    translator: Translator
    given: Given
    cards: list[Card] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def card(self, indicator: Any, summary: str, detail: str = "") -> None:
        """Add a card."""
        self.cards.append(Card(summary, indicator, Source("Kontinuum"), detail, uuid=str(uuid4())))

    def text(self, template: str, **values: object) -> str:
        """A text in the reader's language."""
        return self.translator.gettext(template) % values

    def read(self, name: str, view: Any) -> list[Any]:
        """What was given under a name; what lacks is noted."""
        words = self.translator.gettext(_WORDS[name])
        if name not in self.given.resources:
            self.unchecked.append(self.text(_NOT_GIVEN, what=words))
            return []
        found, wrong = read(self.given.resources[name], view)
        if wrong:
            self.unchecked.append(self.text(_NOT_READ, what=words, number=wrong))
        if name in self.given.incomplete:
            self.unchecked.append(self.text(_NOT_ALL, what=words))
        return found

    def finish(self, compared: str) -> list[Card]:
        """The cards with the one that says what was not checked."""
        listed = "".join(f"- {_escaped(one)}\n" for one in dict.fromkeys(self.unchecked))
        never = self.translator.gettext(_NEVER)
        if self.unchecked:
            self.card("warning", self.translator.gettext(_SOME_UNCHECKED), f"{listed}\n{never}")
        elif not self.cards:
            self.card("info", compared, never)
        return self.cards


_NOT_GIVEN: Final = message("Not given, so not looked at: %(what)s.")
_NOT_READ: Final = message("Could not be read: %(number)s of %(what)s.")
_NOT_ALL: Final = message("There may be more than was given: %(what)s.")
_SOME_UNCHECKED: Final = message("Not everything could be checked")
_NEVER: Final = message(
    "Interactions, doses and pregnancy are not checked, nor what other care providers have that is not shown "
    "here. This does not replace a medical judgement."
)
_NO_WARNING: Final = message("Nothing recorded here calls for a warning")
_NO_COLLISION: Final = message("No collision with recorded hypersensitivities or medicines in use")
_DECEASED: Final = message("The patient is deceased")
_DECEASED_ON: Final = message("The patient is deceased since %(day)s")
_PROTECTED: Final = message("Protected identity: say and write nothing about where the person is")
_SEVERE: Final = message("Severe hypersensitivity: %(what)s")
_HYPERSENSITIVE: Final = message("Hypersensitivity: %(what)s")
_ALERT: Final = message("Alert: %(what)s")
_TWICE: Final = message("The same substance twice: %(one)s and %(other)s")
_COLLIDES: Final = message("%(drug)s: the patient is hypersensitive to %(what)s")
_RELATED: Final = message("%(drug)s is of the same group as %(what)s, to which the patient is hypersensitive")
_NOT_DRUGS: Final = message("Orders that are not about medicines, or could not be read, were not looked at.")
_NO_DRUG: Final = message("There is no medicine among the orders.")
_TAKEN: Final = message("%(drug)s: the patient already has %(other)s")
_NOT_COMPARED: Final = message("%(drug)s with the hypersensitivity %(what)s: they have no code in common.")
_BY_WORDS: Final = message("%(drug)s has no ATC code; it was compared by its name alone.")


def _warnings(given: Given, _call: Call, translator: Translator) -> list[Card]:
    telling = _Telling(translator, given)
    for person in telling.read("patient", Person):
        if person.deceased_date_time:
            telling.card("warning", telling.text(_DECEASED_ON, day=translator.day(person.deceased_date_time)))
        elif person.deceased_boolean:
            telling.card("warning", telling.text(_DECEASED))
        if person.protected:
            telling.card("warning", telling.text(_PROTECTED))
    standing = [one for one in telling.read("allergies", Allergy) if one.stands]
    for severe, template in ((True, _SEVERE), (False, _HYPERSENSITIVE)):
        for one in standing:
            if one.severe is severe:
                words = telling.text(template, what=one.code.label or "?")
                telling.card("critical" if severe else "warning", words)
    for alert in telling.read("flags", Alert):
        if alert.status == "active":
            telling.card("warning", telling.text(_ALERT, what=alert.code.label or "?"))
    drugs = [one for one in telling.read("prescriptions", Drug) if one.in_use]
    for one, other in duplicates(drugs):
        telling.card("warning", telling.text(_TWICE, one=one.label, other=other.label))
    telling.unchecked += [telling.text(_BY_WORDS, drug=one.label) for one in without_code(drugs)]
    return telling.finish(translator.gettext(_NO_WARNING))


def _orders(given: Given, call: Call, translator: Translator) -> list[Card]:
    telling = _Telling(translator, given)
    drafts, wrong = read([one for one in call.orders if one.get("resourceType") == "MedicationRequest"], Drug)
    if wrong or len(drafts) < len(call.orders):
        telling.unchecked.append(translator.gettext(_NOT_DRUGS))
    allergies = [one for one in telling.read("allergies", Allergy) if one.stands]
    taken = [*telling.read("prescriptions", Drug), *telling.read("statements", Drug)]
    taken = [one for one in taken if one.in_use]
    if not drafts:
        telling.unchecked.append(translator.gettext(_NO_DRUG))
    for draft in drafts:
        for allergy in allergies:
            _compare(telling, draft, allergy)
        for other in (one for one in taken if same_drug(draft, one)):
            telling.card("warning", telling.text(_TAKEN, drug=draft.label, other=other.label))
    for one, other in duplicates(drafts):
        telling.card("warning", telling.text(_TWICE, one=one.label, other=other.label))
    plain = without_code([*drafts, *taken])
    telling.unchecked += [telling.text(_BY_WORDS, drug=one.label) for one in plain]
    return telling.finish(translator.gettext(_NO_COLLISION))


def _compare(telling: _Telling, draft: Drug, allergy: Allergy) -> None:
    what = allergy.code.label or "?"
    match match(draft, allergy):
        case Match.SAME:
            telling.card("critical", telling.text(_COLLIDES, drug=draft.label, what=what))
        case Match.RELATED:
            telling.card("warning", telling.text(_RELATED, drug=draft.label, what=what))
        case Match.UNKNOWN if allergy.about_drugs:
            telling.unchecked.append(telling.text(_NOT_COMPARED, drug=draft.label, what=what))


def _escaped(text: str) -> str:
    """A text that Markdown leaves as it is."""
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>()#+-.!|~" else each for each in text)


@dataclass(frozen=True, slots=True)
class Service:
    """One of our services. `needs` are the templates without which it says nothing at all."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: Mapping[str, str]
    needs: frozenset[str]
    advise: Callable[[Given, Call, Translator], list[Card]]

    def described(self) -> dict[str, Any]:
        """The service as discovery tells it."""
        return {
            "id": self.id,
            "hook": self.hook,
            "title": self.title,
            "description": self.description,
            "prefetch": dict(self.prefetch),
        }


_ORDERS_TITLE: Final = "Orders against hypersensitivities and medicines in use"
_ORDERS_SAID: Final = (
    "Warns when a drug in the draft orders collides with a recorded hypersensitivity, or its substance is in "
    "use already. Says what could not be compared."
)
SERVICES: Final = (
    Service(
        "patient-warnings",
        "patient-view",
        "What to be warned of",
        "Death, protected identity, hypersensitivities, alerts and the same substance prescribed twice. Says "
        "what was not looked at.",
        {
            "patient": "Patient/{{context.patientId}}",
            **_ALLERGIES,
            "flags": f"Flag?{_OF_PATIENT}&_count=200",
            "prescriptions": _DRUGS["prescriptions"],
        },
        frozenset({"patient", "allergies", "flags", "prescriptions"}),
        _warnings,
    ),
    *(
        Service(
            f"{hook}-check",
            hook,
            _ORDERS_TITLE,
            _ORDERS_SAID,
            {**_ALLERGIES, **_DRUGS},
            frozenset({"allergies", *_DRUGS}),
            _orders,
        )
        for hook in ("order-select", "order-sign")
    ),
)
"""The services that are published."""


def given_of(found: Mapping[str, Any]) -> Given:
    """What came along under each name: a resource, or a Bundle of a search; null counts as not given."""
    resources: dict[str, list[dict[str, Any]]] = {}
    incomplete = set()
    for name, value in found.items():
        if not isinstance(value, dict):
            continue
        if value.get("resourceType") != "Bundle":
            resources[name] = [value]
            continue
        entries = value.get("entry") if isinstance(value.get("entry"), list) else []
        resources[name] = [one for each in entries or () if (one := _matched(each)) is not None]
        if any(isinstance(link, dict) and link.get("relation") == "next" for link in value.get("link") or ()):
            incomplete.add(name)
    return Given(resources, frozenset(incomplete))


def _matched(entry: Any) -> dict[str, Any] | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
        return None
    mode = (entry.get("search") or {}).get("mode", "match")
    resource: dict[str, Any] = entry["resource"]
    return resource if mode == "match" else None


def about_another(given: Given, patient: str) -> str | None:
    """The first name under which something about another patient was given; None when there is none."""
    for name, resources in given.resources.items():
        for one in resources:
            about = one.get("patient") or one.get("subject")
            said = about.get("reference") if isinstance(about, dict) else None
            whose = one.get("id") if one.get("resourceType") == "Patient" else said
            if isinstance(whose, str) and whose.rpartition("/")[2] != patient:
                return name
    return None
