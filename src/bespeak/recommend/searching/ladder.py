"""The rungs of a search: defaults, settings, blends, and a final on other rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bespeak.recommend.models import parameters_of
from bespeak.recommend.searching.carving import Trial
from bespeak.recommend.searching.mixing import GAIN, Stack
from bespeak.recommend.searching.polishing import Mixture, polish
from bespeak.recommend.searching.spaces import space_of
from bespeak.recommend.searching.trying import Bench, Config, Try, figures_of

POLISHING = 3
"""A blend's parts are tuned for the blend in so many times the seconds that each has alone."""
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
    """The rungs before the final: defaults, settings, a blend, and what suits that."""
    _defaults(bench, names)
    _started(bench)
    hopeful = promising(bench)[:TUNED]
    for place, one in enumerate(hopeful):
        _tuned(bench, one, len(hopeful) - place + POLISHING)
    mixed = _mixed(bench, seed)
    if mixed is not None:
        mixture, measured = mixed
        polish(bench, mixture, measured, seed, _finals_s(bench))
    elif hopeful:  # what was left for the blend
        _tuned(bench, promising(bench)[0], 1)


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
        for given in _starts(bench, model):
            config = Config(model, given)
            bench.attempt(config, keep_s=_finish_s(bench) + bench.foreseen_s(config))
            _let_go(bench)


def _tuned(bench: Bench, one: Try, sharing: int) -> None:
    """Settings changed one at a time, as long as that helps, in this model's share of the time."""
    keep = _finish_s(bench)
    until = bench.spent_s + max(bench.left_s - keep, 0.0) / sharing
    space = space_of(one.config.model)
    for _ in range(MOST_PASSES):
        before = one
        for name, values in space.values(bench.shape).items():
            so_far = len(bench.tries)
            one = _along(bench, one, name, values, until)
            late = any(new.state == "skipped" for new in bench.tries[so_far:])
            if late and name not in space.grows:  # there is no time for the others either
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
    for one in _hopeful_parts(bench):
        if _blending_s(bench, [*parts, one]) <= FOR_BLENDS * bench.budget_s:
            parts.append(one)
    return parts


def _hopeful_parts(bench: Bench) -> list[Try]:
    """The promising, and where else the search of the first of them started from: what is weaker
    alone may suit a blend better."""
    best = promising(bench)
    starts = {one.config.model: _starts(bench, one.config.model) for one in best[:TUNED]}
    others = [
        one
        for one in bench.tries
        if one.state == "tried"
        and starts.get(one.config.model)
        and dict(one.config.parameters) in [{}, *starts[one.config.model]]
        and not any(one is other for other in best)
    ]
    return [*best[:TUNED], *others, *best[TUNED:]]


def _starts(bench: Bench, model: str) -> list[dict[str, Any]]:
    """Settings to start from, beside the defaults."""
    return [dict(start) for start in space_of(model).starts(bench.shape)]


def _blending_s(bench: Bench, parts: Sequence[Try]) -> float:
    """Seconds to find the best blend of those, and to fit it on everything."""
    return sum(bench.again_s(one.config) + BLENDING * one.score_s for one in parts)


def _finish_s(bench: Bench) -> float:
    """Seconds to keep: for blends, and to fit the winner on everything."""
    parts = _parts(bench)
    alone = bench.again_s(bench.best.config) if bench.best else 0.0
    return max(_blending_s(bench, parts), alone) if len(parts) > 1 else alone


def _let_go(bench: Bench) -> None:
    """Models that no blend will be made of, out of memory."""
    kept = _hopeful_parts(bench)
    bench.tries[:] = [
        one if one.model is None or any(one is other for other in kept)
        else replace(one, model=None)
        for one in bench.tries
    ]  # fmt: skip


def _mixed(bench: Bench, seed: int) -> tuple[Mixture, Try] | None:
    """The best blend of the promising models; None where no blend is better than each of them."""
    parts = [one for one in _parts(bench) if one.model is not None]
    if len(parts) < 2:
        return None
    equal = Mixture.of(parts, [1 / len(parts)] * len(parts))
    title, foreseen = equal.parameters.title, _blending_s(bench, parts)
    if foreseen > bench.left_s:
        bench.skip(equal.config, foreseen, bench.left_s, title=title)
        return None
    bench.told(now=title)
    asked = bench.trial.sample(MIXED, seed)
    weights = Stack.of(equal.models, asked, bench.k, seed).best_weights()
    chosen = [at for at, weight in enumerate(weights) if weight > 0]
    if len(chosen) < 2:
        because = f"no second part made {bench.measure} better by {GAIN:.1%}"
        bench.record(Try(equal.config, "skipped", because=because, title=title))
        return None
    mixture = Mixture.of([parts[at] for at in chosen], [weights[at] for at in chosen])
    return mixture, mixture.measured(bench)


def final(bench: Bench, others: Trial | None) -> list[tuple[Try, float]]:
    """The best of each promising model and their blend, measured on rows that the search has not
    seen: what is best of many on one draw is so by luck too. Empty where there are too few such
    rows, no second finalist, or no time."""
    finalists = [(one, one.model) for one in _finalists(bench) if one.model is not None]
    if others is None or len(others) < FEWEST or len(finalists) < 2:
        return []
    again = max(max(one.fit_s, bench.again_s(one.config)) for one, _ in finalists)
    if sum(one.score_s for one, _ in finalists) + again > bench.left_s:
        return []
    return [(one, figures_of(model, others, bench.k)[bench.measure]) for one, model in finalists]


def _finalists(bench: Bench) -> list[Try]:
    """The best of each promising model; the first blend, and the best."""
    blends = [one for one in bench.tries if one.config.model == "blend" and one.model is not None]
    best = sorted(blends[1:], key=bench.worth, reverse=True)[:1]
    return [*promising(bench), *blends[:1], *best]


def _finals_s(bench: Bench) -> float:
    """Seconds that the final will take, once the best blend stands beside the first."""
    finalists = _finalists(bench)
    return sum(one.score_s for one in [*finalists, finalists[-1]])
