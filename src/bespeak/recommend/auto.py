"""The best model for the data at hand, found by trying: what fits its shape, cheap things first.

The ladder: every model that makes sense, with its defaults; the settings around those of the most
promising; blends of the best; a final of the best on rows not asked for before. All on a part held
back of what is known, within a budget of seconds; the winner is then fitted on everything, and
every try is kept as evidence.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from bespeak.errors import BadRequest, NotReady
from bespeak.recommend.base import Model
from bespeak.recommend.blend import BlendParameters, Part, blended
from bespeak.recommend.carving import Trial, by_session, carved, way_of
from bespeak.recommend.evaluate import Entry
from bespeak.recommend.files import read_rows
from bespeak.recommend.histories import Interactions
from bespeak.recommend.mixing import GAIN, Stack
from bespeak.recommend.models import MODELS, fit, parameters_of
from bespeak.recommend.sessions import is_sessions, read_sessions
from bespeak.recommend.spaces import Shape, space_of
from bespeak.recommend.trying import Bench, Clock, Config, Fit, Tell, Try, figures_of

AUTO = "auto"
"""What a search is asked for by, where models are named."""
BUDGET_S = 600.0
"""Seconds that a search may take, where nobody says otherwise."""
DEFAULT = "item_knn"
"""Chosen, untested, where nothing could be tried."""
ASKED, LEAST_ASKED, ASKED_A_SECOND = 10_000, 2_000, 20
"""Rows of the part held back that candidates are measured on: so many for each second of the
budget, within bounds. Fewer tell less apart, but leave time for more to be tried."""
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


@dataclass(frozen=True)
class Choice:
    """What a search came to.

    title    : `item_knn`, or `blend of item_knn and als`
    evidence : JSON: chosen, because, held_back, measure, asked, of, shape, budget_s, search_s,
               final (the finalists, on rows that the search has not seen), tried (every
               configuration with its figures and seconds, or why it was left out)
    """

    model: str
    parameters: Mapping[str, Any]
    title: str
    evidence: Mapping[str, Any]

    @property
    def entry(self) -> Entry:
        """Its line in the table of an evaluation."""
        return Entry(self.title, self.model, self.parameters)

    def fit(self, known: Interactions) -> Model:
        """The winner, fitted on all that is known."""
        return fit(self.model, known, self.parameters)


@dataclass(frozen=True)
class Terms:
    """What a search is for, and how long it may take.

    k        : length of the lists
    repeat   : whether they may hold what their owner has; None: sessions may, customers may not
    sessions : whether histories are visits
    names    : only these models; by default every one that fits
    """

    k: int = 20
    budget_s: float = BUDGET_S
    repeat: bool | None = None
    sessions: bool = False
    names: Sequence[str] | None = None
    seed: int = 7

    def __post_init__(self) -> None:
        checked_budget(self.budget_s)


def search(
    trial: Trial | Callable[[], Trial],
    terms: Terms,
    *,
    tell: Tell = lambda progress: None,
    clock: Clock = time.perf_counter,
    fit: Fit = fit,
) -> Choice:
    """The best model and settings for what `trial` asks.

    trial : what to try on, or how to carve it; where nothing can be held back, the default is
            chosen untested, and the evidence says so
    """
    try:
        whole = trial if isinstance(trial, Trial) else trial()
    except NotReady as error:
        return _untested(str(error), {"held_back": None, "budget_s": terms.budget_s})
    shape = Shape.of(whole.train, repeat=whole.repeat, sessions=terms.sessions)
    most = int(min(ASKED, max(LEAST_ASKED, ASKED_A_SECOND * terms.budget_s)))
    asked, others = whole.parted(most, terms.seed)
    bench = Bench(asked, shape, terms.k, terms.budget_s, fit, tell, clock)
    _climb(bench, terms)
    final = _final(bench, others)
    best = max(final, key=lambda pair: pair[1])[0] if final else bench.best
    about = {
        "held_back": whole.how, "asked": len(asked), "of": len(whole), "measure": bench.measure,
        "shape": asdict(shape), "budget_s": terms.budget_s, "search_s": round(bench.spent_s, 3),
        "final": [{"model": one.title, bench.measure: figure} for one, figure in final],
        "tried": [one.said() for one in bench.tries],
    }  # fmt: skip
    if best is None:
        return _untested("nothing could be tried within the budget", about)
    bench.told()
    title = best.title if best.config.model == "blend" else best.config.model
    last = f", of {len(final)} that were asked for others than the search was" if final else ""
    said = {"chosen": title, "because": f"the best {bench.measure} on {whole.how}{last}"}
    evidence = {**said, **best.figures, **about}
    return Choice(best.config.model, dict(best.config.parameters), title, evidence)


def _climb(bench: Bench, terms: Terms) -> None:
    """The three rungs of the ladder."""
    _defaults(bench, terms.names or [name for name in MODELS if name != "blend"])
    hopeful = promising(bench)[:TUNED]
    for place, one in enumerate(hopeful):
        _tuned(bench, one, len(hopeful) - place)
    _mixed(bench, terms.seed)


def search_files(
    train: Path,
    test: Path,
    terms: Terms,
    *,
    tell: Tell = lambda progress: None,
) -> Choice:
    """`search` on a training file, of interactions or of sessions.

    Of the test file only the customers' times are looked at, which say how it was taken.
    raises : as `read_rows` or `read_sessions`
    """
    if is_sessions(train):
        known = read_sessions(train)
        terms = replace(terms, repeat=terms.repeat is not False, sessions=True)
        return search(lambda: by_session(known, repeat=bool(terms.repeat)), terms, tell=tell)
    rows, terms = read_rows(train), replace(terms, repeat=bool(terms.repeat))
    way = way_of(rows, read_rows(test))
    return search(
        lambda: carved(rows, way, repeat=bool(terms.repeat), seed=terms.seed), terms, tell=tell
    )


def with_choice(
    names: Sequence[str], find: Callable[[], Choice]
) -> tuple[list[str | Entry], Mapping[str, Any] | None]:
    """The models of a table, `auto` being replaced by what it finds; and its evidence."""
    if AUTO not in names:
        return list(names), None
    choice = find()
    entry = choice.entry
    if entry.name in names:
        entry = replace(entry, name=f"{entry.name} (auto)")
    return [entry if name == AUTO else name for name in dict.fromkeys(names)], choice.evidence


def checked_budget(budget_s: float) -> float:
    """The budget, if it is one.

    raises : BadRequest
    """
    if isinstance(budget_s, bool) or not budget_s > 0 or math.isinf(budget_s):
        raise BadRequest(
            "budget", found=str(budget_s)[:40], expected="seconds, a number above 0",
            next_step="For ten minutes, say 600.",
        )  # fmt: skip
    return float(budget_s)


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


def _untested(because: str, about: Mapping[str, Any]) -> Choice:
    said = {"chosen": DEFAULT, "because": f"{because}; this is the default, untested"}
    return Choice(DEFAULT, {}, DEFAULT, {"search_s": 0.0, "tried": [], **said, **about})


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


def _final(bench: Bench, others: Trial | None) -> list[tuple[Try, float]]:
    """The best of each promising model and their blend, measured on rows that the search has not
    seen: what is best of many on one draw is so by luck too. Empty where there are too few such
    rows, no second finalist, or no time."""
    blends = [one for one in bench.tries if one.config.model == "blend" and one.state == "tried"]
    finalists = [(one, one.model) for one in [*promising(bench), *blends] if one.model is not None]
    if others is None or len(others) < LEAST_ASKED // 2 or len(finalists) < 2:
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
