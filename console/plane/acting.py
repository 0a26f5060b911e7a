"""One command at one back-end after another's word: what each did, and what all of them together prove.

A switch that several back-ends enforce is in effect only when a probe saw it at every one. What one of them did not do
undoes nothing at the others: it is told as it is, by the name of each. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.domain.sighting import Aim, Seen
from console.plane import probes
from console.plane.backends import Applied, BackEndRefusal
from console.plane.probes import Effect

_MAX_WORD = 300

NOTICE_SEEN, NOTICE_MISSING, NOTICE_UNSEEABLE = "seen", "not seen", "cannot be seen there"
"""What is known of the notice to users; only the second keeps a command from being verified."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a back-end answered to a command, and when; recorded with what the first probe saw, or before the next."""

    adapter: str
    reply: str
    at: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What came of a command at one back-end.

    Attributes:
        aim: what was to be seen there, under the id it holds it by.
        dispatch: its answer, as far as it is new; None when it gave none.
        effect: what the probe saw; None when nothing was looked at, `trouble` or `refusal` then says why.
        cut: "true", "false" or "unknown": whether its probe stream was cut; `cut_word` says how that is known.
        is_unprobed: it answered, and no request can be sent that would show the effect.
        notice: whether users were seen to be told (NOTICE_SEEN ...), "" where nobody has to be (SWI-10).
    """

    adapter: str
    aim: Aim
    dispatch: Dispatch | None = None
    effect: Effect | None = None
    cut: str = "unknown"
    cut_word: str = ""
    refusal: BackEndRefusal | None = None
    trouble: str = ""
    is_unprobed: bool = False
    notice: str = ""

    @property
    def in_effect(self) -> bool:
        """Whether the probe saw it there."""
        return self.effect is not None and self.effect.seen == "in_effect"

    @property
    def word(self) -> str:
        """What is told of this back-end."""
        if self.effect is None:
            return (self.trouble or (self.refusal.sentence if self.refusal else "it was not asked"))[:_MAX_WORD]
        words: Mapping[Seen, str] = {
            "in_effect": "in effect",
            "not_in_effect": "not in effect",
            "hidden": f"hidden by {self.effect.hidden_by}",
            "unknown": f"not seen, the probe met {self.effect.outcome}",
        }
        told = ", but its notice to users was not seen" if self.notice == NOTICE_MISSING else ""
        return words[self.effect.seen] + (", it wavers" if self.effect.wavers else "") + told


def claim(applied: Applied) -> str:
    """The back-end's own words on what it did."""
    durable = "durable" if applied.durable else "not durable"
    return f"{applied.state} at generation {applied.generation}, {applied.streams_cut} streams cut, {durable}"


def together(results: Iterable[str]) -> str:
    """One result out of several: "true" where all are, "false" where any is, else "unknown"."""
    found = set(results)
    if "false" in found:
        return "false"
    return "true" if found == {"true"} else "unknown"


def overall(deeds: Sequence[Deed]) -> Effect | None:
    """What was seen of the switch as a whole, at the time of the last sight; None when nothing was seen anywhere."""
    effects = [deed.effect for deed in deeds if deed.effect is not None]
    if len(deeds) == 1 or not effects:
        return effects[0] if effects else None
    kinds: set[Seen] = {effect.seen for effect in effects}
    same = len(kinds) == 1 and len(effects) == len(deeds)
    return Effect(
        kinds.pop() if same else "unknown",
        max(effect.at for effect in effects),
        sum(effect.probes for effect in effects),
        _by_name({deed.adapter: deed.effect.outcome for deed in deeds if deed.effect is not None}),
    )


def refuses_new(deeds: Sequence[Deed]) -> str:
    """The first result, over all of them."""
    return together(deed.effect.refuses_new(deed.aim.want) if deed.effect else "unknown" for deed in deeds)


def sentence_of(deeds: Sequence[Deed]) -> str:
    """What each of several did, in one sentence; of one alone what it said itself."""
    if len(deeds) == 1:
        return deeds[0].word
    lead = "Not in effect everywhere" if any(deed.in_effect for deed in deeds) else "Not seen in effect"
    return f"{lead}: {'; '.join(f'{deed.adapter}: {deed.word}' for deed in deeds)}"


def detail_of(deeds: Sequence[Deed]) -> dict[str, str]:
    """What stands beside an observation: what the probes met, the durable forms as read back, and a word on each."""
    seen = {deed.adapter: _detail(deed, deed.effect) for deed in deeds if deed.effect is not None}
    names = next(iter(seen.values()), {})
    found = {name: _by_name({adapter: one[name] for adapter, one in seen.items()}) for name in names}
    probed = sum(deed.effect.probes for deed in deeds if deed.effect is not None)
    notices = {deed.adapter: deed.notice for deed in deeds if deed.notice}
    told = {"notice": _by_name(notices)} if notices else {}
    return found | told | {"probes": str(probed)} | {deed.adapter: deed.word for deed in deeds}


def _detail(deed: Deed, effect: Effect) -> dict[str, str]:
    return {
        "probe": effect.outcome,
        "hidden_by": effect.hidden_by,
        "durable": probes.durable_form(effect.read, deed.aim),
        "boot_id": effect.read.boot_id if effect.read is not None else "",
        "enforced_by": deed.aim.assertion_id,
        "streams": deed.cut_word,
    }


def _by_name(values: Mapping[str, str]) -> str:
    """The one value there is, or each with the name it belongs to."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return "; ".join(f"{name}: {value}" for name, value in values.items())
