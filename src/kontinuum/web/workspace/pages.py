"""What every page of the workspace shares: who is signed in, which language and theme, and how it leaves.

A page is never cached and carries a Content-Security-Policy with a nonce of its own: no inline script or
style, no `eval`, nothing from another host. A form or request that changes something, or that carries a
personal identity number, is a POST with the session's CSRF token.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypedDict
from urllib.parse import quote, urlencode

import structlog
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from kontinuum.kernel.i18n import LANGUAGES, Translator, message, negotiate
from kontinuum.kernel.ids import is_id
from kontinuum.kernel.numbers import DIGITS
from kontinuum.record.context import missing
from kontinuum.record.outcome import Refusal, RefusalKind
from kontinuum.web.workspace.events import Event, tell
from kontinuum.web.workspace.templating import Templates
from kontinuum.web.workspace.typed import Typed, form_of, own_form, typed

if TYPE_CHECKING:
    from kontinuum.identity import Session
    from kontinuum.web.workspace.services import WorkspaceServices

_log = structlog.get_logger(__name__)


class _Number(Convertor[int]):
    """`{name:number}` in an address: the number of something that is stored."""

    regex = rf"[0-9]{{1,{DIGITS}}}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", _Number())

SESSION_COOKIE: Final = "kontinuum_session"
FORM_COOKIE: Final = "kontinuum_form"
LANGUAGE_COOKIE: Final = "kontinuum_language"
THEME_COOKIE: Final = "kontinuum_theme"
RAIL_COOKIE: Final = "kontinuum_rail"
"""Whether the rail is open: set by the browser's script."""
THEMES: Final = ("light", "dark")
BESIDE: Final = "x-beside"
"""The header with which a chart asks for a page that is to stand beside it."""
PATIENT: Final = "x-patient"
"""The header that says about whom an answer is, whatever its form; what has no form is sent with it."""
_YEAR: Final = 365 * 24 * 3600

_EXPLANATIONS: Final = {
    RefusalKind.NOT_FOUND: message("There is no such patient in this record."),
    RefusalKind.GONE: message("This patient's record has been removed by a decision."),
    RefusalKind.FORBIDDEN: message("You do not have access to this patient's record under your assignment."),
}


