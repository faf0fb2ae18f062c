"""Hip fracture, knee replacement, gallstones, appendicitis, cataract, ankle fracture."""

from datetime import date, datetime, time, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart
from kontinuum.demo.stories.common import (
    Body,
    admit,
    build,
    emergency_unit,
    emergency_vitals,
    future,
    home_unit,
    vitals,
    ward_days,
)
from kontinuum.demo.timeline import any_hour, every, in_office_hours, no_later_than


def hip_fracture(chart: Chart, *, days_ago: int = 190) -> None:
    """Tell of a hip fracture: fall, operation, geriatric rehabilitation, home care, osteoporosis."""
    rng = chart.rng
    day = chart.today - timedelta(days=days_ago)
    shape = build(chart, weight=rng.uniform(48, 66), change=-2, systolic=138, pulse=80, saturation=96)
    start = any_hour(day, rng)
    acute = chart.contact(
        emergency_unit(chart),
        start,
        "Akutbesök",
        "Fall, höftsmärta",
        kind="EMER",
        end=start + timedelta(hours=3),
    )
    emergency_vitals(chart, acute, shape, shift={"pulse": 8})
    chart.labs(
        acute,
        title="Akutprover",
        haemoglobin=rng.gauss(119, 5),
        creatinine=rng.gauss(82, 9),
        sodium=rng.gauss(138, 2),
        inr=1.0,
        crp=abs(rng.gauss(5, 2)),
    )
    deeds.image(
        chart,
        acute,
        "Röntgen höft",
        "Fall i hemmet, höger höft förkortad och utåtroterad. Fraktur?",
        "Dislocerad cervikal höftfraktur höger sida, Garden 4. Ingen annan skelettskada.",
        after=0,
    )
    chart.note(
        acute,
        "akutbesok",
        orsak="smärta i höger höft efter fall i hemmet",
        bedömning="cervikal höftfraktur",
        neuro="Vaken och orienterad. Höger ben förkortat och utåtroterat, distalstatus u.a.",
        plan="Fascia iliaca-blockad, urinkateter, höftspår. Läggs in på Avdelning 46.",
    )
    _hip_operation(chart, day, shape)
    _hip_rehabilitation(chart, day, shape)
    _home_after_hip(chart, day, shape)


def _hip_operation(chart: Chart, day: date, body: Body) -> None:
    stay = admit(chart, "avd-46", day + timedelta(days=1), 6, "Cervikal höftfraktur")
    chart.diagnose(stay.contact, "S72.0", lasting=False)
    emergency_vitals(chart, stay.contact, body)
    operated = stay.contact.start + timedelta(hours=14)
    deeds.operate(chart, stay.contact, "NFB19", operated, reason="S72.0")
    chart.note(
        stay.contact,
        "operation",
        at=operated + timedelta(hours=2),
        ingrepp="Cementerad halvprotes höger höft, lateralt snitt.",
        kontroll="Full belastning tillåten. Hb dag 1 och 3.",
    )
    ward_days(
        chart,
        stay,
        body,
        shift={"pulse": 12, "temperature": 0.6},
        drugs={"paracetamol": "1 g peroralt", "tinzaparin": "4500 E subkutant"},
    )
    chart.note(
        stay.contact,
        "epikris",
        kind="discharge",
        at=stay.contact.start + timedelta(days=6),
        orsak="cervikal höftfraktur",
        förlopp="Opererad med halvprotes inom ett dygn. Mobiliserad dag 1.",
        läkemedel="Tinzaparin i fyra veckor, paracetamol, laktulos.",
        plan="Överförs till geriatriken för rehabilitering.",
    )


def _hip_rehabilitation(chart: Chart, day: date, body: Body) -> None:
    rehab = admit(chart, "geriatriken", day + timedelta(days=8), 14, "Rehabilitering efter höftfraktur")
    emergency_vitals(chart, rehab.contact, body)
    ward_days(chart, rehab, body, drugs={"paracetamol": "1 g peroralt"})
    chart.diagnose(rehab.contact, "M81.9")
    chart.diagnose(rehab.contact, "R29.6")
    for drug in ("alendronate", "calcium-d", "paracetamol"):
        chart.prescribe(rehab.contact, drug, reason="M81.9" if drug != "paracetamol" else None)
    deeds.warn(chart, rehab.contact, "Fallrisk.", kind="care-routine")
    deeds.warn(chart, rehab.contact, "Höftprotes (halvprotes).", kind="implant")


