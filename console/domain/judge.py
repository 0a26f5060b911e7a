"""The judge of a series: a window of wall time that opens a breach, clears it, and feeds the two lamps.

The judge holds its window and nothing else; it reads no clock. Two judges fed the same buckets and asked after each of
them come to the same breaches with the same fingerprints, whatever their clocks say (TEL-2, design.md *Who owns what*).
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from console.domain.thresholds import BEHAVIOUR, INFRASTRUCTURE, Threshold, decimal_text
from console.domain.times import format_utc, from_epoch_us

NORMAL, WARNING, ABNORMAL, UNKNOWN, SILENT = "normal", "warning", "abnormal", "unknown", "silent"
LAMP_STATES = (NORMAL, WARNING, ABNORMAL, UNKNOWN, SILENT)

FUTURE_S = 5
"""How many seconds ahead of the judge's clock a bucket may lie before it is left out."""

_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a source counted in a short time: its end (epoch microseconds), observations, and their sum, least, most."""

    t_us: int
    n: int
    sum: float
    min: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A series beyond its fail limit; the same rule, series and onset is the same breach wherever it is judged.

    `value` is what was measured when it opened, over `samples` observations; `onset_us` (epoch microseconds) is the end
    of the newest bucket then.
    """

    rule: str
    metric: str
    series: str
    dims: Mapping[str, str]
    side: str
    value: float
    limit: float
    window_s: int
    samples: int
    onset_us: int

    @property
    def onset(self) -> str:
        """The onset as events carry it."""
        return format_utc(from_epoch_us(self.onset_us))

    @property
    def fingerprint(self) -> str:
        """32 hex digits that name this breach: of SHA-256("rule|series|onset")."""
        return hashlib.sha256(f"{self.rule}|{self.series}|{self.onset}".encode()).hexdigest()[:32]

    def as_body(self) -> dict[str, object]:
        """The body of a `signal.breached` event."""
        return _body(self, self.value, self.samples) | {"onset": self.onset}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """The end of a breach: the value over the clear window was well inside the limit again at `cleared_us`."""

    breach: Breach
    value: float
    samples: int
    cleared_us: int

    def as_body(self) -> dict[str, object]:
        """The body of a `signal.cleared` event."""
        return _body(self.breach, self.value, self.samples) | {"cleared_at": format_utc(from_epoch_us(self.cleared_us))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known of one series at one moment.

    `state` is of LAMP_STATES; `value` is None when nothing was measured or the series is silent; `breach` is the one
    that stands, also while silent; `opened` and `cleared` are set only in the judgement in which that happened.
    """

    metric: str
    kind: str
    series: str
    state: str
    value: float | None
    samples: int
    last_sample_us: int
    breach: Breach | None = None
    opened: Breach | None = None
    cleared: Clearing | None = None


@dataclass(slots=True)
class SeriesJudge:
    """Judges one series: `feed` it buckets, ask `judge`.

    `dims` are those of the series (the threshold's `by`); `silent_after_s` as in Thresholds. Buckets of one moment add
    up, so a source must not be fed twice after a reconnect.
    """

    threshold: Threshold
    dims: Mapping[str, str]
    silent_after_s: int
    breach: Breach | None = None
    series: str = field(init=False)
    _window: _Window = field(init=False)
    _last_us: int = field(default=0, init=False)
    _run_began_us: int = field(default=0, init=False)
    _judged_once: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Names the series; raises InputError for a dimension that is no plain label."""
        self.series = self.threshold.series(self.dims)
        self._window = _Window()

    def feed(self, bucket: Bucket, now_us: int) -> bool:
        """Takes a bucket at `now_us`; False when it is left out.

        Left out are buckets that are empty or not finite, older than the newest of the series, or from the future.
        """
        if bucket.n <= 0 or not all(map(math.isfinite, (bucket.sum, bucket.min, bucket.max))):
            return False
        if bucket.t_us < self._last_us or bucket.t_us > now_us + FUTURE_S * _US:
            return False
        if bucket.t_us - self._last_us > self.silent_after_s * _US:
            self._run_began_us = bucket.t_us
        self._last_us = bucket.t_us
        self._window.add(bucket)
        self._window.forget(bucket.t_us - self.threshold.window_s * _US)
        return True

    def judge(self, now_us: int) -> Judgement:
        """What holds at `now_us` (epoch microseconds), over a window of wall time that ends there."""
        rule = self.threshold
        self._window.forget(now_us - rule.window_s * _US)
        samples, value = self._window.samples, self._value(self._window, rule.window_s)
        silent = now_us - self._last_us > self.silent_after_s * _US
        if not rule.is_judged or silent or samples < rule.min_samples:
            state = SILENT if silent and self._judged_once else UNKNOWN
            return self._judgement(state, None if silent or samples == 0 else value, samples)
        self._judged_once = True
        if self.breach is not None:
            return self._judge_breached(self.breach, now_us, value)
        side = rule.beyond(value, "fail")
        if side:
            self.breach = self._open(side, value, samples)
            return self._judgement(ABNORMAL, value, samples, opened=self.breach)
        return self._judgement(WARNING if rule.beyond(value, "warn") else NORMAL, value, samples)

    def _judge_breached(self, breach: Breach, now_us: int, value: float) -> Judgement:
        """A breach clears when both halves of the clear window are well inside, and there is no gap in it.

        One mean over all of it would also pass on the way from one side of a band to the other.
        """
        rule = self.threshold
        recent = self._window.newest(now_us - rule.clear_window_s * _US, rule.min_samples)
        span_s = max(rule.clear_window_s, (now_us - recent.began_us) / _US)
        recent_value = self._value(recent, span_s)
        whole = now_us - max(self._run_began_us, breach.onset_us) >= rule.clear_window_s * _US
        halves = recent.halves(now_us - round(span_s / 2 * _US))
        inside = all(h.samples and rule.well_inside(self._value(h, span_s / 2), breach.side) for h in halves)
        if not whole or not inside:
            return self._judgement(ABNORMAL, value, self._window.samples)
        self.breach = None
        self._window = recent  # what was bad before must not open the breach again
        cleared = Clearing(breach=breach, value=recent_value, samples=recent.samples, cleared_us=self._last_us)
        state = WARNING if rule.beyond(recent_value, "warn") else NORMAL
        return self._judgement(state, recent_value, recent.samples, cleared=cleared)

    def _open(self, side: str, value: float, samples: int) -> Breach:
        rule = self.threshold
        limit = rule.limit(side)
        return Breach(
            rule=f"{rule.metric}.{side}",
            metric=rule.metric,
            series=self.series,
            dims={name: self.dims.get(name, "") for name in rule.by},
            side=side,
            value=value,
            limit=limit.fail if limit else 0.0,
            window_s=rule.window_s,
            samples=samples,
            onset_us=self._last_us,
        )

    def _value(self, window: _Window, span_s: float) -> float:
        """The aggregate; sum_per_min divides by the whole span, so a series that has just begun reads low, not high."""
        if window.samples == 0:
            return 0.0
        if self.threshold.aggregate == "max":
            return window.most
        per_minute = self.threshold.aggregate == "sum_per_min"
        return window.total * 60 / span_s if per_minute else window.total / window.samples

    def _judgement(
        self,
        state: str,
        value: float | None,
        samples: int,
        *,
        opened: Breach | None = None,
        cleared: Clearing | None = None,
    ) -> Judgement:
        return Judgement(
            metric=self.threshold.metric,
            kind=self.threshold.kind,
            series=self.series,
            state=state,
            value=value,
            samples=samples,
            last_sample_us=self._last_us,
            breach=self.breach,
            opened=opened,
            cleared=cleared,
        )


@dataclass(slots=True)
class _Window:
    """Buckets in order of time with running totals, so that a judgement costs the same however long the window is."""

    buckets: deque[Bucket] = field(default_factory=deque)
    samples: int = 0
    total: float = 0.0
    dropped: int = 0

    def add(self, bucket: Bucket) -> None:
        """Buckets of the same moment become one."""
        last = self.buckets[-1] if self.buckets else None
        if last is not None and last.t_us == bucket.t_us:
            least, most = min(last.min, bucket.min), max(last.max, bucket.max)
            self.buckets[-1] = Bucket(last.t_us, last.n + bucket.n, last.sum + bucket.sum, least, most)
        else:
            self.buckets.append(bucket)
        self.samples += bucket.n
        self.total += bucket.sum

    def forget(self, since_us: int) -> None:
        """Drops what ended at or before `since_us`."""
        while self.buckets and self.buckets[0].t_us <= since_us:
            gone = self.buckets.popleft()
            self.samples -= gone.n
            self.total -= gone.sum
            self.dropped += 1
        if self.dropped > len(self.buckets):  # adding and subtracting floats drifts: count anew now and then
            self.total, self.dropped = math.fsum(bucket.sum for bucket in self.buckets), 0

    def newest(self, since_us: int, samples: int) -> _Window:
        """The buckets after `since_us`, and older ones until they hold that many samples."""
        found = _Window()
        for bucket in reversed(self.buckets):
            if bucket.t_us <= since_us and found.samples >= samples:
                break
            found.buckets.appendleft(bucket)
            found.samples += bucket.n
        found.total = math.fsum(bucket.sum for bucket in found.buckets)
        return found

    def halves(self, middle_us: int) -> tuple[_Window, _Window]:
        """What ended at or before `middle_us`, and what ended after it."""
        older, newer = _Window(), _Window()
        for bucket in self.buckets:
            (older if bucket.t_us <= middle_us else newer).add(bucket)
        return older, newer

    @property
    def most(self) -> float:
        """The largest single observation."""
        return max(bucket.max for bucket in self.buckets)

    @property
    def began_us(self) -> int:
        """The end of the oldest bucket, 0 without any."""
        return self.buckets[0].t_us if self.buckets else 0


@dataclass(frozen=True, slots=True)
class Lamp:
    """One of the two lamps: its state, the series that make it so (sorted), and how many are judged and silent."""

    state: str
    because: tuple[str, ...]
    judged: int
    silent: int


def behaviour_lamp(judgements: Iterable[Judgement]) -> Lamp:
    """The lamp of what the system says and does; an uncleared breach keeps it abnormal, also through silence."""
    return _lamp(BEHAVIOUR, judgements)


def service_lamp(judgements: Iterable[Judgement]) -> Lamp:
    """The lamp of transport and load; it says nothing about behaviour (TAX-3)."""
    return _lamp(INFRASTRUCTURE, judgements)


def _lamp(kind: str, judgements: Iterable[Judgement]) -> Lamp:
    of_kind = [j for j in judgements if j.kind == kind]
    breached = sorted(j.series for j in of_kind if j.breach is not None)
    warned = sorted(j.series for j in of_kind if j.state == WARNING)
    silent = sorted(j.series for j in of_kind if j.state == SILENT)
    judged = sum(j.state in (NORMAL, WARNING, ABNORMAL) for j in of_kind)
    for state, because in ((ABNORMAL, breached), (WARNING, warned)):
        if because:
            return Lamp(state, tuple(because), judged, len(silent))
    if judged:
        return Lamp(NORMAL, (), judged, len(silent))
    return Lamp(SILENT if silent else UNKNOWN, tuple(silent), 0, len(silent))


def _body(breach: Breach, value: float, samples: int) -> dict[str, object]:
    return {
        "fingerprint": breach.fingerprint,
        "metric": breach.metric,
        "series": dict(breach.dims),
        "value": decimal_text(value),
        "threshold": decimal_text(breach.limit),
        "window_s": breach.window_s,
        "samples": samples,
    }
