"""`python -m simulator keys | serve`: makes the key material, runs the simulated WeChat."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from simulator import keys
from simulator.server import Simulator

USAGE = "usage: python -m simulator keys | serve"


def main(arguments: list[str], env: Mapping[str, str]) -> int:
    """Returns the exit status."""
    if env.get("APP_ENV") == "production":
        print("the simulator does not run in production (APP_ENV=production)", file=sys.stderr)
        return 2
    data_dir, port = Path(env.get("DATA_DIR", "var")), int(env.get("SIM_PORT", "8001"))
    if arguments == ["keys"]:
        data_dir.mkdir(parents=True, exist_ok=True)
        print(keys.make(data_dir, port))
        return 0
    if arguments == ["serve"]:
        return serve(data_dir, port, env)
    print(USAGE, file=sys.stderr)
    return 2


def serve(data_dir: Path, port: int, env: Mapping[str, str]) -> int:
    """Runs until SIGTERM or SIGINT."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="simulator: %(levelname)s %(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    app_url = env.get("SIM_APP_URL") or f"http://127.0.0.1:{env.get('PORT', '8000')}"
    try:
        simulator = Simulator(data_dir, port=port, app_url=app_url, speed=float(env.get("SIM_SPEED", "60")))
    except keys.NoKeys:
        print(f"no keys in {data_dir}: run `python -m simulator keys` first", file=sys.stderr)
        return 2
    with simulator:
        print(f"simulator: {simulator.url}", file=sys.stderr, flush=True)
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
