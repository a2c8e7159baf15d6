"""What a config asks of its engine: known, and refused, before anything runs."""

from __future__ import annotations

from bespeak import recommend, segments
from bespeak.config import Config
from bespeak.engines import ABLE, PATTERNS
from bespeak.errors import ConfigInvalid
from bespeak.flow.ratings import NAME as RATINGS


def check_plan(config: Config) -> None:
    """Refuse a config that asks for what its engine can't do, or for a model that there is not.

    raises : ConfigInvalid, naming the key and the engines that can; NotFound
    """
    engine, settings = config.workspace.engine, config.recommend
    asked = {"segments.trainer": segments.needs(config.segments)}
    for name in settings.models:
        if name == recommend.AUTO:  # it tries only what every engine can
            continue
        asked[f"recommend.parameters.{name}"] = recommend.needs([name], settings.parameters)
    if RATINGS in settings.parameters:
        needed = recommend.ratings_parameters(settings.parameters[RATINGS]).needs
        asked[f"recommend.parameters.{RATINGS}"] = needed
    _check_patterns(config)
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


def _check_patterns(config: Config) -> None:
    """Every pattern of a time must be one that the engine can read."""
    reads = PATTERNS[config.workspace.engine]
    for source in config.sources:
        for pattern in source.time_formats:
            problem = reads(pattern)
            if problem is not None:
                raise ConfigInvalid(
                    f"bespeak.toml: source `{source.name}`: time_formats: `{pattern}`",
                    found=problem,
                    next_step='Write it otherwise, or use engine = "duckdb".',
                )
