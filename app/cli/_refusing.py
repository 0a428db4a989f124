"""Commands that exist for demos alone."""

import click


def refuse_unless_demo(*, demo: bool) -> None:
    """Ends the command where real data could stand."""
    if not demo:
        raise click.ClickException("only in a demo: this is APP_ENV=production")
