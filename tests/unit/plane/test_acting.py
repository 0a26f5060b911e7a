"""What several back-ends prove together: never more than each of them showed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.domain.sighting import Aim, Seen
from console.plane.acting import Deed, detail_of, overall, refuses_new, sentence_of, together
from console.plane.backends import BackEndRefusal
from console.plane.probes import Effect

AT = datetime(2026, 1, 1, tzinfo=UTC)
AIM = Aim("FF_X", "tenant.x", "stopped", 3, "c-3")


def deed(adapter: str, seen: Seen, later_s: int = 0) -> Deed:
    return Deed(adapter, AIM, effect=Effect(seen, AT + timedelta(seconds=later_s), 2, "switched_off"), cut_word="w")


SILENT = Deed("b", AIM, trouble="It did not answer; what it did is unknown.")


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (["true"], "true"),
        (["true", "true"], "true"),
        (["true", "false"], "false"),
        (["false", "unknown"], "false"),
        (["true", "unknown"], "unknown"),
        (["unknown"], "unknown"),
        ([], "unknown"),
    ],
)
def test_results_are_put_together_honestly(found: list[str], word: str) -> None:
    assert together(found) == word


@pytest.mark.parametrize(
    ("first", "second", "seen", "refuses"),
    [
        ("in_effect", "in_effect", "in_effect", "true"),
        ("in_effect", "not_in_effect", "unknown", "false"),
        ("not_in_effect", "not_in_effect", "not_in_effect", "false"),
        ("in_effect", "unknown", "unknown", "unknown"),
        ("hidden", "in_effect", "unknown", "unknown"),
    ],
)
def test_it_is_in_effect_only_where_all_show_it(first: Seen, second: Seen, seen: Seen, refuses: str) -> None:
    deeds = [deed("a", first), deed("b", second, 1)]
    effect = overall(deeds)
    assert effect is not None
    assert (effect.seen, effect.at, effect.probes) == (seen, AT + timedelta(seconds=1), 4)
    assert refuses_new(deeds) == refuses


def test_one_that_was_not_seen_leaves_the_whole_unknown() -> None:
    deeds = [deed("a", "in_effect"), SILENT]
    effect = overall(deeds)
    assert effect is not None
    assert (effect.seen, refuses_new(deeds)) == ("unknown", "unknown")
    assert overall([SILENT]) is None
    assert sentence_of(deeds) == (
        "Not in effect everywhere: a: in effect; b: It did not answer; what it did is unknown."
    )
    assert sentence_of([SILENT]) == "It did not answer; what it did is unknown."


def test_one_alone_is_told_as_it_always_was() -> None:
    alone = deed("a", "in_effect")
    assert overall([alone]) is alone.effect
    assert detail_of([alone]) == {
        "probe": "switched_off", "probes": "2", "hidden_by": "", "durable": "unknown", "boot_id": "",
        "enforced_by": "c-3", "streams": "w", "a": "in effect",
    }  # fmt: skip


def test_the_detail_names_each_back_end() -> None:
    other = Deed("b", replace(AIM, assertion_id="again"), effect=Effect("hidden", AT, 1, "switched_off", "FF_ALL"))
    found = detail_of([deed("a", "in_effect"), other, Deed("c", AIM, refusal=BackEndRefusal("stale", "newer"))])
    assert (found["a"], found["b"], found["c"]) == ("in effect", "hidden by FF_ALL", "newer")
    assert (found["enforced_by"], found["probe"], found["probes"]) == ("a: c-3; b: again", "switched_off", "3")


def test_a_long_word_is_bounded() -> None:
    assert len(Deed("a", AIM, trouble="x" * 5000).word) == 300
