"""What mending a rule or a mapping did to the quarantine."""

from __future__ import annotations

from pathlib import Path

import ibis.expr.types as ir

from bespeak.engines import Engine

PLACE = ("source", "file", "row")


def compare_quarantine(engine: Engine, before: Path, after: Path) -> dict[str, dict[str, int]]:
    """By reason, what became of the rows that two runs over the same files turned away.

    before, after : folders of quarantine Parquet (`…/quarantine`), of the same source
    returns       : left (in by now, by the reason they had), stayed, changed (still out, by the
                    reason they have now), new (out only now); each reason -> rows
    """
    was = engine.read([before]).select(*PLACE, _was="reason")
    now = engine.read([after]).select(*PLACE, _now="reason")
    both = was.join(now, list(PLACE)).select("_was", "_now")
    same = both.filter(both["_was"] == both["_now"])
    other = both.filter(both["_was"] != both["_now"])
    return {
        "left": _counted(engine, was.anti_join(now, list(PLACE)), "_was"),
        "stayed": _counted(engine, same, "_now"),
        "changed": _counted(engine, other, "_now"),
        "new": _counted(engine, now.anti_join(was, list(PLACE)), "_now"),
    }


def _counted(engine: Engine, rows: ir.Table, reason: str) -> dict[str, int]:
    counted = rows.group_by(reason).agg(n=rows.count()).order_by(reason)
    return {row[reason]: row["n"] for row in engine.run(counted).to_pylist()}
