"""`flask seed`: bulk orders to measure with."""

import click
from flask.cli import with_appcontext

from app.cli._refusing import refuse_unless_demo
from app.db import read_only_session
from app.queries.demo import somebody_works, something_is_sold
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
        with read_only_session() as session:
            sells, works = something_is_sold(session), somebody_works(session)
        if not sells:
            ground.lay_catalogue(now=now)
        if not works:
            ground.lay_staff(password_hashes={})
        with click.progressbar(length=orders, label="orders") as bar:
            seed_orders(orders, seed=seed, vault=runtime().vault, app_id=runtime().app_id, now=now, told=bar.update)
        click.echo(f"{orders} orders written")

    return seed_
