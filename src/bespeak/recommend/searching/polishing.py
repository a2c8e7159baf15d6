"""The settings of a blend's parts, tried for what they do to the blend: what is best alone is
seldom best beside another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from bespeak.recommend.base import Model
from bespeak.recommend.models import parameters_of
from bespeak.recommend.models.blend import BlendParameters, Part, blended
from bespeak.recommend.searching.mixing import Stack
from bespeak.recommend.searching.spaces import space_of
from bespeak.recommend.searching.trying import Bench, Config, Try

STEP = 0.0005
"""A change must make the measure better by this share of it; less is the draw of who was asked."""
MOST_PASSES = 3
"""Times that all settings of all parts are gone through."""
BEGIN = 4
"""Candidates take about so many times the seconds in which the blend is asked."""
FACTORS = (0.75, 1.35)
"""A part's weight is tried so many times as great."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Fitted models and their weights."""

    configs: tuple[Config, ...]
    weights: tuple[float, ...]
    models: tuple[Model, ...]

    @classmethod
    def of(cls, parts: Sequence[Try], weights: Sequence[float]) -> Mixture:
        """Of tries whose models are there."""
        models = tuple(one.model for one in parts if one.model is not None)
        return cls(tuple(one.config for one in parts), tuple(weights), models)

    @property
    def parameters(self) -> BlendParameters:
        return BlendParameters(
            parts=tuple(
                Part(model=config.model, weight=round(weight, 6),
                     parameters=dict(config.parameters))
                for config, weight in zip(self.configs, self.weights, strict=True)
            )
        )  # fmt: skip

    @property
    def config(self) -> Config:
        return Config("blend", {"parts": msgspec.to_builtins(self.parameters.parts)})

    def measured(self, bench: Bench) -> Try:
        """Its figures by lists of its own, recorded in the place of a foretold one."""
        bench.tries[:] = [one for one in bench.tries if not one.config.same(self.config)]
        started, parameters = bench.clock() - self.again_s(bench), self.parameters
        model = blended(bench.trial.train.histories, parameters, self.models)
        return bench.measured(self.config, model, started, parameters.title)

    def again_s(self, bench: Bench) -> float:
        """Seconds to fit all parts from nothing."""
        return sum(bench.again_s(config) for config in self.configs)

    def with_weight(self, at: int, factor: float) -> Mixture:
        changed = _put(self.weights, at, self.weights[at] * factor)
        return replace(self, weights=tuple(weight / sum(changed) for weight in changed))


def polish(bench: Bench, mixture: Mixture, measured: Try, seed: int, keep_s: float) -> None:
    """Change one thing of a blend at a time, as long as that helps and there is time.

    measured : what the mixture came to
    keep_s   : seconds of the budget to leave, beside those in which the blend is fitted again
    """
    keep_s += BEGIN * measured.score_s  # to ask with what came of it
    if mixture.again_s(bench) + keep_s + BEGIN * measured.score_s > bench.left_s:
        return
    polisher = _Polisher(bench, mixture, seed, keep_s)
    for _ in range(MOST_PASSES):
        before = polisher.now
        quickest = sorted(range(len(mixture.configs)), key=polisher.seconds)
        if not all(polisher.part(at) for at in quickest) or polisher.now is before:
            break
    if polisher.now is not mixture:
        polisher.now.measured(bench)


class _Polisher:
    """The best mixture so far, and what is tried around it, on the candidates of the first."""

    def __init__(self, bench: Bench, now: Mixture, seed: int, keep_s: float) -> None:
        self.bench, self.now, self.seed, self.keep_s = bench, now, seed, keep_s
        self.stack = Stack.of(now.models, bench.trial, bench.k, seed)
        self.reached = self.stack.ndcg(now.weights)

    def seconds(self, at: int) -> float:
        """What a part takes to try."""
        return self.bench.foreseen_s(self.now.configs[at])

    def part(self, at: int) -> bool:
        """Try a part's weight, and each of its settings; False where the time is up."""
        for factor in FACTORS:
            while self._better(self.now.with_weight(at, factor), self.stack, self.bench.clock()):
                pass
        space = space_of(self.now.configs[at].model)
        settings = space.values(self.bench.shape)
        return all(
            self._along(at, name, values) or name in space.grows
            for name, values in settings.items()
        )

    def _along(self, at: int, name: str, values: Sequence[Any]) -> bool:
        """Try a setting's neighbours, and on from one that is better; False: the time is up."""
        model = self.now.configs[at].model
        default = getattr(parameters_of(model), name)
        for step in (1, -1):
            found = True
            while found:
                now = self.now.configs[at].parameters.get(name, default)
                line = list(values) if now in values else sorted([*values, now])
                place = line.index(now) + step
                if isinstance(now, str) or not 0 <= place < len(line):
                    break
                config = self.now.configs[at].with_value(name, line[place], default)
                if not self._has(self.bench.foreseen_s(config)):
                    return False
                found = self._tried(at, config)
        return True

    def _tried(self, at: int, config: Config) -> bool:
        """Whether the blend is better with that part."""
        bench, started = self.bench, self.bench.clock()
        mixture = replace(self.now, configs=_put(self.now.configs, at, config))
        if self._known(mixture):
            return False
        bench.told(now=f"{mixture.parameters.title}, with {config.title}")
        model = bench.fitted(config)
        if model is None:
            return False
        stack = self.stack.with_part(at, model, bench.trial, self.seed)
        models = _put(self.now.models, at, model)
        return self._better(replace(mixture, models=models), stack, started)

    def _better(self, mixture: Mixture, stack: Stack, started: float) -> bool:
        bench = self.bench
        if self._known(mixture):
            return False
        reached, title = stack.ndcg(mixture.weights), mixture.parameters.title
        seconds = bench.clock() - started
        bench.record(Try(mixture.config, "tried", {bench.measure: reached}, seconds, title=title))
        if reached > self.reached * (1 + STEP):
            self.now, self.stack, self.reached = mixture, stack, reached
            return True
        return False

    def _known(self, mixture: Mixture) -> bool:
        return any(one.config.same(mixture.config) for one in self.bench.tries)

    def _has(self, seconds: float) -> bool:
        """Whether there is time for that, and to fit the blend again afterwards."""
        return seconds + self.now.again_s(self.bench) + self.keep_s <= self.bench.left_s


def _put(values: tuple[Any, ...], at: int, value: Any) -> tuple[Any, ...]:
    return (*values[:at], value, *values[at + 1 :])
