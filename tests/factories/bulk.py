"""Many orders at once, of a whole year, by the verb that `flask seed` uses."""

from flask import Flask

from app.usecases.seeding.orders import seed_orders
from app.web.current import RUNTIME
from tests.factories.people import a_member_of_staff


def many_orders(app: Flask, how_many: int, *, seed: int = 7) -> None:
    """Plausible orders in every state, with people, payments, refunds and numbers."""
    for region in "ABC":
        a_member_of_staff(app, role="clerk", region=region)
    runtime = app.extensions[RUNTIME]
    with app.app_context():
        seed_orders(how_many, seed=seed, vault=runtime.vault, app_id=runtime.app_id, now=runtime.clock.now())
