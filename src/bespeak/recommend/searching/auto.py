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

from bespeak.errors import BadRequest, NotReady
from bespeak.recommend.base import Model
from bespeak.recommend.evaluating.evaluate import Entry
from bespeak.recommend.evaluating.files import read_rows
from bespeak.recommend.evaluating.sessions import is_sessions, read_sessions
from bespeak.recommend.histories import Interactions
from bespeak.recommend.models import MODELS, fit
from bespeak.recommend.searching.carving import Trial, by_session, carved, way_of
from bespeak.recommend.searching.ladder import climb, final
from bespeak.recommend.searching.sharing import Sharing
from bespeak.recommend.searching.spaces import Shape
from bespeak.recommend.searching.trying import Bench, Clock, Fit, Tell

AUTO = "auto"
"""What a search is asked for by, where models are named."""
BUDGET_S = 600.0
"""Seconds that a search may take, where nobody says otherwise."""
DEFAULT = "item_knn"
"""Chosen, untested, where nothing could be tried."""
ASKED, LEAST_ASKED, ASKED_A_SECOND = 10_000, 2_000, 20
"""Rows of the part held back that candidates are measured on: so many for each second of the
budget, within bounds. Fewer tell less apart, but leave time for more to be tried."""


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
    lone     : whether the winner's lists may rest on what one history alone has together: never
               where lists are shown to others, since such a list can give that history away
    """

    k: int = 20
    budget_s: float = BUDGET_S
    repeat: bool | None = None
    sessions: bool = False
    names: Sequence[str] | None = None
    seed: int = 7
    lone: bool = False

    def __post_init__(self) -> None:
        checked_budget(self.budget_s)


def search(
    trial: Trial | Callable[[], Trial],
    terms: Terms,
    *,
    tell: Tell = lambda progress: None,
    clock: Clock = time.perf_counter,
    fit: Fit | None = None,
) -> Choice:
    """The best model and settings for what `trial` asks.

    trial : what to try on, or how to carve it; where nothing can be held back, the default is
            chosen untested, and the evidence says so
    """
    measure = f"ndcg@{terms.k}"
    about: dict[str, Any] = {"held_back": None, "measure": measure, "budget_s": terms.budget_s}
    try:
        whole = trial if isinstance(trial, Trial) else trial()
    except NotReady as error:
        return _untested(str(error), about)
    shape = Shape.of(whole.train, repeat=whole.repeat, sessions=terms.sessions,
                     lone=terms.lone)  # fmt: skip
    most = int(min(ASKED, max(LEAST_ASKED, ASKED_A_SECOND * terms.budget_s)))
    asked, others = whole.parted(most, terms.seed)
    bench = Bench(asked, shape, terms.k, terms.budget_s, fit or Sharing(), tell, clock)
    climb(bench, terms.names or [name for name in MODELS if name != "blend"], terms.seed)
    finalists = final(bench, others)
    best = max(finalists, key=lambda pair: pair[1])[0] if finalists else bench.best
    about |= {
        "held_back": whole.how, "asked": len(asked), "of": len(whole),
        "shape": asdict(shape), "search_s": round(bench.spent_s, 3),
        "final": [{"model": one.title, measure: figure} for one, figure in finalists],
        "tried": [one.said() for one in bench.tries],
    }  # fmt: skip
    if best is None:
        return _untested("nothing could be tried within the budget", about)
    bench.told()
    because = f"the best {measure} on {whole.how}"
    if finalists:
        because += f"; of {len(finalists)} finalists, on rows that the search had not seen"
    title = best.title if best.config.model == "blend" else best.config.model
    evidence = {"chosen": title, "because": because, **best.figures, **about}
    return Choice(best.config.model, dict(best.config.parameters), title, evidence)


def search_files(
    train: Path,
    test: Path,
    terms: Terms,
    *,
    tell: Tell = lambda progress: None,
) -> Choice:
    """`search` on a training file, of interactions or of sessions.

    Of the test file only the customers' times are looked at, which say how it was taken. What is
    found is measured and not shown to anybody, so lists may rest on a single history.
    raises : as `read_rows` or `read_sessions`
    """
    terms = replace(terms, lone=True)
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


def _untested(because: str, about: Mapping[str, Any]) -> Choice:
    said = {"chosen": DEFAULT, "because": f"{because}; this is the default, untested"}
    nothing = {"search_s": 0.0, "final": [], "tried": []}
    return Choice(DEFAULT, {}, DEFAULT, {**nothing, **said, **about})