def _home_after_hip(chart: Chart, day: date, body: Body) -> None:
    rng = chart.rng
    start_home = chart.contact(
        "hemsjukvarden",
        in_office_hours(day + timedelta(days=24), rng),
        "Inskrivning hemsjukvård",
        "Efter utskrivning",
        profession="nurse",
        kind="HH",
    )
    chart.note(start_home, "hemsjukvard-start")
    deeds.plan(
        chart,
        start_home,
        "Samordnad individuell plan (SIP)",
        ["Hemtjänst fyra gånger dagligen", "Balansträning två gånger i veckan", "Läkemedel via hemsjukvård"],
        category="SIP",
    )
    for when in every(day + timedelta(days=31), chart.today, 12, rng):
        contact = chart.contact(
            "hemsjukvarden", when, "Hembesök", "Hemsjukvård", profession="nurse", kind="HH"
        )
        vitals(chart, contact, body)
        chart.note(contact, "hemsjukvard")


def knee(chart: Chart, *, days_ago: int = 300) -> None:
    """Tell of knee arthrosis that ends in a replacement at a private clinic's request."""
    rng, home = chart.rng, home_unit(chart)
    shape = build(chart, weight=rng.uniform(78, 102), systolic=136)
    first = chart.contact(
        home, in_office_hours(chart.today - timedelta(days=days_ago), rng), "Läkarbesök", "Knäsmärta"
    )
    vitals(chart, first, shape)
    chart.diagnose(first, "M17.9")
    chart.prescribe(first, "paracetamol-needed", reason="M17.9")
    chart.note(
        first,
        "kronisk-start",
        sjukdom="knäartros",
        Sjukdom="Gonartros",
        status="Knä: lätt hydrops, krepitationer.",
    )
    request = deeds.refer(
        chart,
        first,
        "strandvagen-ortopedi",
        "Remiss ortopedi",
        "Gonartros, artrosskola genomförd utan tillräcklig effekt. Ställningstagande till knäprotes.",
    )
    when = in_office_hours(chart.today - timedelta(days=days_ago - 70), rng)
    visit = chart.contact(
        "strandvagen-ortopedi", no_later_than(when, chart.today), "Ortopedbesök", "Gonartros"
    )
    chart.note(visit, "ortopedi")
    deeds.reply(
        chart,
        visit,
        request,
        "Röntgenverifierad gonartros med varusfelställning. Patienten är motiverad och uppsatt "
        "för knäprotes. Inga hållpunkter för annan genes.",
    )
    for training in every(chart.today - timedelta(days=max(20, days_ago - 20)), chart.today, 30, rng):
        contact = chart.contact(
            "tallbacken", training, "Fysioterapi", "Knäträning", profession="physiotherapist"
        )
        chart.note(contact, "fysioterapi")
    deeds.book(chart, "strandvagen-ortopedi", future(chart, 40), "Återbesök ortopedi")


def appendicitis(chart: Chart, *, days_ago: int = 120) -> None:
    """Tell of acute appendicitis, operated the same night."""
    rng = chart.rng
    day = chart.today - timedelta(days=days_ago)
    shape = build(chart, systolic=124)
    off = {"temperature": 1.4, "pulse": 20}
    start = datetime.combine(day, time(18, 20))
    acute = chart.contact(
        emergency_unit(chart), start, "Akutbesök", "Buksmärta", kind="EMER", end=start + timedelta(hours=4)
    )
    emergency_vitals(chart, acute, shape, shift=off)
    chart.labs(
        acute,
        title="Akutprover",
        crp=rng.uniform(40, 120),
        leukocytes=rng.uniform(11, 17),
        haemoglobin=rng.gauss(141, 6),
    )
    chart.note(
        acute,
        "akutbesok",
        orsak="buksmärta som vandrat till höger fossa",
        bedömning="akut appendicit",
        plan="Fastande, antibiotika intravenöst. Anmäls till operation.",
    )
    stay = admit(chart, "avd-51", day + timedelta(days=1), 2, "Akut appendicit")
    emergency_vitals(chart, stay.contact, shape)
    chart.diagnose(stay.contact, "K35.8", lasting=False)
    deeds.operate(chart, stay.contact, "JEA01", stay.contact.start + timedelta(hours=3), reason="K35.8")
    chart.note(
        stay.contact,
        "operation",
        at=stay.contact.start + timedelta(hours=5),
        ingrepp="Laparoskopisk appendektomi. Flegmonös appendix, ingen perforation.",
        kontroll="Hem när smärtan är kontrollerad.",
    )
    ward_days(chart, stay, shape, shift=off, drugs={"paracetamol": "1 g peroralt"})
    _surgical_follow_up(chart, day, "kirurgi-uppf-appendix")


