"""Short contacts: infections, back pain, anaphylaxis, the unknown, the newly arrived, vaccinations."""

from datetime import datetime, time, timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart
from kontinuum.demo.stories.common import (
    admit,
    build,
    emergency_unit,
    emergency_vitals,
    home_unit,
    lives_on_gotland,
    vitals,
    ward_days,
)
from kontinuum.demo.timeline import any_hour, every, in_office_hours


def cold(chart: Chart, *, days_ago: int | None = None) -> None:
    """Tell of a respiratory infection that needs no antibiotics."""
    rng = chart.rng
    when = in_office_hours(chart.today - timedelta(days=days_ago or 15 + rng.randrange(700)), rng)
    contact = chart.contact(home_unit(chart), when, "Läkarbesök", "Luftvägsinfektion")
    chart.measure(
        contact, temperature=rng.gauss(37.6, 0.5), saturation=rng.gauss(97.5, 0.8), pulse=rng.gauss(82, 8)
    )
    chart.labs(contact, title="Patientnära prov", crp=abs(rng.gauss(12, 9)))
    chart.diagnose(contact, "J06.9", lasting=False)
    chart.note(contact, "forkylning")


def cystitis(chart: Chart, *, times: int = 3) -> None:
    """Tell of recurring lower urinary tract infections."""
    rng = chart.rng
    for when in every(chart.today - timedelta(days=200 * times), chart.today - timedelta(days=9), 200, rng):
        contact = chart.contact(home_unit(chart), when, "Läkarbesök", "Urinvägsbesvär")
        chart.measure(contact, temperature=rng.gauss(36.9, 0.2))
        chart.diagnose(contact, "N30.0", lasting=False)
        chart.prescribe(
            contact, "pivmecillinam", until=when.date() + timedelta(days=5), reason="N30.0", renewals=False
        )
        chart.note(contact, "uvi")


def back_pain(chart: Chart, *, days_ago: int = 150) -> None:
    """Tell of back pain: doctor once, then physiotherapy."""
    rng = chart.rng
    day = chart.today - timedelta(days=days_ago)
    contact = chart.contact(home_unit(chart), in_office_hours(day, rng), "Läkarbesök", "Ryggsmärta")
    vitals(chart, contact, build(chart, systolic=126))
    chart.diagnose(contact, "M54.5", ended=day + timedelta(days=min(90, days_ago)))
    chart.uses(contact, "paracetamol-needed")
    chart.prescribe(contact, "naproxen", until=day + timedelta(days=10), reason="M54.5", renewals=False)
    chart.note(contact, "ryggont")
    for index, when in enumerate(every(day + timedelta(days=12), chart.today, 18, rng)):
        if index == 5:
            break
        training = chart.contact(
            "tallbacken", when, "Fysioterapi", "Ryggsmärta", profession="physiotherapist"
        )
        chart.note(training, "fysioterapi")


_REACTIONS = (
    ("penicillin", "penicillin", "Urtikaria"),
    ("trimethoprim", "trimetoprim", "Makulopapulöst utslag"),
    ("contrast", "jodkontrast", "Urtikaria"),
    ("codeine", "kodein", "Klåda och illamående"),
)


def drug_reaction(chart: Chart, *, days_ago: int = 900, which: int | None = None) -> None:
    """Tell of a rash from a drug: an allergy on record."""
    rng = chart.rng
    substance, name, reaction = _REACTIONS[rng.randrange(len(_REACTIONS)) if which is None else which]
    when = in_office_hours(chart.today - timedelta(days=days_ago), rng)
    contact = chart.contact(home_unit(chart), when, "Läkarbesök", "Läkemedelsreaktion")
    vitals(chart, contact, build(chart, systolic=126))
    deeds.allergy(chart, contact, substance, reaction)
    chart.note(contact, "overkanslighet", ämne=name)


def anaphylaxis(chart: Chart, *, days_ago: int = 500) -> None:
    """Tell of anaphylaxis to peanut: the warning and the adrenaline pen stay."""
    rng = chart.rng
    start = any_hour(chart.today - timedelta(days=days_ago), rng)
    shape = build(chart, systolic=118)
    acute = chart.contact(
        emergency_unit(chart),
        start,
        "Akutbesök",
        "Allergisk reaktion",
        kind="EMER",
        end=start + timedelta(hours=8),
    )
    emergency_vitals(
        chart, acute, shape, shift={"systolic": -30, "pulse": 38, "saturation": -5, "respiration": 12}
    )
    chart.diagnose(acute, "T78.0", lasting=False)
    deeds.allergy(chart, acute, "peanut", "Anafylaxi: blodtrycksfall, urtikaria, andningsbesvär", severe=True)
    chart.prescribe(acute, "adrenaline", reason="T78.0")
    chart.note(
        acute,
        "akutbesok",
        orsak="klåda, svullnad och andningsbesvär efter måltid med jordnöt",
        bedömning="anafylaxi grad 2",
        plan=(
            "Adrenalin intramuskulärt x 2 med god effekt. Observation 8 timmar. Adrenalinpenna "
            "förskrivs, anmäld varning."
        ),
    )


