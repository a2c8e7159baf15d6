"""The command `bespeak`, also as `python -m bespeak`.

`bespeak serve` is started apart from all other commands: their imports would take longer than its
own start.
"""

from __future__ import annotations

import sys

import typer


def main() -> None:
    """Run the command that was given."""
    if sys.argv[1:2] == ["serve"]:
        from bespeak.commands.serving import serve

        app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        app.callback()(lambda: None)  # so that `serve` stays a command's name
        app.command()(serve)
        app(prog_name="bespeak")
    else:
        from bespeak.cli import main as every

        every()


if __name__ == "__main__":
    main()
