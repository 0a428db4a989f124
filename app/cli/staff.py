"""`flask create-admin`: a first member of staff."""

import click
from flask.cli import with_appcontext

from app.db import read_only_session
from app.domain.permissions import Actor, Role
from app.queries.staff import staff_roles
from app.usecases import staff
from app.web.current import runtime

ACTOR = Actor.job("create-admin")


@click.command("create-admin")
@click.argument("login")
@with_appcontext
def create_admin(login: str) -> None:
    """Makes an owner with all rights everywhere, and prints a link to set the password, good once for 30 minutes.

    For a login that has not set its password yet it prints a new link.
    """
    now = runtime().clock.now()
    with read_only_session() as session:
        known = any(row.login == login for row in staff_roles(session))
    if known:
        token = staff.renew_link(login, actor=ACTOR, now=now)
    else:
        token = staff.create_staff(login=login, name=login, roles=[(Role.OWNER, None)], actor=ACTOR, now=now)
    if token is None:
        raise click.ClickException(f"{login} exists already and has a password")
    click.echo(f"{runtime().public_url}/password/{token}")
