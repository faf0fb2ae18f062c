"""Long-term conditions that follow one pattern: controls at a unit, samples, drugs, notes."""

from dataclasses import dataclass
from datetime import timedelta

from kontinuum.demo import deeds
from kontinuum.demo.chart import Chart
from kontinuum.demo.stories.common import build, future, home_unit, vitals
from kontinuum.demo.timeline import every, no_later_than


@dataclass(frozen=True, slots=True)
class Course:
    """One condition: code, names, findings, where it is followed, drugs, samples (mean, spread)."""

    code: str
    name: str
    title: str
    findings: str
    drugs: tuple[str, ...] = ()
    labs: tuple[tuple[str, float, float], ...] = ()
    unit: str | None = None
    days: int = 200
    theme: str = "kronisk"
    warning: str | None = None


COURSES = {
    "rheumatoid": Course(
        "M05.9",
        "reumatoid artrit",
        "Reumatoid artrit",
        "Inga svullna leder.",
        ("methotrexate", "folic-acid", "adalimumab"),
        (
            ("crp", 4, 2),
            ("esr", 14, 4),
            ("alat", 0.5, 0.1),
            ("haemoglobin", 132, 5),
            ("leukocytes", 6.2, 0.8),
        ),
        "reumatologen",
        110,
        "reumatologi",
        "Immunhämmande behandling: infektionskänslighet, inga levande vacciner.",
    ),
    "kidney": Course(
        "N18.4",
        "kronisk njursvikt",
        "Kronisk njursvikt stadium 4",
        "Inga ödem.",
        ("losartan", "furosemide", "allopurinol"),
        (
            ("egfr", 23, 2),
            ("creatinine", 228, 16),
            ("potassium", 4.9, 0.25),
            ("phosphate", 1.5, 0.15),
            ("haemoglobin", 112, 5),
            ("calcium", 2.24, 0.06),
            ("urea", 19, 2),
        ),
        "njurmottagningen",
        80,
        "njure",
        "Njursvikt stadium 4: dosjustera läkemedel, undvik NSAID och jodkontrast.",
    ),
    "parkinson": Course(
        "G20.9",
        "Parkinsons sjukdom",
        "Parkinsons sjukdom",
        "Neuro: lätt rigiditet höger arm, vilotremor, hypomimik. Går utan stöd.",
        ("levodopa",),
        (),
        "strokeenheten",
        150,
    ),
    "epilepsy": Course(
        "G40.9",
        "epilepsi",
        "Epilepsi",
        "Neuro: u.a.",
        ("lamotrigine",),
        (("sodium", 140, 1.5), ("alat", 0.4, 0.1)),
        "strokeenheten",
        300,
        "kronisk",
        "Epilepsi: tonisk-kloniska anfall, särskild plan vid anfall.",
    ),
    "migraine": Course(
        "G43.9",
        "migrän",
        "Migrän",
        "Neuro: u.a., inga papillödem.",
        ("sumatriptan", "metoprolol"),
        (),
        None,
        240,
    ),
    "gout": Course(
        "M10.9",
        "gikt",
        "Gikt",
        "Höger stortåled utan rodnad.",
        ("allopurinol", "colchicine"),
        (("urate", 372, 40), ("creatinine", 88, 6)),
        None,
        300,
    ),
    "psoriasis": Course(
        "L40.0",
        "psoriasis",
        "Psoriasis vulgaris",
        "Plack på armbågar.",
        ("betamethasone-cream", "emollient"),
        (),
        "strandvagen-hud",
        160,
        "psoriasis",
    ),
    "eczema": Course(
        "L20.9",
        "atopiskt eksem",
        "Atopiskt eksem",
        "Torr hud i armveck.",
        ("hydrocortisone-cream", "emollient"),
        (),
        "strandvagen-hud",
        170,
        "eksem",
    ),
    "colitis": Course(
        "K51.9",
        "ulcerös kolit",
        "Ulcerös kolit",
        "Buk: mjuk och oöm.",
        ("mesalazine",),
        (("calprotectin", 90, 40), ("haemoglobin", 131, 5), ("crp", 3, 1), ("ferritin", 42, 12)),
        "kirurgmottagningen",
        170,
    ),
    "prostate": Course(
        "N40.9",
        "prostataförstoring",
        "Benign prostataförstoring",
        "Per rektum: förstorad, elastisk prostata utan hårdhet.",
        ("tamsulosin",),
        (("psa", 2.4, 0.4), ("creatinine", 84, 6)),
        None,
        330,
    ),
    "glaucoma": Course(
        "H40.1",
        "glaukom",
        "Öppenvinkelglaukom",
        "Tryck 15/16 mmHg.",
        ("latanoprost",),
        (),
        "ogonmottagningen",
        170,
        "glaukom",
    ),
    "macula": Course(
        "H35.3",
        "makuladegeneration",
        "Torr makuladegeneration",
        "Drusen bilateralt.",
        (),
        (),
        "ogonmottagningen",
        200,
        "makula",
    ),
    "osteoporosis": Course(
        "M81.9",
        "osteoporos",
        "Osteoporos",
        "Längd oförändrad. Ingen kotpelarömhet.",
        ("alendronate", "calcium-d"),
        (("calcium", 2.36, 0.05), ("vitamin-d", 66, 12)),
        None,
        330,
    ),
    "anxiety": Course(
        "F41.1",
        "ångest",
        "Generaliserat ångestsyndrom",
        "Psyk: adekvat kontakt, ingen suicidalitet.",
        ("sertraline",),
        (),
        None,
        100,
    ),
    "apnoea": Course(
        "G47.3",
        "sömnapné",
        "Obstruktiv sömnapné",
        "BMI oförändrat. Använder CPAP fem timmar per natt.",
        (),
        (),
        "lungmottagningen",
        330,
    ),
    "anaemia": Course(
        "D50.9",
        "järnbristanemi",
        "Järnbristanemi",
        "Blek men opåverkad.",
        ("iron",),
        (("haemoglobin", 112, 7), ("ferritin", 14, 6), ("mcv", 79, 2)),
        None,
        70,
    ),
    "alcohol": Course(
        "F10.2",
        "alkoholberoende",
        "Alkoholberoende",
        "Inga abstinenstecken. Ingen ikterus.",
        (),
        (("alat", 1.1, 0.3), ("asat", 1.0, 0.3), ("platelets", 160, 25), ("mcv", 98, 2)),
        None,
        60,
        "alkohol",
    ),
}


