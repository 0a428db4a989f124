"""`flask seed`: bulk orders to measure with."""

import click
from flask.cli import with_appcontext

from app.cli._refusing import refuse_unless_demo
from app.usecases.seeding import demo as ground
from app.usecases.seeding.orders import seed_orders
from app.web.current import runtime

DEFAULT_SEED = 20_170_810


def seed_command(*, demo: bool) -> click.Command:
    """The command; it refuses to run in production."""

    @click.command("seed")
    @click.option("--orders", type=click.IntRange(min=1), required=True, help="how many orders")
    @click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="the same rows for the same seed")
    @with_appcontext
    def seed_(orders: int, seed: int) -> None:
        """Adds plausible orders of the last year, with people, payments and all that hangs on them. Demo only."""
        refuse_unless_demo(demo=demo)
        now = runtime().clock.now()
        ground.lay_catalogue(now=now, unless_something_is_sold=True)
        ground.lay_staff(password_hashes={}, unless_somebody_works=True)
        with click.progressbar(length=orders, label="orders") as bar:
            seed_orders(orders, seed=seed, vault=runtime().vault, app_id=runtime().app_id, now=now, told=bar.update)

    return seed_