def gallstones(chart: Chart, *, days_ago: int = 200) -> None:
    """Tell of gallstone attacks and an elective operation."""
    rng = chart.rng
    day = chart.today - timedelta(days=days_ago)
    shape = build(chart, weight=rng.uniform(74, 96), systolic=128)
    first = chart.contact(home_unit(chart), in_office_hours(day, rng), "Läkarbesök", "Buksmärta")
    vitals(chart, first, shape)
    chart.labs(
        first, alat=abs(rng.gauss(0.7, 0.2)), alp=abs(rng.gauss(1.8, 0.2)), bilirubin=rng.gauss(14, 3), crp=4
    )
    chart.diagnose(first, "K80.2", ended=day + timedelta(days=64))
    deeds.image(
        chart,
        first,
        "Ultraljud övre buk",
        "Gallstensanfall?",
        "Multipla konkrement i gallblåsan. Ingen gallgångsvidgning, inga tecken på kolecystit.",
        after=6,
    )
    deeds.refer(
        chart,
        first,
        "kirurgmottagningen",
        "Remiss kirurgi",
        "Återkommande gallstensanfall, ultraljudsverifierade konkrement. Operation?",
    )
    chart.note(
        first,
        "kronisk-start",
        sjukdom="gallstensanfall",
        Sjukdom="Gallstenssjukdom",
        status="Buk: lätt ömhet under höger arcus, ingen peritonit.",
    )
    stay = admit(chart, "avd-51", day + timedelta(days=64), 1, "Planerad galloperation")
    emergency_vitals(chart, stay.contact, shape)
    deeds.warn(chart, stay.contact, "Svårintuberad, videolaryngoskop krävdes.", kind="airway")
    deeds.operate(chart, stay.contact, "JKA21", stay.contact.start + timedelta(hours=2), reason="K80.2")
    chart.note(
        stay.contact,
        "operation",
        at=stay.contact.start + timedelta(hours=4),
        ingrepp="Laparoskopisk kolecystektomi med kolangiografi. Inga gångstenar.",
        kontroll="Hem dag 1.",
    )
    ward_days(chart, stay, shape)
    _surgical_follow_up(chart, day + timedelta(days=64), "kirurgi-uppf-galla")


def _surgical_follow_up(chart: Chart, day: date, theme: str) -> None:
    when = in_office_hours(day + timedelta(days=30), chart.rng)
    if when.date() < chart.today:
        contact = chart.contact("kirurgmottagningen", when, "Återbesök", "Efter operation")
        chart.note(contact, theme)


def cataract(chart: Chart, *, days_ago: int = 220) -> None:
    """Tell of cataract, operated on one eye."""
    rng = chart.rng
    for offset in (0, 60, 110):
        when = in_office_hours(chart.today - timedelta(days=days_ago - offset), rng)
        if when.date() >= chart.today:
            break
        contact = chart.contact("ogonmottagningen", when, "Läkarbesök ögon", "Katarakt")
        if offset == 0:
            chart.diagnose(contact, "H25.9")
        if offset == 60:
            deeds.operate(chart, contact, "CJE20", when, reason="H25.9")
            chart.note(
                contact,
                "ingrepp",
                ingrepp="Fakoemulsifikation vänster öga med implantation av bakre kammarlins.",
                kontroll="Dexametasondroppar enligt schema.",
            )
        else:
            chart.note(contact, "katarakt")


def ankle(chart: Chart, *, days_ago: int = 80) -> None:
    """Tell of an ankle fracture in a healthy person, treated in a boot."""
    rng = chart.rng
    start = any_hour(chart.today - timedelta(days=days_ago), rng)
    acute = chart.contact(
        emergency_unit(chart), start, "Akutbesök", "Fotledsskada", kind="EMER", end=start + timedelta(hours=3)
    )
    emergency_vitals(chart, acute, build(chart, systolic=126))
    deeds.image(
        chart,
        acute,
        "Röntgen fotled",
        "Vrickat höger fot på fotboll. Fraktur?",
        "Odislocerad fraktur av laterala malleolen, Weber B. Gaffeln stabil.",
        after=0,
    )
    chart.diagnose(acute, "S82.6", lasting=False)
    chart.prescribe(acute, "paracetamol-needed", until=start.date() + timedelta(days=20), renewals=False)
    chart.note(
        acute,
        "akutbesok",
        orsak="smärta i höger fotled efter vrickning",
        bedömning="stabil lateral malleolfraktur",
        plan="Ortos sex veckor, full belastning. Kontroll om en vecka.",
    )
    for when in every(start.date() + timedelta(days=45), chart.today, 20, rng):
        contact = chart.contact(
            "tallbacken", when, "Fysioterapi", "Rehabilitering fotled", profession="physiotherapist"
        )
        chart.note(contact, "fysioterapi")
