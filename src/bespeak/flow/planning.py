"""What a config asks of its engine: known, and refused, before anything runs."""

from __future__ import annotations

from bespeak import recommend, segments
from bespeak.config import Config
from bespeak.engines import ABLE
from bespeak.errors import ConfigInvalid


def check_plan(config: Config) -> None:
    """Refuse a config that asks for what its engine can't do, or for a model that there is not.

    raises : ConfigInvalid, naming the key and the engines that can; NotFound
    """
    engine, settings = config.workspace.engine, config.recommend
    asked = {"segments.trainer": segments.needs(config.segments)}
    for name in settings.models:
        asked[f"recommend.parameters.{name}"] = recommend.needs([name], settings.parameters)
    for key, needed in asked.items():
        lacking = needed - ABLE[engine]
        if lacking:
            able = [name for name, can in ABLE.items() if needed <= can]
            raise ConfigInvalid(
                f"bespeak.toml: key `{key}` asks for {', '.join(sorted(lacking))}, which the engine"
                f" `{engine}` can't do",
                expected=f"`workspace.engine` to be {' or '.join(able)}",
                next_step="Set it there or with --engine, or leave the key out.",
            )