class _Marks(TypedDict):
    """What every cookie carries."""

    httponly: bool
    samesite: Literal["lax"]
    secure: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One request for a page by a signed-in person, and everything needed to answer it."""

    request: Request
    services: WorkspaceServices
    session: Session
    translator: Translator
    typed: tuple[Typed, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """The HSA-ids of the care unit and the care provider at which the person works."""
        assignment = self.session.principal.assignment
        return tuple(one for one in (assignment.unit, assignment.provider) if one)

    @property
    def partial(self) -> bool:
        """Whether htmx asks for a fragment to put into a page that is already open."""
        return "hx-request" in self.request.headers and "hx-boosted" not in self.request.headers

    @property
    def beside(self) -> bool:
        """Whether the page is asked for to be put beside the chart of its patient."""
        return self.partial and BESIDE in self.request.headers

    def render(
        self,
        template: str,
        values: Mapping[str, object],
        status: int = 200,
        *,
        form_targets: Sequence[str] = (),
    ) -> Response:
        """The template as a full page, or as a fragment for htmx; templates choose their layout by it.

        `form_targets` are other origins to which the answer to a form of the page may lead.
        """
        shared = shell_values(self.request, self.session, self.translator)
        shared["read_now"] = self.services.clock.now()
        shared["layout"] = "parts/fragment.html" if self.partial else "parts/layout.html"
        text = self.services.templates.render(self.translator.language, template, {**shared, **values})
        return respond(self.request, text, status, nonce=str(shared["nonce"]), form_targets=form_targets)

    def refuse(self, refusal: Refusal) -> Response:
        """Say why the gate refused; what has no words of its own for people is explained by its kind."""
        known = _EXPLANATIONS.get(refusal.kind)
        if known is None or any(issue.phrase for issue in refusal.issues):
            return self.problem(refusal.kind.value, refusal.in_words(self.translator), refusal.provision)
        return self.problem(refusal.kind.value, [self.translator.gettext(known)], refusal.provision)

    def redirect(self, path: str) -> Response:
        """Go on to another page, also when htmx asked for a part of one."""
        if self.partial:
            return Response(status_code=204, headers={"hx-redirect": path, "cache-control": "no-store"})
        return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER, headers={"cache-control": "no-store"})

    def problem(self, status: int, reasons: Sequence[str], provision: str | None = None) -> Response:
        """A page that says what is wrong and what to do; what the person had written is not lost by it."""
        values = _problem(self.request, status, reasons, self.typed)
        return self.render("pages/problem.html", {**values, "cited": provision}, status)


Handler = Callable[[Page], Awaitable[Response]]


def signed_in(
    services: WorkspaceServices,
    handler: Handler,
    *,
    when_locked: bool = False,
    resumable: bool = False,
    unattended: bool = False,
) -> Callable[[Request], Awaitable[Response]]:
    """Let only a signed-in person through, and on a POST only with the session's CSRF token.

    What is sent about a patient must name the one that its address names: a form that was filled in for one
    patient is never written about another. While the screen is locked only what is needed to unlock or leave
    it answers. A `resumable` page is one that another workstation can continue at. What a page asks
    `unattended` keeps no session alive.
    """

    async def endpoint(request: Request) -> Response:
        cookie = read_cookie(request, SESSION_COOKIE)
        session = await services.session(cookie, touch=not unattended)
        if session is None:
            return await _given_back(request, services, _SIGNED_OUT) or _ask_to_sign_in(request)
        if session.just_locked:
            await tell(services, Event.LOCK, session, "idle")
        if session.locked and not when_locked:
            return await _given_back(request, services, _LOCKED) or _ask_to_unlock(request)
        translator = translator_of(request, services.templates)
        page = Page(request, services, session, translator, await typed(request, translator))
        patient = request.path_params.get("patient")
        if patient is not None and not is_id(patient):
            return page.refuse(missing("Patient", patient))
        if request.method == "POST" and not await _token_agrees(request, session.csrf):
            return page.problem(HTTPStatus.FORBIDDEN, [page.translator.gettext(STALE_FORM)])
        if request.method == "POST" and not await _patient_agrees(request):
            return page.problem(HTTPStatus.CONFLICT, [page.translator.gettext(OTHER_PATIENT)])
        try:
            response = await handler(page)
            stands = resumable and response.status_code == HTTPStatus.OK
            if stands and (page.beside or not page.partial):
                await services.identity.sessions.note_page(cookie, session, _where(page))
        except Exception:
            # The last resort: the person gets a page in their language, the log gets the fault.
            _log.exception("page_failed", handler=handler.__qualname__)
            return page.problem(HTTPStatus.INTERNAL_SERVER_ERROR, [page.translator.gettext(_FAULT)])
        if patient is not None:
            response.headers[PATIENT] = quote(patient, safe="")
        return response

    return endpoint


_FAULT: Final = message("Something went wrong here. It is logged; try again, and tell support if it remains.")
STALE_FORM: Final = message(
    "The form was too old or came from another page. Go back, reload the page and try again."
)
OTHER_PATIENT: Final = message(
    "The form was filled in for another patient than the page is about, so nothing was written. "
    "Go back to the patient you meant."
)


def _ask_to_sign_in(request: Request) -> Response:
    """Send the person to the sign-in page, and back here afterwards when it was a page they asked for."""
    if _wants_stream(request):
        return Response(status_code=204)
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": "/sign-in", "cache-control": "no-store"})
    path = _path_with_query(request) if request.method == "GET" else "/"
    target = "/sign-in" if path == "/" else f"/sign-in?next={quote(path, safe='/')}"
    return RedirectResponse(target, status_code=303, headers={"cache-control": "no-store"})


def _ask_to_unlock(request: Request) -> Response:
    """Lead to the locked page, and back here afterwards; a part of a page is told to cover it."""
    if _wants_stream(request):
        return Response(status_code=204)
    if "hx-request" in request.headers or "x-lock" in request.headers:
        return Response(status_code=HTTPStatus.LOCKED, headers={"cache-control": "no-store"})
    path = _path_with_query(request) if request.method == "GET" else "/"
    return RedirectResponse(locked_path(path), status_code=303, headers={"cache-control": "no-store"})


class _Way(NamedTuple):
    """Why a form is not taken just now, and the way on."""

    status: HTTPStatus
    reason: str
    address: str
    label: str


_SIGNED_OUT: Final = _Way(
    HTTPStatus.UNAUTHORIZED,
    message("You are signed out, so nothing was saved."),
    "/sign-in",
    message("Sign in again"),
)
_LOCKED: Final = _Way(
    HTTPStatus.LOCKED,
    message("The screen is locked, so nothing was saved."),
    "/locked",
    message("Unlock"),
)


async def _given_back(request: Request, services: WorkspaceServices, way: _Way) -> Response | None:
    """What was typed in a whole page's form that comes without an open session; None where nothing was.

    It was on this screen a moment ago and is kept nowhere: shown once more, it can be copied before going on.
    """
    if request.method != "POST" or "hx-request" in request.headers or not own_form(request):
        return None
    translator = translator_of(request, services.templates)
    texts = await typed(request, translator)
    if not texts:
        return None
    values = {
        **shell_values(request, None, translator),
        **_problem(request, way.status, [translator.gettext(way.reason)], texts),
        "layout": "parts/layout.html",
        "onward": {"address": way.address, "label": translator.gettext(way.label)},
    }
    text = services.templates.render(translator.language, "pages/problem.html", values)
    return respond(request, text, way.status, nonce=str(values["nonce"]))


def _problem(
    request: Request, status: int, reasons: Sequence[str], texts: Sequence[Typed]
) -> dict[str, object]:
    """The values of the page that says what is wrong."""
    tried = request.method == "POST"
    shared = {"reasons": reasons, "tried": tried, "typed": texts, "status": int(status)}
    return {**shared, "cited": None, "onward": None}


def _wants_stream(request: Request) -> bool:
    """Whether a stream of events is asked for: 204 is how a browser is told not to come again by itself."""
    return "text/event-stream" in request.headers.get("accept", "")


def locked_path(target: str) -> str:
    """The address of the locked page from which unlocking leads to a page."""
    return f"/locked?{urlencode({'next': target})}"


def _where(page: Page) -> str:
    """Where the person is: a page, or a chart with a page beside it."""
    path = _path_with_query(page.request)
    chart = f"/patient/{page.request.path_params.get('patient', '')}"
    if not page.beside or not path.startswith(f"{chart}/"):
        return path
    return f"{chart}?{urlencode({'beside': path.removeprefix(f'{chart}/')})}"


def _path_with_query(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


async def _token_agrees(request: Request, expected: str) -> bool:
    given = request.headers.get("x-csrf-token")
    if given is None:
        field = (await form_of(request)).get("csrf")
        given = field if isinstance(field, str) else ""
    return hmac.compare_digest(given.encode(), expected.encode())


async def _patient_agrees(request: Request) -> bool:
    """Whether what is sent to a patient's address names that patient, and nobody else."""
    meant = request.path_params.get("patient")
    said = request.headers.getlist(PATIENT) or (await form_of(request)).getlist("patient")
    return meant is None or said == [meant]


