"""Work that waits: the list of a person and of a unit, and doing what is on it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kontinuum.kernel.principal import ActorKind, Principal, Purpose
from kontinuum.web.workspace.files import related
from kontinuum.web.workspace.pages import Handler, Page, signed_in
from kontinuum.web.workspace.services import WorkspaceServices
from kontinuum.web.workspace.work import doing, inbox, kept, phrases, stream, tasks, together

__all__ = ["work_routes"]


def work_routes(services: WorkspaceServices) -> list[BaseRoute]:
    """The routes of the list, of signing and handing over, and of phrases."""
    return [
        Route("/inbox", signed_in(services, _in_care(inbox.show_inbox), resumable=True), methods=["GET"]),
        Route("/inbox", signed_in(services, _in_care(inbox.show_again)), methods=["POST"]),
        Route("/inbox/count", signed_in(services, _in_care(stream.count), unattended=True), methods=["GET"]),
        Route(
            "/inbox/sign", signed_in(services, _in_care(doing.show_signing), resumable=True), methods=["GET"]
        ),
        Route("/inbox/sign", signed_in(services, _in_care(doing.sign)), methods=["POST"]),
        Route("/inbox/read", signed_in(services, _in_care(doing.read_marked)), methods=["POST"]),
        Route("/inbox/hand-over", signed_in(services, _in_care(doing.hand_over)), methods=["POST"]),
        Route("/inbox/ask", signed_in(services, _in_care(doing.show_asking)), methods=["GET"]),
        Route("/inbox/ask", signed_in(services, _in_care(doing.ask)), methods=["POST"]),
        Route("/inbox/new", signed_in(services, _in_care(tasks.show_new), resumable=True), methods=["GET"]),
        Route("/inbox/new", signed_in(services, _in_care(tasks.make)), methods=["POST"]),
        Route(
            f"/patient/{{patient}}/{kept.TASK}",
            signed_in(services, _in_care(tasks.show_new), resumable=True),
            methods=["GET"],
        ),
        Route("/inbox/done", signed_in(services, _in_care(tasks.finish)), methods=["POST"]),
        Route("/inbox/decline", signed_in(services, _in_care(tasks.decline)), methods=["POST"]),
        Route("/inbox/take-on", signed_in(services, _in_care(tasks.take_on)), methods=["POST"]),
        Route("/inbox/answer-read", signed_in(services, _in_care(tasks.acknowledge)), methods=["POST"]),
        Route("/inbox/acknowledge", signed_in(services, _in_care(tasks.acknowledge_all)), methods=["POST"]),
        Route("/inbox/away", signed_in(services, _in_care(tasks.be_away)), methods=["POST"]),
        Route(
            "/patient/{patient}/together",
            signed_in(services, related(together.show), unattended=True),
            methods=["GET"],
        ),
        *(
            Route(f"/patient/{{patient}}/kept{path}", signed_in(services, related(handler)), methods=["POST"])
            for path, handler in (("", kept.keep), ("/drop", kept.drop), ("/restore", kept.restore))
        ),
        Route("/phrases/list", signed_in(services, _of_staff(phrases.list_phrases)), methods=["GET"]),
    ]


def _in_care(handler: Handler) -> Handler:
    return _only(lambda who: who.actor.kind is ActorKind.STAFF and who.purpose is Purpose.CARE, handler)


def _of_staff(handler: Handler) -> Handler:
    return _only(lambda who: who.actor.kind is ActorKind.STAFF, handler)


def _only(may: Callable[[Principal], bool], handler: Handler) -> Handler:
    """A page for some; everybody else is told that it is not theirs, before anything is looked up."""

    async def answer(page: Page) -> Response:
        if may(page.session.principal):
            return await handler(page)
        reason = page.translator.gettext("This page is not part of the purpose of your assignment.")
        return page.problem(403, [reason])

    return answer
