"""The rungs of a search: defaults, settings, blends, and a final on other rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from bespeak.recommend.blend import BlendParameters, Part, blended
from bespeak.recommend.carving import Trial
from bespeak.recommend.mixing import GAIN, Stack
from bespeak.recommend.models import parameters_of
from bespeak.recommend.spaces import space_of
from bespeak.recommend.trying import Bench, Config, Try, figures_of

TUNED, PROMISING = 3, 5
"""The settings of so many models at most are searched, and a blend is made of so many: one that is
weaker alone may know what the others don't,"""
CLOSE = 0.7
"""if each reaches so much of the best one's measure."""
MIXED = 5_000
"""Weights of a blend are found on so many rows at most."""
STEP = 0.001
"""A setting must make the measure better by this share of it; less is the draw of who was asked."""
BLENDING, FOR_BLENDS = 8, 0.4
"""Finding the best blend, and the final, take so many times the seconds in which the parts are
asked. Models that would make this take more than that share of the budget are no parts of it."""
MOST_PASSES = 3
"""Times that all settings of a model are gone through."""
FEWEST = 1_000
"""A final on fewer rows would say less than the search did."""


def climb(bench: Bench, names: Sequence[str], seed: int) -> None:
    """The first three rungs: defaults, settings, blends."""
    _defaults(bench, names)
    _started(bench)
    hopeful = promising(bench)[:TUNED]
    for place, one in enumerate(hopeful):
        _tuned(bench, one, len(hopeful) - place)
    _mixed(bench, seed)


def promising(bench: Bench) -> list[Try]:
    """The best try of each model that comes near the best of all, best first."""
    best: dict[str, Try] = {}
    for one in bench.tries:
        if one.state == "tried" and one.config.model != "blend":
            rival = best.setdefault(one.config.model, one)
            best[one.config.model] = max(rival, one, key=bench.worth)
    ordered = sorted(best.values(), key=bench.worth, reverse=True)
    least = CLOSE * bench.worth(ordered[0]) if ordered else 0.0
    return [one for one in ordered if bench.worth(one) >= least][:PROMISING]


def _defaults(bench: Bench, names: Sequence[str]) -> None:
    """Every model as it comes, the cheapest first."""
    for name in sorted(names, key=lambda name: (space_of(name).seconds(bench.shape), name)):
        unfit = space_of(name).unfit(bench.shape)
        if unfit is not None:
            bench.record(Try(Config(name), "skipped", because=unfit))
            continue
        # whoever wins has to be fitted once more
        again = max(space_of(name).seconds(bench.shape), bench.best.fit_s if bench.best else 0.0)
        bench.attempt(Config(name), keep_s=again)
        _let_go(bench)


def _started(bench: Bench) -> None:
    """Other settings to start from, of the models that are worth a search."""
    for one in promising(bench)[:TUNED]:
        model = one.config.model
        for given in space_of(model).starts(bench.shape):
            config = Config(model, given)
            bench.attempt(config, keep_s=_finish_s(bench) + bench.foreseen_s(config))
            _let_go(bench)


def _tuned(bench: Bench, one: Try, sharing: int) -> None:
    """Settings changed one at a time, as long as that helps, in this model's share of the time."""
    keep = _finish_s(bench)
    until = bench.spent_s + max(bench.left_s - keep, 0.0) / sharing
    model = one.config.model
    for _ in range(MOST_PASSES):
        before = one
        for name, values in space_of(model).values(bench.shape).items():
            one = _along(bench, one, name, values, until)
            if bench.tries[-1].state == "skipped":  # there is no time for the others either
                return
        if one is before:
            return


