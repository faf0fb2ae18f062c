"""Nursing plans of a stay on a ward, as the ward's nurses write them; the care of the day waits."""

from typing import Final

from kontinuum.demo import resources as fhir
from kontinuum.demo.chart import Chart, Contact
from kontinuum.demo.timeline import stamp

_VIPS: Final = "urn:kontinuum:codes:vips"
_KIND: Final = "urn:kontinuum:codes:care-plan"

_PLANS: Final = (
    (
        ("breathing", "Andning/cirkulation"),
        "Andfådd vid ansträngning och ödem på grund av försämrad hjärtsvikt",
        "Andas obesvärat i vila och har gått ner i vikt till sin målvikt",
        (("Väg patienten före frukost", ("07:00:00",)), ("Registrera vätska", ("14:00:00", "21:00:00"))),
    ),
    (
        ("skin", "Hud/vävnad"),
        "Risk för trycksår, svullna underben och nedsatt aktivitet",
        "Hel hud när patienten skrivs ut",
        (
            ("Inspektera hud över sakrum och hälar", ("08:00:00", "20:00:00")),
            ("Högläge för benen när patienten sitter", ()),
        ),
    ),
    (
        ("activity", "Aktivitet"),
        "Fallrisk när patienten går upp på natten",
        "Går till toaletten med rollator utan att falla",
        (("Gå i korridoren med stöd", ("10:00:00", "15:00:00")), ("Följ med till toaletten", None)),
    ),
)
"""(keyword, need, goal, actions); times, () for some time of the day, None for when needed."""


def nursing_plans(chart: Chart, contact: Contact) -> None:
    """Make the plans that go on during a stay, http://hl7.org/fhir/R4/careplan.html."""
    nurse = chart.region.authors(contact.unit.key, "nurse")[0]
    author, day = fhir.reference(nurse.reference, nurse.display), contact.start.date().isoformat()
    for (code, words), need, aim, actions in _PLANS:
        goal = chart.add(
            contact.unit,
            "Goal",
            "goal",
            {
                "lifecycleStatus": "active",
                "description": {"text": aim},
                "subject": fhir.reference(chart.subject),
                "startDate": day,
                "expressedBy": author,
            },
        )
        chart.add(
            contact.unit,
            "CarePlan",
            "plan",
            {
                "status": "active",
                "intent": "plan",
                "category": [
                    fhir.concept(_KIND, "nursing", "Omvårdnadsplan"),
                    fhir.concept(_VIPS, code, words),
                ],
                "title": need,
                "subject": fhir.reference(chart.subject),
                "encounter": fhir.reference(contact.reference),
                "period": {"start": day},
                "created": stamp(contact.start),
                "author": author,
                "goal": [fhir.reference(goal)],
                "activity": [
                    {"id": f"a{number}", "detail": _detail(text, times, day)}
                    for number, (text, times) in enumerate(actions, start=1)
                ],
            },
        )


def _detail(text: str, times: tuple[str, ...] | None, day: str) -> fhir.Resource:
    made: fhir.Resource = {"kind": "ServiceRequest", "status": "in-progress", "description": text}
    if times is None:
        return {**made, "scheduledString": "Vid behov"}
    repeat: fhir.Resource = {"boundsPeriod": {"start": day}, "frequency": max(1, len(times))}
    repeat |= {"period": 1, "periodUnit": "d"}
    return {**made, "scheduledTiming": {"repeat": repeat | ({"timeOfDay": list(times)} if times else {})}}
