"""What is owed afterwards, settled on one sheet each: a review, a reason, an automatic stop taken over.

Also taking one's own request back. Nothing here moves a switch; the rules are those of the record (SWI-3, SWI-9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtWidgets import QComboBox

from console.actions.approvals import withdraw_approval
from console.actions.reviews import give_reason, review_break_glass, take_over_breaker
from console.domain.changes import Changes
from console.queries.automatic_stops import AutomaticStop
from console.queries.reviews import OwedReview
from console.queries.switches import Request
from console.store.passed import AUTOMATIC, BREAK_GLASS, NO_REASON, SAME_DESK
from console.ui.frame import Frame
from console.ui.page_parts import field
from console.ui.page_sheet import PageSheet

MOST = 1_000
VERDICT_WORDS = (("justified", "It was justified"), ("not_justified", "It was not justified"))


@dataclass(frozen=True)
class Kind:
    """How one kind of what is owed is called and settled; `has_verdict` asks for one besides the text."""

    what: str
    title: str
    intro: str
    confirm: str
    label: str
    act: Callable[..., Changes]
    has_verdict: bool = False


_SIGNED = "It carries your signature and stands in the record."
KINDS: Mapping[str, Kind] = {
    BREAK_GLASS: Kind(
        "broken glass", "Review a broken glass", f"One person stopped it alone. {_SIGNED}", "Sign the review",
        "What you found", review_break_glass, has_verdict=True,
    ),
    SAME_DESK: Kind(
        "approved at the same desk", "Review an approval at the same desk",
        f"Both persons sat at one desk. {_SIGNED}", "Sign the review", "What you found", review_break_glass,
        has_verdict=True,
    ),
    AUTOMATIC: Kind(
        "automatic stop", "Take an automatic stop over",
        f"It stays stopped; from now on you answer for it, and lifting it goes through the restore gate. {_SIGNED}",
        "Take it over", "What you know of it", take_over_breaker,
    ),
    NO_REASON: Kind(
        "no reason yet", "Give the reason of a stop", "The stop went out without one, as it may; here it follows.",
        "Write the reason", "Reason", give_reason,
    ),
}  # fmt: skip


class SettleSheet(PageSheet):
    """What is owed of one command, with its button; it leaves by itself when it is done."""

    def __init__(self, frame: Frame, owed: OwedReview) -> None:
        kind = KINDS[owed.why]
        about = f"{owed.switch} on {owed.target}, by {owed.by}. {owed.reason or 'No reason was written.'}"
        super().__init__(frame, kind.title, f"{about} {kind.intro}", kind.confirm, "what waits")
        self._owed, self._kind = owed, kind
        self.verdict = QComboBox()
        for name, words in VERDICT_WORDS:
            self.verdict.addItem(words, name)
        self.verdict.setCurrentIndex(-1)
        self.verdict.setPlaceholderText("Choose: justified or not")
        self.verdict.setAccessibleName("Verdict")
        if kind.has_verdict:
            self.add("Verdict", self.verdict)
        else:
            self.verdict.setParent(self)
            self.verdict.hide()
        self.text = field(kind.label, f"{kind.label}, in a sentence or two", MOST)
        self.add(kind.label, self.text)

    def missing(self) -> str:  # noqa: D102
        if self._kind.has_verdict and self.verdict.currentIndex() < 0:
            return "Choose a verdict first; none is chosen for you."
        return "" if self.text.text().strip() else f"Write it first: {self._kind.label.lower()}."

    def confirm(self) -> None:  # noqa: D102
        verdict = (str(self.verdict.currentData()),) if self._kind.has_verdict else ()
        self.frame.bridge.act(
            self._kind.act, self._owed.incident, self._owed.command_id, *verdict, self.text.text().strip(),
            actor=self.frame.session.actor(), owner=self, then=self._on_done, failed=self.failed,
        )  # fmt: skip

    def _on_done(self, _: Any) -> None:
        self.frame.notices.say(f"Done: {self._kind.title.lower()}, {self._owed.switch} on {self._owed.target}.")
        self.left.emit()


class WithdrawSheet(PageSheet):
    """Takes one's own request for a second person back."""

    def __init__(self, frame: Frame, request: Request) -> None:
        intro = f"{request.switch} on {request.target}. What was approved for it counts no more; you can ask again."
        super().__init__(frame, "Withdraw a request", intro, "Withdraw it", "what waits")
        self._request = request
        self.text = field("Why", "Why it is not needed any more", MOST)
        self.add("Why", self.text)

    def missing(self) -> str:  # noqa: D102
        return "" if self.text.text().strip() else "Write why; the others decide by it what to do next."

    def confirm(self) -> None:  # noqa: D102
        one = self._request
        self.frame.bridge.act(
            withdraw_approval, one.incident, one.event_id, self.text.text().strip(),
            actor=self.frame.session.actor(), owner=self, then=self._on_done, failed=self.failed,
        )  # fmt: skip

    def _on_done(self, _: Any) -> None:
        self.frame.notices.say(f"Withdrawn: the request for {self._request.switch} on {self._request.target}.")
        self.left.emit()


def as_owed(stop: AutomaticStop) -> OwedReview:
    """An automatic stop as something that is owed."""
    return OwedReview(
        stop.command_id, stop.incident, stop.switch, stop.target, AUTOMATIC, stop.breaker, "", stop.sentence
    )
