"""The application's commands: `flask jobs | check | seed | demo | create-admin`."""

from flask import Flask

from app.cli import check, demo, jobs, seed, staff
from config import Config


def install(app: Flask, config: Config) -> None:
    """Adds the commands to `flask`."""
    app.cli.add_command(jobs.jobs)
    app.cli.add_command(check.check)
    app.cli.add_command(staff.create_admin)
    app.cli.add_command(seed.seed_command(demo=config.demo))
    app.cli.add_command(demo.demo_commands(config.data_dir, config.wechat_pay_url, demo=config.demo))
