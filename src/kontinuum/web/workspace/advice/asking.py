"""The decision support of others, asked about draft orders while somebody writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kontinuum.kernel.around import Advice
from kontinuum.kernel.i18n import message
from kontinuum.record import Refusal
from kontinuum.record.advice import Advised, Question
from kontinuum.web.workspace.advice.showing import NOT_CHECKED
from kontinuum.web.workspace.apps.authorizing import origin_of
from kontinuum.web.workspace.pages import Page

_PARTLY: Final = message("a part of its advice could not be read")
_ALL: Final = message("Decision support of others")


class OrderAdvisers:
    """The services, asked as who is signed in about one patient; implements `kernel.around.Advisers`."""

    def __init__(self, page: Page, patient: str) -> None:
        self._page = page
        self._patient = patient

    async def ask(self, hook: str, orders: Sequence[Mapping[str, Any]], /) -> Sequence[Advice]:
        """Ask every service that serves the hook at the unit; orders are sent as drafts, all selected."""
        drafts = [{**one, "status": "draft"} for one in orders]
        question = Question(
            hook,
            self._patient,
            origin_of(self._page),
            orders={
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": one} for one in drafts],
            },
            selections=[f"{one['resourceType']}/{one['id']}" for one in drafts],
        )
        principal = self._page.session.principal
        answers = await self._page.services.application.advice.ask(principal, question)
        if isinstance(answers, Refusal):
            translator = self._page.translator
            return [Advice(translator.gettext(_ALL), fault=" ".join(answers.in_words(translator)))]
        return [self._advice(one) for one in answers]

    def _advice(self, answer: Advised) -> Advice:
        gettext = self._page.translator.gettext
        fault = gettext(NOT_CHECKED[answer.fault]) if answer.fault else gettext(_PARTLY) * answer.partly
        cards = tuple((one.indicator, one.summary) for one in answer.cards)
        return Advice(answer.service.title, cards, fault)
