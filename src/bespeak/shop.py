"""A workspace opened to answer: the same lists for the command line, the API and the console."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from bespeak import (
    access,
    consenting,
    console,
    ledger,
    live,
    recommend,
    serve,
    storefront,
)
from bespeak.artifacts import CATALOGUE, EVALUATION, HISTORIES, MODELS, SERVED
from bespeak.config import Config
from bespeak.consent import Privacy
from bespeak.errors import NotFound, NotReady
from bespeak.lately import Lately
from bespeak.opening import open_log
from bespeak.privacy import identifier, tombstones
from bespeak.tasks import FOLDER as TASKS
from bespeak.tasks import Tasks
from bespeak.training import trainer_beside
from bespeak.workspace import CURRENT, SNAPSHOT, State, Workspace

TOLD = 1_000
"""Events of the snapshot that a list goes by, where no model holds the customer."""
EPOCH, MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
OWN = frozenset({"steps", "taken"})
"""What a run's entry in the ledger says to bespeak alone."""


def open_shop(workspace: Workspace, model: str | None = None) -> serve.Shop:
    """The workspace's current versions, mapped into memory.

    model  : the fitted model that makes the lists; None: as `recommender` has it
    raises : NotReady before the first run has ended; ArtifactCorrupt; NotFound as `recommender`
    """
    state = workspace.state()
    workspace = workspace.at(state)  # the same one to the end, whatever is published meanwhile
    published = workspace.get(SNAPSHOT)
    snapshot = serve.Snapshot.open(published.path)
    maker = recommend.Latest(recommender(workspace, model))
    privacy = workspace.config().privacy

    def recommend_to(
        *,
        customer_id: str | None,
        items: Sequence[str],
        k: int,
        repeat: bool | None,
        since: Sequence[live.Seen] = (),
        filters: serve.Filters = serve.EVERYTHING,
        changes: serve.Changes = serve.UNCHANGED,
        label: tuple[str, str] | None = None,
    ) -> Mapping[str, Any]:
        if customer_id is not None and opened.erased(customer_id):
            raise NotFound(f"there is no customer `{customer_id[:80]}`")
        known = customer_id is not None and snapshot.has_customer(customer_id)
        happened = [recommend.Since(one.item_id, one.type, one.time) for one in since]
        if known and customer_id is not None:
            happened = [*_unlearned(snapshot, customer_id, privacy), *happened]
        return maker.at(changes).answer(
            customer_id, items, k=k, repeat=repeat, customer_known=known, since=happened,
            filters=recommend.Filters(*filters), label=label,
        )  # fmt: skip

    def similar_to(
        item_id: str,
        *,
        k: int,
        filters: serve.Filters = serve.EVERYTHING,
        changes: serve.Changes = serve.UNCHANGED,
    ) -> Mapping[str, Any]:
        known = item_id in changes or snapshot.items.one(item_id) is not None
        chosen = recommend.Filters(*filters)
        return maker.at(changes).similar(item_id, k=k, item_known=known, filters=chosen)

    def trending(
        *,
        k: int,
        filters: serve.Filters,
        changes: serve.Changes = serve.UNCHANGED,
        label: tuple[str, str] | None = None,
    ) -> Mapping[str, Any]:
        chosen = recommend.Filters(*filters)
        return maker.at(changes).trending(k=k, filters=chosen, label=label)

    config = workspace.config()
    # who fixes the instant of the features wants them as of then
    zone = config.workspace.timezone
    now = Lately(snapshot, zone) if config.features.as_of is None else None
    runs = ledger.past_runs(workspace)
    last: Sequence[ledger.Document] = next((run["steps"] for run in runs if run["made"]), ())
    opened = serve.Shop(
        snapshot,
        recommend_to,
        similar_to,
        trending,
        tried=lru_cache(None)(lambda name: open_shop(workspace, name).recommend),
        taken=published.manifest.get("taken", 0),
        changed=published.manifest.get("changed", 0),
        primary=config.identity.primary,
        lately=now,
        version=published.version,
        by_hand=state.undone is not None,
        stages=[step for step in last if step["state"] != "running"],
        runs=[{key: value for key, value in run.items() if key not in OWN} for run in runs[:10]],
        people=serve.People(
            erase=partial(_erase, workspace),
            export=partial(_export, workspace),
            heard=partial(consenting.heard, workspace),
            marks=tombstones(workspace).now,
        ),
        privacy=privacy,
        cap=_cap(config),
    )
    return opened


