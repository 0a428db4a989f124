"""The test ground: fixtures by subject. A test names only what matters to it."""

import os

pytest_plugins = [
    "tests.fixtures.requirements",
    "tests.fixtures.postgres",
    "tests.fixtures.databases",
    "tests.fixtures.simulators",
    "tests.fixtures.apps",
    "tests.fixtures.actors",
    "tests.fixtures.browser",
    "tests.fixtures.faults",
]

# What the caller's shell says about a running demo is not ours.
for name in [*os.environ]:
    if name.startswith(("WECHAT_", "SIM_")) or name in {
        "APP_ENV", "DATABASE_URL", "DATA_DIR", "FLASK_APP", "MAC_KEY", "PORT", "PROXIES", "PUBLIC_URL", "SECRET_KEY",
        "VAULT_KEYS",
    }:  # fmt: skip
        del os.environ[name]
