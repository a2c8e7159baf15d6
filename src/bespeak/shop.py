"""A workspace opened to answer: the same lists for the command line, the API and the console."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bespeak import access, collect, console, ledger, live, recommend, serve
from bespeak.errors import NotFound, NotReady
from bespeak.flow.offers import CATALOGUE, EVALUATION, HISTORIES, MODELS
from bespeak.flow.publishing import SNAPSHOT
from bespeak.flow.taking import open_log
from bespeak.workspace import CURRENT, Workspace


def open_shop(workspace: Workspace) -> serve.Shop:
    """The workspace's current versions, mapped into memory.

    raises : NotReady before the first run has ended; ArtifactCorrupt
    """
    published = workspace.get(SNAPSHOT)
    snapshot = serve.Snapshot.open(published.path)
    maker = recommender(workspace)

    def recommend_to(
        *,
        customer_id: str | None,
        items: Sequence[str],
        k: int,
        repeat: bool | None,
        since: Sequence[live.Seen] = (),
        filters: serve.Filters = serve.EVERYTHING,
    ) -> Mapping[str, Any]:
        happened = [recommend.Since(one.item_id, one.type, one.time) for one in since]
        return maker.answer(
            customer_id, items, k=k, repeat=repeat, customer_known=True, since=happened,
            filters=recommend.Filters(**vars(filters)),
        )  # fmt: skip

    def similar_to(item_id: str, *, k: int) -> Mapping[str, Any]:
        known = snapshot.items.one(item_id) is not None
        return maker.similar(item_id, k=k, item_known=known)

    def trending(*, k: int, filters: serve.Filters) -> Mapping[str, Any]:
        return maker.trending(k=k, filters=recommend.Filters(**vars(filters)))

    runs = ledger.past_runs(workspace)
    last: Sequence[ledger.Document] = next((run["steps"] for run in runs if run["made"]), ())
    return serve.Shop(
        snapshot,
        recommend_to,
        similar_to,
        trending,
        taken=published.manifest.get("taken", 0),
        primary=workspace.config().identity.primary,
        version=published.version,
        stages=[step for step in last if step["state"] != "running"],
        runs=[{key: value for key, value in run.items() if key != "steps"} for run in runs[:10]],
    )


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


def open_intake(workspace: Workspace) -> serve.Intake:
    """The workspace's event log, open to take events.

    raises : LogUnavailable; EngineUnavailable without the extra that it needs
    """
    identify = partial(collect.identifier, secret=workspace.secret())
    return serve.Intake.over(open_log(workspace, workspace.config()), identify)


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
    config, admission = workspace.config().serve, open_admission(workspace)
    serve.serve(
        partial(open_shop, workspace),
        admission=admission,
        open_intake=partial(open_intake, workspace),
        host=config.host,
        port=config.port if port is None else port,
        workers=config.workers or min(2, os.cpu_count() or 1),
        make_console=partial(console.create_app, cache=workspace.root / "cache"),
        watched=workspace.root / CURRENT,
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