def answer_one(
    workspace: Workspace, customer_id: str | None, items: Sequence[str], *, k: int,
    repeat: bool | None,
) -> Mapping[str, Any]:  # fmt: skip
    """A customer's list, or that of who has the history `items`; consent is asked first.

    raises : NotReady; NotFound; BadRequest on k
    """
    opened = open_shop(workspace)
    if customer_id is None or consenting.allows(workspace, customer_id, "personalisation"):
        return opened.recommend(customer_id=customer_id, items=items, k=k, repeat=repeat)
    answer = opened.recommend(customer_id=None, items=(), k=k, repeat=repeat)
    return serve.of_a_stranger(answer, customer_id)


def _cap(config: Config) -> serve.Cap | None:
    most, hours = config.recommend.most_shown, config.recommend.shown_hours
    return None if most is None else serve.Cap(most, timedelta(hours=hours))


def _unlearned(
    snapshot: serve.Snapshot, customer_id: str, privacy: Privacy
) -> list[recommend.Since]:
    """What a customer did of whom nothing was learned: no model's histories hold them, so their
    own list is made of what they did as it is read."""
    if privacy.allows("training", snapshot.consent_of(customer_id)):
        return []
    rows = snapshot.history(customer_id)
    rows = rows.slice(max(0, rows.num_rows - TOLD)).to_pylist()
    return [
        recommend.Since(row["item_id"], row["type"], (row["time"] - EPOCH) // MICROSECOND)
        for row in rows
        if row["item_id"] is not None
    ]


def _erase(workspace: Workspace, customer_id: str, *, by: str) -> Mapping[str, Any]:
    from bespeak import people  # with it comes all that a run needs: a server starts without

    return people.erase(workspace, customer_id, by=by)


def _export(workspace: Workspace, customer_id: str, *, by: str) -> Mapping[str, Any]:
    from bespeak import people

    return people.export(workspace, customer_id, by=by)


def recommender(workspace: Workspace, model: str | None = None) -> recommend.Recommender:
    """The model that the evaluation chose, or that bespeak.toml names, over the current versions.

    model  : another one, to try it
    raises : NotReady before the first run, or where that model was not fitted; NotFound for a
             `model` that was not
    """
    config = workspace.config()
    settings, evaluation = config.recommend, workspace.get(EVALUATION)
    served, models = model or evaluation.manifest["served"], workspace.under(MODELS)
    fitted = [one.name for one in models if one.name in recommend.MODELS]
    if model is not None and model not in fitted:
        raise NotFound(f"there is no fitted model `{model[:80]}`", expected=", ".join(fitted))
    if served not in {model.name for model in models}:
        raise NotReady(
            f"[recommend] serve: the model `{served}` is not among the fitted ones",
            expected=", ".join(model.name for model in models),
            next_step="Add it to `models` in bespeak.toml, and run again.",
        )
    maker = recommend.open_recommender(
        served,
        models={model.name: model.path for model in models},
        interactions=workspace.get(HISTORIES).path,
        catalogue=workspace.get(CATALOGUE).path,
        version=workspace.get(f"{MODELS}/{served}").version,
        repeat=bool(evaluation.manifest["repeat"]),
        zone=config.workspace.timezone,
        counting=recommend.Counting(settings.weights, settings.half_life_days),
    )
    lists = _lists_of(workspace, served)
    return maker if lists is None else maker.behind(lists)


def _lists_of(workspace: Workspace, model: str) -> Path | None:
    """Where the item lists of a model are, if it answers by them."""
    form = workspace.find(SERVED)
    if form is None or form.manifest["model"] != model:
        return None
    return form.path if form.manifest["answers_by"] == recommend.LISTED else None


def open_verified(workspace: Workspace) -> serve.Shop:
    """As `open_shop`, of files that are all as they were published.

    raises : as `open_shop`
    """
    pinned = workspace.at(workspace.state())
    models = [model.key for model in pinned.under(MODELS)]
    models += [SERVED] if pinned.find(SERVED) else []
    pinned.verify(SNAPSHOT, EVALUATION, HISTORIES, CATALOGUE, *models)
    return open_shop(pinned)


def open_before(workspace: Workspace) -> serve.Shop:
    """The state before the current one.

    raises : NotReady where there is none; as `open_shop`
    """
    return open_verified(workspace.at(State(workspace.state().before or {})))


def open_intake(workspace: Workspace) -> serve.Intake:
    """The workspace's event log, open to take events.

    raises : LogUnavailable; EngineUnavailable without the extra that it needs
    """
    identify = partial(identifier, secret=workspace.secret())
    config = workspace.config()
    log = open_log(workspace, config)
    if config.recommend.most_shown is not None:
        log.index_shown()
    return serve.Intake.over(log, identify, tombstones(workspace).admit)


def open_tasks(workspace: Workspace) -> Tasks:
    """The runs that servers of this workspace have started."""
    return Tasks(workspace.root / TASKS)


def open_admission(workspace: Workspace) -> serve.Admission:
    """Who may ask this workspace for what."""
    origins = workspace.config().serve.origins
    secret = hmac.digest(workspace.secret(), b"console", "sha256")
    return serve.Admission(access.Keyring(workspace.root), secret, open=True, origins=origins)


def serve_shop(
    workspace: Workspace,
    *others: Workspace,
    port: int | None = None,
    ready: Callable[[str, bool], None],
) -> None:
    """Answer over HTTP until told to stop; a newer run is swapped in without a dropped request.

    others : workspaces to serve at the same address, each to who has a key of it; host, port,
             workers and log are those of the first
    ready  : gets its address once it answers, and whether it asks for keys
    raises : NotReady before the first run; AddressTaken if the port is in use; BadRequest where
             keys or names can't tell the workspaces apart
    """
    every, config = [workspace, *others], workspace.config().serve
    sites = [_site(one, alone=not others, log=config.log) for one in every]
    wanted = bool(others) or open_admission(workspace).wanted
    with ExitStack() as trainers:

        def told(url: str) -> None:
            ready(url, wanted)
            for one in every:  # not before: they would take the cores from who is to answer
                trainers.enter_context(trainer_beside(one.root))

        serve.serve_sites(
            sites,
            host=config.host,
            port=config.port if port is None else port,
            workers=config.workers or min(2, os.cpu_count() or 1),
            tell=told,
        )


def _site(workspace: Workspace, *, alone: bool, log: Literal["none", "text", "json"]) -> serve.Site:
    """What a worker opens of a workspace; the shop to play with needs no key, and so no company."""
    whole = workspace.config()
    about = whole.workspace
    store = storefront.About(
        about.name, about.currency, next(iter(whole.identity.primary), "customer")
    )
    return serve.Site(
        open_shop=partial(open_verified, workspace),
        open_intake=partial(open_intake, workspace),
        make_console=partial(console.create_app, cache=workspace.root / "cache"),
        make_store=partial(storefront.create_app, store) if alone else None,
        admission=open_admission(workspace),
        watched=workspace.root / CURRENT,
        tasks=open_tasks(workspace),
        open_before=partial(open_before, workspace),
        log=log,
        tenant=None if alone else about.name,
    )


def evaluate_files(
    train: Path,
    test: Path,
    *,
    models: Sequence[str] | None,
    k: int,
    repeat: bool | None,
    by: Sequence[str] = (),
    budget_s: float = recommend.BUDGET_S,
    tell: recommend.Tell = lambda progress: None,
) -> dict[str, Any]:
    """The models on a given train and test file.

    models   : names, or `auto`; None for what is quick and usual on files of this form
    budget_s : seconds that the search of `auto` may take
    returns  : as recommend.evaluate_files, and in "search" how `auto` chose, or None
    raises   : NotFound for a model that is none; SourceUnreadable, naming file and row; BadRequest
    """
    names = list(models or recommend.usual_models(train, test))
    _check_models(names)
    terms = recommend.Terms(k=k, repeat=repeat, budget_s=budget_s)
    entries, evidence = recommend.with_choice(
        names, lambda: recommend.search_files(train, test, terms, tell=tell)
    )
    found = recommend.evaluate_files(train, test, entries, k=k, repeat=repeat, by=by)
    return {**found, "search": evidence}


def _check_models(names: Sequence[str]) -> None:
    for name in names:
        if name not in recommend.MODELS and name != recommend.AUTO:
            known = ", ".join([*recommend.MODELS, recommend.AUTO])
            raise NotFound(f"there is no model `{name}`", expected=known)