def chronic(chart: Chart, *, which: str, years: float = 4) -> None:
    """Tell of one of `COURSES` over some years, with a booking to come."""
    rng, course = chart.rng, COURSES[which]
    unit = course.unit or home_unit(chart)
    start = chart.today - timedelta(days=round(365 * years))
    shape = build(chart, systolic=128)
    for index, when in enumerate(every(start, chart.today, course.days, rng)):
        contact = chart.contact(unit, when, "Läkarbesök", course.title)
        vitals(chart, contact, shape)
        if course.labs:
            chart.samples(contact, {name: abs(rng.gauss(mean, spread)) for name, mean, spread in course.labs})
        if index == 0:
            chart.diagnose(contact, course.code)
            for drug in course.drugs:
                chart.prescribe(contact, drug, reason=course.code)
            if course.warning:
                deeds.warn(chart, contact, course.warning, kind="serious-disease")
        theme = "kronisk-start" if index == 0 else course.theme
        chart.note(contact, theme, sjukdom=course.name, Sjukdom=course.title, status=course.findings)
        if index and course.drugs and rng.random() < 0.4:
            later = no_later_than(when + timedelta(days=60 + rng.randrange(60)), chart.today)
            renewal = chart.contact(home_unit(chart), later, "Receptförnyelse", "Begäran via 1177", kind="VR")
            chart.note(renewal, "receptfornyelse")
    if rng.random() < 0.7:
        deeds.book(chart, unit, future(chart, 20 + rng.randrange(160)), f"Återbesök, {course.name}")
