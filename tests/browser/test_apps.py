"""SMART's own client for browsers opens a chart: registered, launched, permitted and withdrawn by people."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.async_api import expect

from tests.browser.conftest import FULLEST, Open, accessibility_problems

FHIRCLIENT = Path(__file__).parent / "vendor" / "fhirclient" / "fhir-client.pure.min.js"
ADMINISTRATOR = "Rickard Hult"
SCOPES = "launch launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs"

LAUNCH = """<!doctype html><link rel="icon" href="data:,"><script src="client.js"></script><script>
FHIR.oauth2.authorize({clientId: "tillvaxt", redirectUri: "chart.html", pkceMode: "required",
  scope: "launch openid fhirUser patient/Patient.rs patient/Observation.rs"});
</script>"""
ALONE = """<!doctype html><link rel="icon" href="data:,"><script src="client.js"></script><script>
FHIR.oauth2.authorize({clientId: "tillvaxt", redirectUri: "chart.html", pkceMode: "required",
  iss: new URLSearchParams(location.search).get("at"),
  scope: "launch/patient offline_access patient/Patient.rs patient/Observation.rs"});
</script>"""
CHART = """<!doctype html><link rel="icon" href="data:,"><h1></h1><p></p><ul></ul>
<script src="client.js"></script><script>
FHIR.oauth2.ready().then(async client => {
  const patient = await client.patient.read();
  const found = await client.patient.request("Observation?_count=5");
  document.querySelector("ul").innerHTML = found.entry.map(() => "<li>").join("");
  document.querySelector("p").textContent = client.user.fhirUser || "";
  document.querySelector("h1").textContent = patient.id;
}).catch(error => { document.querySelector("h1").textContent = String(error); });
</script>"""


@pytest.fixture
def app() -> Iterator[str]:
    """The address at which the app's pages are served."""
    pages = {"/launch.html": LAUNCH, "/alone.html": ALONE, "/chart.html": CHART}

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            script = path == "/client.js"
            body = FHIRCLIENT.read_bytes() if script else pages.get(path, "").encode()
            self.send_response(200)
            self.send_header("content-type", "text/javascript" if script else "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_an_app_is_registered_opened_from_a_chart_and_by_itself_and_withdrawn(
    visit: Open, live_server: str, app: str
) -> None:
    register = await visit("/admin/apps", name=ADMINISTRATOR)
    await register.locator("#app-name").fill("Tillväxtkurvan")
    await register.locator("#app-id").fill("tillvaxt")
    await register.get_by_label("Inte alls").check()
    await register.locator("#app-scopes").fill(SCOPES)
    await register.locator("#app-redirects").fill(f"{app}/chart.html")
    await register.locator("#app-launch").fill(f"{app}/launch.html")
    await register.get_by_role("button", name="Registrera", exact=True).click()
    await register.get_by_text("Tillväxtkurvan är registrerad.").wait_for()
    assert await accessibility_problems(register) == []

    page = await visit(f"/patient/{FULLEST}")
    await page.get_by_role("link", name="Appar").click()
    assert await accessibility_problems(page) == []
    await page.get_by_role("button", name="Öppna").click()
    await page.wait_for_url(f"{app}/chart.html*")
    await page.locator("h1", has_text=FULLEST).wait_for()
    await expect(page.locator("li")).to_have_count(5)
    await expect(page.locator("p")).to_have_text("Practitioner/s-anna-berglund")

    await page.goto(f"{app}/alone.html?at={live_server}/fhir")
    await page.get_by_role("heading", name="Får Tillväxtkurvan agera åt dig?").wait_for()
    assert await accessibility_problems(page) == []
    await page.get_by_label("Vilken patient gäller det?").fill("Karlsson")
    await page.get_by_role("button", name="Sök").click()
    chosen = page.locator(".person-option").first
    patient = await chosen.get_attribute("value")
    assert await accessibility_problems(page) == []
    await chosen.click()
    await page.get_by_role("button", name="Tillåt", exact=True).click()
    await page.wait_for_url(f"{app}/chart.html*")
    await page.locator("h1", has_text=str(patient)).wait_for()

    await page.goto(f"{live_server}/my-apps")
    assert await accessibility_problems(page) == []
    permitted = page.get_by_role("button", name="Ta tillbaka")
    before = await permitted.count()
    await permitted.first.click()
    await expect(permitted).to_have_count(before - 1)
    await register.goto("/admin/apps")
    await register.get_by_role("button", name="Avsluta").click()
    await expect(register.get_by_text("Ingen app är registrerad.")).to_be_visible()