def translator_of(request: Request, templates: Templates) -> Translator:
    """The translator for the language chosen before, else the one the browser asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    language = chosen if chosen in LANGUAGES else negotiate(request.headers.get("accept-language", ""))
    return templates.translators[language]


def shell_values(request: Request, session: Session | None, translator: Translator) -> dict[str, object]:
    """The values that the layout needs on every page."""
    theme = request.cookies.get(THEME_COOKIE)
    return {
        "nonce": secrets.token_urlsafe(16),
        "theme": theme if theme in THEMES else None,
        "rail_open": request.cookies.get(RAIL_COOKIE) == "open",
        "other_language": "en" if translator.language == "sv" else "sv",
        "here": request.url.path if request.method == "GET" else "/",
        "user": session.principal if session else None,
        "csrf": session.csrf if session else "",
        "session": session,
        "patient": None,
    }


def respond(
    request: Request, text: str, status: int = 200, *, nonce: str, form_targets: Sequence[str] = ()
) -> Response:
    """A page with the headers that all pages carry."""
    policy = (
        "default-src 'none'; "
        f"script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'nonce-{nonce}'; "
        "font-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
        f"form-action 'self'{''.join(f' {each}' for each in form_targets)}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(self)",
        "vary": "accept-language, cookie, hx-request",
    }
    return HTMLResponse(text, status, headers)


def read_cookie(request: Request, name: str) -> str:
    """The value of a cookie that `set_cookie` set; empty when there is none."""
    return request.cookies.get(_cookie_name(request, name), "")


def set_cookie(request: Request, response: Response, name: str, value: str, *, lasting: bool = False) -> None:
    """Set a cookie that scripts cannot read; it ends with the browser session unless it is lasting."""
    age = _YEAR if lasting else None
    response.set_cookie(_cookie_name(request, name), value, max_age=age, **_cookie_marks(request))


def delete_cookie(request: Request, response: Response, name: str) -> None:
    """Remove a cookie that `set_cookie` set."""
    response.delete_cookie(_cookie_name(request, name), **_cookie_marks(request))


def _cookie_marks(request: Request) -> _Marks:
    return {"httponly": True, "samesite": "lax", "secure": _is_encrypted(request)}


def _cookie_name(request: Request, name: str) -> str:
    """With encryption the name binds the cookie to this host and to https: no other site can plant it."""
    lasting = name in (LANGUAGE_COOKIE, THEME_COOKIE)
    return f"__Host-{name}" if _is_encrypted(request) and not lasting else name


def _is_encrypted(request: Request) -> bool:
    return request.url.scheme == "https"


def safe_path(path: str) -> str:
    """A path on this site to go to next; the start page for anything that could lead elsewhere."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside else "/"
