"""A workspace opened to answer: the same lists for the command line, the API and the console."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bespeak import (
    access,
    console,
    ledger,
    live,
    recommend,
    serve,
    storefront,
)
from bespeak.artifacts import CATALOGUE, EVALUATION, HISTORIES, MODELS
from bespeak.errors import NotFound, NotReady
from bespeak.opening import open_log
from bespeak.privacy import identifier, tombstones
from bespeak.tasks import FOLDER as TASKS
from bespeak.tasks import Tasks
from bespeak.training import trainer_beside
from bespeak.workspace import CURRENT, SNAPSHOT, State, Workspace

OWN = frozenset({"steps", "taken"})
"""What a run's entry in the ledger says to bespeak alone."""


def open_shop(workspace: Workspace) -> serve.Shop:
    """The workspace's current versions, mapped into memory.

    raises : NotReady before the first run has ended; ArtifactCorrupt
    """
    state = workspace.state()
    workspace = workspace.at(state)  # the same one to the end, whatever is published meanwhile
    published = workspace.get(SNAPSHOT)
    snapshot = serve.Snapshot.open(published.path)
    maker = recommend.Latest(recommender(workspace))

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
        return maker.at(changes).answer(
            customer_id, items, k=k, repeat=repeat, customer_known=known, since=happened,
            filters=recommend.Filters(**vars(filters)), label=label,
        )  # fmt: skip

    def similar_to(
        item_id: str, *, k: int, changes: serve.Changes = serve.UNCHANGED
    ) -> Mapping[str, Any]:
        known = item_id in changes or snapshot.items.one(item_id) is not None
        return maker.at(changes).similar(item_id, k=k, item_known=known)

    def trending(
        *,
        k: int,
        filters: serve.Filters,
        changes: serve.Changes = serve.UNCHANGED,
        label: tuple[str, str] | None = None,
    ) -> Mapping[str, Any]:
        chosen = recommend.Filters(**vars(filters))
        return maker.at(changes).trending(k=k, filters=chosen, label=label)

    runs = ledger.past_runs(workspace)
    last: Sequence[ledger.Document] = next((run["steps"] for run in runs if run["made"]), ())
    opened = serve.Shop(
        snapshot,
        recommend_to,
        similar_to,
        trending,
        taken=published.manifest.get("taken", 0),
        changed=published.manifest.get("changed", 0),
        primary=workspace.config().identity.primary,
        version=published.version,
        by_hand=state.undone is not None,
        stages=[step for step in last if step["state"] != "running"],
        runs=[{key: value for key, value in run.items() if key not in OWN} for run in runs[:10]],
        people=serve.People(
            erase=partial(_erase, workspace),
            export=partial(_export, workspace),
            marks=tombstones(workspace).now,
        ),
    )
    return opened


def _erase(workspace: Workspace, customer_id: str, *, by: str) -> Mapping[str, Any]:
    from bespeak import people  # with it comes all that a run needs: a server starts without

    return people.erase(workspace, customer_id, by=by)


def _export(workspace: Workspace, customer_id: str, *, by: str) -> Mapping[str, Any]:
    from bespeak import people

    return people.export(workspace, customer_id, by=by)


def recommender(workspace: Workspace) -> recommend.Recommender:
    """The model that the evaluation chose, or that bespeak.toml names, over the current versions.

    raises : NotReady before the first run, or where that model was not fitted
    """
    config = workspace.config()
    settings, evaluation = config.recommend, workspace.get(EVALUATION)
    served, models = evaluation.manifest["served"], workspace.under(MODELS)
    if served not in {model.name for model in models}:
        raise NotReady(
            f"[recommend] serve: the model `{served}` is not among the fitted ones",
            expected=", ".join(model.name for model in models),
            next_step="Add it to `models` in bespeak.toml, and run again.",
        )
    return recommend.open_recommender(
        served,
        models={model.name: model.path for model in models},
        interactions=workspace.get(HISTORIES).path,
        catalogue=workspace.get(CATALOGUE).path,
        version=workspace.get(f"{MODELS}/{served}").version,
        repeat=bool(evaluation.manifest["repeat"]),
        zone=config.workspace.timezone,
        counting=recommend.Counting(settings.weights, settings.half_life_days),
    )


def open_verified(workspace: Workspace) -> serve.Shop:
    """As `open_shop`, of files that are all as they were published.

    raises : as `open_shop`
    """
    pinned = workspace.at(workspace.state())
    models = [model.key for model in pinned.under(MODELS)]
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
    log = open_log(workspace, workspace.config())
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
    workspace: Workspace, *, port: int | None = None, ready: Callable[[str, bool], None]
) -> None:
    """Answer over HTTP until told to stop; a newer run is swapped in without a dropped request.

    ready  : gets its address once it answers, and whether it asks for keys
    raises : NotReady before the first run; AddressTaken if the port is in use
    """
    whole, admission = workspace.config(), open_admission(workspace)
    config, about = whole.serve, whole.workspace
    store = storefront.About(
        about.name, about.currency, next(iter(whole.identity.primary), "customer")
    )
    with trainer_beside(workspace.root):
        serve.serve(
            partial(open_verified, workspace),
            open_before=partial(open_before, workspace),
            admission=admission,
            open_intake=partial(open_intake, workspace),
            host=config.host,
            port=config.port if port is None else port,
            workers=config.workers or min(2, os.cpu_count() or 1),
            make_console=partial(console.create_app, cache=workspace.root / "cache"),
            make_store=partial(storefront.create_app, store),
            watched=workspace.root / CURRENT,
            tasks=open_tasks(workspace),
            log=config.log,
            tell=lambda url: ready(url, admission.wanted),
        )


def evaluate_files(
    train: Path, test: Path, *, models: Sequence[str] | None, k: int, repeat: bool
) -> dict[str, Any]:
    """The models on a given train and test file.

    raises : NotFound for a model that is none; SourceUnreadable, naming file and row
    """
    names = list(models or recommend.MODELS)
    _check_models(names)
    return recommend.evaluate_files(train, test, names, k=k, repeat=repeat)


def _check_models(names: Sequence[str]) -> None:
    for name in names:
        if name not in recommend.MODELS:
            raise NotFound(f"there is no model `{name}`", expected=", ".join(recommend.MODELS))