def unidentified(chart: Chart) -> None:
    """Tell of someone without identity at the emergency department, still under observation."""
    rng = chart.rng
    start = datetime.combine(chart.today - timedelta(days=1), time(22, 15))
    acute = chart.contact(
        emergency_unit(chart),
        start,
        "Akutbesök",
        "Medvetandesänkt, oidentifierad",
        kind="EMER",
        end=start + timedelta(hours=5),
    )
    emergency_vitals(
        chart, acute, build(chart, systolic=128, pulse=92), shift={"saturation": -2, "temperature": -1.1}
    )
    chart.labs(
        acute,
        title="Akutprover",
        glucose=6.1,
        haemoglobin=rng.gauss(141, 4),
        creatinine=rng.gauss(80, 6),
        sodium=139,
        potassium=3.6,
        crp=7,
    )
    deeds.image(
        chart,
        acute,
        "DT hjärna",
        "Skalltrauma, medvetandesänkt. Blödning?",
        "Ingen intrakraniell blödning. Ingen fraktur. Normalvida ventriklar.",
        after=0,
    )
    chart.diagnose(acute, "S06.0", lasting=False)
    deeds.warn(chart, acute, "Identitet ej fastställd. Reservnummer.")
    chart.note(acute, "okand")


def newly_arrived(chart: Chart) -> None:
    """Tell of someone with no history here: registered, nothing more."""


def asylum_examination(chart: Chart) -> None:
    """Tell of a health examination with interpreter, and a letter brought from abroad."""
    rng = chart.rng
    when = in_office_hours(chart.today - timedelta(days=30), rng)
    contact = chart.contact(home_unit(chart), when, "Hälsoundersökning", "Nyanländ")
    vitals(chart, contact, build(chart, systolic=118))
    chart.labs(
        contact, haemoglobin=rng.gauss(128, 6), ferritin=rng.gauss(22, 5), crp=2, vitamin_d=rng.gauss(31, 5)
    )
    deeds.attach(
        chart,
        contact,
        "Läkarbrev från hemlandet (översatt)",
        "Översättning av medhavd handling.\nPatienten opererades för blindtarmsinflammation "
        "2014. Ingen känd överkänslighet. Inga regelbundna läkemedel.",
    )
    deeds.deny(chart, contact)
    deeds.warn(chart, contact, "Behöver tolk.", kind="care-routine")
    chart.note(contact, "nyanland")


def seasonal_vaccination(chart: Chart, *, years: int = 4) -> None:
    """Tell of yearly influenza vaccination and some doses against covid-19."""
    rng = chart.rng
    for back in range(years, 0, -1):
        day = datetime(chart.today.year - back, 11, 1 + rng.randrange(25)).date()
        if day >= chart.today:
            continue
        contact = chart.contact(
            home_unit(chart),
            in_office_hours(day, rng),
            "Vaccination",
            "Säsongsvaccination",
            profession="nurse",
        )
        deeds.vaccinate(chart, contact, "influenza")
        if back <= 3:
            deeds.vaccinate(chart, contact, "covid", 6 - back)
        chart.note(contact, "vaccination")


def sepsis(chart: Chart, *, days_ago: int = 240) -> None:
    """Tell of urosepsis treated on a ward on Gotland or in Stockholm, by where the patient lives."""
    rng = chart.rng
    day = chart.today - timedelta(days=days_ago)
    shape = build(chart, systolic=126, pulse=80)
    off = {"temperature": 2.4, "pulse": 34, "systolic": -34, "respiration": 10, "saturation": -4}
    stay = admit(chart, "visby-medicin" if lives_on_gotland(chart) else "geriatriken", day, 6, "Urosepsis")
    emergency_vitals(chart, stay.contact, shape, shift=off)
    chart.labs(
        stay.contact,
        title="Akutprover",
        crp=rng.uniform(160, 320),
        leukocytes=rng.uniform(15, 24),
        creatinine=rng.gauss(140, 20),
        platelets=rng.gauss(130, 20),
        haemoglobin=rng.gauss(124, 5),
    )
    chart.diagnose(stay.contact, "A41.9", lasting=False)
    chart.note(
        stay.contact,
        "inskrivning",
        kind="admission",
        orsak="feber och påverkat allmäntillstånd",
        anamnes=(
            "Frossa och feber sedan i går kväll, sveda vid vattenkastning några dagar före. Ingen "
            "hosta, ingen utlandsresa."
        ),
        fynd="Dunköm över höger njurloge.",
        bedömning="Urosepsis. Blodtrycket svarar på vätska. Ingen hållpunkt för meningit.",
        plan="Odlingar, cefotaxim intravenöst, vätska. Timdiures. Ny bedömning om två timmar.",
    )
    ward_days(chart, stay, shape, shift=off, drugs={"cefotaxime": "1 g intravenöst"})
    chart.note(
        stay.contact,
        "epikris",
        kind="discharge",
        at=stay.contact.start + timedelta(days=6),
        orsak="urosepsis",
        förlopp="Snabb förbättring, feberfri dag 3. Växt av E. coli i blod och urin.",
        läkemedel="Ciprofloxacin i totalt sju dagar, avslutas i hemmet.",
        plan="Kreatininkontroll på vårdcentralen om två veckor.",
    )