def _along(bench: Bench, one: Try, name: str, values: Sequence[Any], until_s: float) -> Try:
    """The best try along one setting: its neighbours, and on from one that is better."""
    default = getattr(parameters_of(one.config.model), name)
    now = one.config.parameters.get(name, default)
    line = list(values) if now in values else sorted([*values, now])
    for step in (1, -1):
        at = line.index(one.config.parameters.get(name, default)) + step
        while 0 <= at < len(line):
            config = one.config.with_value(name, line[at], default)
            longer = max(bench.foreseen_s(config) - one.fit_s - one.score_s, 0.0)
            tried = bench.attempt(config, until_s=until_s, keep_s=_finish_s(bench) + longer)
            _let_go(bench)
            if tried.state == "skipped":
                return one
            if bench.worth(tried) > bench.worth(one) * (1 + STEP):
                one = tried
            elif not isinstance(line[at], str):  # text has no order: each is looked at
                break
            at += step
    return one


def _parts(bench: Bench) -> list[Try]:
    """The promising models that a blend can be made of in its share of the budget."""
    parts: list[Try] = []
    for one in promising(bench):
        if _blending_s([*parts, one]) <= FOR_BLENDS * bench.budget_s:
            parts.append(one)
    return parts


def _blending_s(parts: Sequence[Try]) -> float:
    """Seconds to find the best blend of those, and to fit it on everything."""
    return sum(one.fit_s + BLENDING * one.score_s for one in parts)


def _finish_s(bench: Bench) -> float:
    """Seconds to keep: for blends, and to fit the winner on everything."""
    parts = _parts(bench)
    alone = bench.best.fit_s if bench.best else 0.0
    return max(_blending_s(parts), alone) if len(parts) > 1 else alone


def _let_go(bench: Bench) -> None:
    """Models that no blend will be made of, out of memory."""
    kept = promising(bench)
    bench.tries[:] = [
        one if one.model is None or any(one is other for other in kept)
        else replace(one, model=None)
        for one in bench.tries
    ]  # fmt: skip


def _mixed(bench: Bench, seed: int) -> None:
    """The best blend of the promising models, if it is better than each of them."""
    found = [(one, one.model) for one in _parts(bench) if one.model is not None]
    if len(found) < 2:
        return
    parts, models = [one for one, _ in found], [model for _, model in found]
    equal = _blend_of(parts, [1 / len(parts)] * len(parts))
    foreseen = _blending_s(parts)
    if foreseen > bench.left_s:
        bench.skip(_config(equal), foreseen, bench.left_s, title=equal.title)
        return
    bench.told(now=equal.title)
    asked = bench.trial.sample(MIXED, seed)
    weights = Stack.of(models, asked, bench.k, seed).best_weights()
    chosen = [at for at, weight in enumerate(weights) if weight > 0]
    if len(chosen) < 2:
        because = f"no second part made {bench.measure} better by {GAIN:.1%}"
        bench.record(Try(_config(equal), "skipped", because=because, title=equal.title))
        return
    started = bench.clock()
    parameters = _blend_of([parts[at] for at in chosen], [weights[at] for at in chosen])
    histories = bench.trial.train.histories
    model = blended(histories, parameters, tuple(models[at] for at in chosen))
    bench.measured(_config(parameters), model, started, parameters.title)


def final(bench: Bench, others: Trial | None) -> list[tuple[Try, float]]:
    """The best of each promising model and their blend, measured on rows that the search has not
    seen: what is best of many on one draw is so by luck too. Empty where there are too few such
    rows, no second finalist, or no time."""
    blends = [one for one in bench.tries if one.config.model == "blend" and one.state == "tried"]
    finalists = [(one, one.model) for one in [*promising(bench), *blends] if one.model is not None]
    if others is None or len(others) < FEWEST or len(finalists) < 2:
        return []
    again = max(one.fit_s for one, _ in finalists)
    if sum(one.score_s for one, _ in finalists) + again > bench.left_s:
        return []
    return [(one, figures_of(model, others, bench.k)[bench.measure]) for one, model in finalists]


def _blend_of(parts: Sequence[Try], weights: Sequence[float]) -> BlendParameters:
    return BlendParameters(
        parts=tuple(
            Part(model=one.config.model, weight=round(weight, 6),
                 parameters=dict(one.config.parameters))
            for one, weight in zip(parts, weights, strict=True)
        )
    )  # fmt: skip


def _config(parameters: BlendParameters) -> Config:
    return Config("blend", {"parts": msgspec.to_builtins(parameters.parts)})
