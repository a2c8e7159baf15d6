"""Configurations tried within a budget of seconds: each fitted, asked, measured and told of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from bespeak.errors import BespeakError
from bespeak.recommend.base import Model
from bespeak.recommend.evaluating import metrics
from bespeak.recommend.evaluating.evaluate import ranked_in_blocks
from bespeak.recommend.histories import Interactions
from bespeak.recommend.models import parameters_of
from bespeak.recommend.searching.carving import Trial
from bespeak.recommend.searching.spaces import Shape, space_of

Fit = Callable[[str, Interactions, Mapping[str, Any]], Model]
Clock = Callable[[], float]


class Config(NamedTuple):
    """A model and those of its settings that are no defaults."""

    model: str
    parameters: Mapping[str, Any] = MappingProxyType({})

    @property
    def title(self) -> str:
        said = ", ".join(f"{name}={value}" for name, value in sorted(self.parameters.items()))
        return f"{self.model}({said})" if said else self.model

    def with_value(self, name: str, value: Any, default: Any) -> Config:
        """The same with one setting changed; a default is left out."""
        others = {key: old for key, old in self.parameters.items() if key != name}
        return Config(self.model, others if value == default else {**others, name: value})

    def same(self, other: Config) -> bool:
        return self.model == other.model and dict(self.parameters) == dict(other.parameters)


@dataclass(frozen=True, eq=False)
class Try:
    """A configuration and what it came to.

    state   : `tried`; `skipped` for want of time, or since it makes no sense; `failed`
    figures : metrics on the part held back, means over its rows; empty unless tried
    because : why it was not tried; else ""
    model   : as it was fitted without the part held back, while it is still of use
    """

    config: Config
    state: Literal["tried", "skipped", "failed"]
    figures: Mapping[str, float] = field(default_factory=dict)
    fit_s: float = 0.0
    score_s: float = 0.0
    because: str = ""
    title: str = ""
    model: Model | None = None

    def said(self) -> dict[str, Any]:
        """For the evidence."""
        row: dict[str, Any] = {
            "model": self.config.model,
            "parameters": dict(self.config.parameters),
            "state": self.state,
        }
        if self.state == "tried":
            return row | dict(self.figures) | {
                "fit_s": round(self.fit_s, 3), "score_s": round(self.score_s, 3)
            }  # fmt: skip
        return row | {"because": self.because}


class Progress(NamedTuple):
    """What a search is at.

    now  : what is being tried; None after `done`
    done : what has just been tried or left out
    best : the best so far
    measure : what is maximised, like ndcg@20
    """

    now: str | None
    done: Try | None
    best: Try | None
    measure: str
    spent_s: float
    budget_s: float


Tell = Callable[[Progress], None]


def figures_of(model: Model, trial: Trial, k: int) -> dict[str, float]:
    """Every metric of a fitted model's lists, a mean over the rows of `trial`."""
    ranked = ranked_in_blocks(model, trial.asked, k, exclude=trial.exclude)
    values = metrics.accuracy(ranked, trial.held, len(model.items), k)
    return {name: float(each.mean()) for name, each in values.items()}


@dataclass
class Bench:
    """Where configurations are tried, one after another, until the time is up.

    tries : everything so far, in its order
    """

    trial: Trial
    shape: Shape
    k: int
    budget_s: float
    fit: Fit
    tell: Tell
    clock: Clock = time.perf_counter
    tries: list[Try] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._started = self.clock()

    @property
    def measure(self) -> str:
        return f"ndcg@{self.k}"

    @property
    def spent_s(self) -> float:
        return self.clock() - self._started

    @property
    def left_s(self) -> float:
        return self.budget_s - self.spent_s

    @property
    def best(self) -> Try | None:
        """The first of the best."""
        tried = [one for one in self.tries if one.state == "tried"]
        return max(tried, key=self.worth, default=None)

    def worth(self, one: Try) -> float:
        return one.figures.get(self.measure, -1.0)

    def foreseen_s(self, config: Config) -> float:
        """Seconds that it will take to try: as the last that differs in no setting that costs;
        else as the dearest of its kind, for what such settings make of it; else by a guess."""
        alike, costs = self._alike(config)
        if alike:
            return alike[-1].fit_s + alike[-1].score_s
        if not costs:
            return space_of(config.model).seconds(self.shape)
        return max(one.fit_s * times + one.score_s for one, times in costs)

    def again_s(self, config: Config) -> float:
        """Seconds to fit it from nothing, sharing no step with another."""
        alike, costs = self._alike(config)
        if not costs:
            return space_of(config.model).seconds(self.shape)
        return max([one.fit_s for one in alike] or [one.fit_s * times for one, times in costs])

    def _alike(self, config: Config) -> tuple[list[Try], list[tuple[Try, float]]]:
        """The tries of its kind that differ in no setting that costs; all, each with how much
        longer this one takes."""
        now = parameters_of(config.model, config.parameters)
        grows = space_of(config.model).grows
        costs = [
            (one, _times(now, one.config, grows))
            for one in self.tries
            if one.config.model == config.model and one.state == "tried"
        ]
        return [one for one, times in costs if times == 1.0], costs

    def attempt(self, config: Config, *, until_s: float | None = None, keep_s: float = 0.0) -> Try:
        """Try a configuration, unless it is foreseen to take too long.

        until_s : seconds from the start by which it must be done; the whole budget by default
        keep_s  : seconds of the budget that must be left then
        """
        for one in self.tries:
            if one.config.same(config) and one.state == "tried":
                return one
        foreseen = self.foreseen_s(config)
        room = self.budget_s - keep_s if until_s is None else min(until_s, self.budget_s - keep_s)
        if foreseen > room - self.spent_s:
            return self.skip(config, foreseen, max(room - self.spent_s, 0.0))
        self.told(now=config.title)
        started = self.clock()
        model = self.fitted(config)
        return self.tries[-1] if model is None else self.measured(config, model, started)

    def fitted(self, config: Config) -> Model | None:
        """The model, fitted; None where that failed, which is recorded."""
        try:
            return self.fit(config.model, self.trial.train, config.parameters)
        except (BespeakError, MemoryError) as error:
            self.record(Try(config, "failed", because=str(error) or "memory ran out"))
        return None

    def measured(self, config: Config, model: Model, started: float, title: str = "") -> Try:
        """A fitted model's figures, recorded."""
        fitted = self.clock()
        figures = figures_of(model, self.trial, self.k)
        return self.record(
            Try(config, "tried", figures, fitted - started, self.clock() - fitted,
                title=title or config.title, model=model)
        )  # fmt: skip

    def skip(self, config: Config, foreseen_s: float, left_s: float, title: str = "") -> Try:
        """Leave a configuration out for want of time, and say so."""
        because = f"foreseen to take {foreseen_s:.3g} s, with {left_s:.3g} s left for it"
        return self.record(Try(config, "skipped", because=because, title=title))

    def record(self, one: Try) -> Try:
        self.tries.append(one)
        self.told(done=one)
        return one

    def told(self, now: str | None = None, done: Try | None = None) -> None:
        """Say where the search is; without anything: that it has ended."""
        self.tell(Progress(now, done, self.best, self.measure, self.spent_s, self.budget_s))


def _times(now: Any, then: Config, grows: Mapping[str, float]) -> float:
    """How much longer a fit takes than it took then, by the settings that cost."""
    times, old = 1.0, parameters_of(then.model, then.parameters)
    for name, power in grows.items():
        times *= float((getattr(now, name) / getattr(old, name)) ** power)
    return times
