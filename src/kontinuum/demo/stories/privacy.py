"""What patients decide about who may read: blocks and consents, in the form that the law reads."""

from datetime import datetime, time, timedelta
from typing import Any

from kontinuum.demo.chart import Chart
from kontinuum.demo.timeline import stamp
from kontinuum.sweden import systems

_SCOPE = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
_POLICY = "https://rkrattsbaser.gov.se/sfst?bet=2008:355"


def inner_block(chart: Chart, *, unit: str, days_ago: int = 60, kept: tuple[str, ...] = ()) -> None:
    """Tell of a block on a unit's documentation for all other units (patientdatalagen (2008:355) 4:4)."""
    provision: dict[str, Any] = {"type": "deny"}
    if kept:
        classes = [{"system": systems.INFORMATION_TYPE, "code": group} for group in kept]
        provision["provision"] = [{"type": "permit", "class": classes}]
    _decide(chart, unit, "inner-block", days_ago, provision, chart.unit(unit).hsa)


def outer_block(chart: Chart, *, unit: str, days_ago: int = 60) -> None:
    """Tell of a block on a whole care provider's documentation for other providers (lag (2022:913))."""
    _decide(chart, unit, "outer-block", days_ago, {"type": "deny"}, chart.unit(unit).provider.hsa)


def consents(chart: Chart, *, unit: str, days_ago: int = 20, days: int = 365) -> None:
    """Tell of consent that a unit's care provider reads what other providers have documented."""
    given = _moment(chart, days_ago)
    period = {"start": stamp(given), "end": stamp(given + timedelta(days=days))}
    _decide(chart, unit, "coherent-record", days_ago, {"type": "permit", "period": period}, None)


def _decide(
    chart: Chart, unit: str, kind: str, days_ago: int, provision: dict[str, Any], whose: str | None
) -> None:
    consent: dict[str, Any] = {
        "status": "active",
        "scope": {"coding": [_SCOPE]},
        "category": [{"coding": [{"system": systems.CONSENT_KIND, "code": kind}]}],
        "patient": {"reference": chart.subject},
        "dateTime": stamp(_moment(chart, days_ago)),
        "policy": [{"uri": _POLICY}],
        "provision": provision,
    }
    if whose is not None:
        consent["organization"] = [{"identifier": {"system": systems.HSA_ID, "value": whose}}]
    chart.add(chart.unit(unit), "Consent", "cns", consent)


def _moment(chart: Chart, days_ago: int) -> datetime:
    return datetime.combine(chart.today - timedelta(days=days_ago), time(10, 15))
