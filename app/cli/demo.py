"""`flask demo`: its clock, its logins, its data."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import click
from flask.cli import AppGroup

from app.adapters.clock import DemoClock, SystemClock
from app.blueprints.auth.routes import hasher
from app.cli._demo_scenes import play
from app.cli._demo_wechat import UNWILLING, DemoWeChat, introduce_and_pay, share_the_past
from app.cli._refusing import refuse_unless_demo
from app.cli.seed import DEFAULT_SEED
from app.db import read_only_session
from app.domain.calendar import SHANGHAI
from app.queries.demo import somebody_ordered
from app.queries.staff import staff_roles
from app.usecases import ledger_sums
from app.usecases.seeding import demo as ground
from app.usecases.seeding.closings import close_the_past
from app.usecases.seeding.orders import seed_orders
from app.web.current import runtime

CLOCK_FILE = "clock-offset"
DEMO_PASSWORD = "lieba-demo-2026"  # noqa: S105  # printed for everybody who runs the demo
DEMO_ORDERS = 400
RECENT = 14.0
"""The last days have so many times more orders, so that every screen has something to show."""
SPANS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class Span(click.ParamType[timedelta]):
    """`15d`, `36h`, `1d12h`, `-20m`."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span of time. Fails on anything else."""
        text = str(value)
        if not re.fullmatch(r"-?(\d+[dhms])+", text):
            self.fail("write it like 15d, 36h or 1d12h", param, ctx)
        parts = re.findall(r"(\d+)([dhms])", text)
        span = sum((timedelta(**{SPANS[unit]: int(count)}) for count, unit in parts), timedelta())
        return -span if text.startswith("-") else span


def demo_commands(data_dir: Path, wechat_url: str, *, demo: bool) -> click.Group:
    """The commands; each refuses to run in production."""
    commands = AppGroup("demo", help="The demo's clock, logins and data.")

    @commands.command("clock")
    @click.option("--advance", type=Span(), help="moves on by a span: 15d, 36h, 1d12h; back with a minus")
    @click.option("--at", help="moves to a time, ISO; without an offset it is Shanghai's")
    @click.option("--reset", is_flag=True, help="the machine's own time again")
    def clock(advance: timedelta | None, at: str | None, *, reset: bool) -> None:
        """Moves the one clock of web, jobs and simulator; without an option tells it. Jobs catch up at once."""
        refuse_unless_demo(demo=demo)
        if sum((advance is not None, at is not None, reset)) > 1:
            raise click.UsageError("one of --advance, --at, --reset")
        moved = DemoClock(data_dir / CLOCK_FILE)
        if advance is not None:
            moved.move_to(moved.offset() + advance)
        elif at is not None:
            moved.move_to(_moment(at) - SystemClock().now())
        elif reset:
            moved.move_to(timedelta())
        click.echo(f"{moved.now().astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S} (Shanghai)")

    @commands.command("logins")
    def logins() -> None:
        """Staff of the demo: role, region, login, password, one-time-code secret; JSON."""
        refuse_unless_demo(demo=demo)
        ours = {colleague.login for colleague in ground.STAFF}
        with read_only_session() as session:
            rows = [row for row in staff_roles(session) if row.login in ours]
        click.echo(
            json.dumps(
                [
                    {
                        "role": row.role.value,
                        "region": row.region,
                        "name": row.name,
                        "login": row.login,
                        "password": DEMO_PASSWORD,
                        "totp_secret": None,
                    }
                    for row in rows
                ],
                ensure_ascii=False,
                indent=2,
            )
        )

    @commands.command("seed")
    def seed() -> None:
        """The demo's data; what is there already stays as it is."""
        refuse_unless_demo(demo=demo)
        now = runtime().clock.now()
        ground.lay_directory()
        ground.lay_catalogue(now=now)
        ground.lay_rentals(now=now)
        ground.lay_batteries(now=now)
        ground.lay_staff(password_hashes={one.login: hasher.hash(DEMO_PASSWORD) for one in ground.STAFF})
        with read_only_session() as session:
            ordered = somebody_ordered(session)
        if not ordered:
            seed_orders(
                DEMO_ORDERS,
                seed=DEFAULT_SEED,
                vault=runtime().vault,
                app_id=runtime().app_id,
                now=now,
                recent=RECENT,
                waiting=False,
            )
            ground.lay_stock(now=now)
            _let_some_pay(wechat_url, now)
            _let_some_rent(wechat_url, DemoClock(data_dir / CLOCK_FILE))
            ledger_sums.fold()
            close_the_past(login=ground.FINANCE, now=now)
        click.echo("demo: the data is there")

    return commands


def _let_some_pay(wechat_url: str, now: datetime) -> None:
    """Where the simulator runs, some orders are paid through it, so that it can give their money back."""
    wechat = DemoWeChat(wechat_url)
    if not wechat.answers():
        click.echo("demo: the simulator does not run, so no order waits to be picked up")
        return
    try:
        share_the_past(wechat, now)
        introduce_and_pay(wechat, runtime(), now)
    except UNWILLING as error:
        click.echo(f"demo: the simulator did not take a payment ({error})")


def _let_some_rent(wechat_url: str, clock: DemoClock) -> None:
    """Rentals and batteries of the last months: real acts, with the one clock put back for each of them."""
    wechat = DemoWeChat(wechat_url)
    if not wechat.answers():
        click.echo("demo: the simulator does not run, so nobody rents or has a battery")
        return
    offset = clock.offset()
    try:
        play(wechat, runtime(), clock)
    except UNWILLING as error:
        click.echo(f"demo: the simulator did not take a payment ({error})")
    finally:
        clock.move_to(offset)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"--at {text}: not an ISO time") from error
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)
