"""Runs the benchmarks: all of them, or those that are named."""

import importlib
import pkgutil
import sys

import bench


def main(names: list[str]) -> int:
    """Returns the exit status."""
    modules = [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_")]
    known = [name.replace("_", "-") for name in modules]
    if unknown := [name for name in names if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names or known:
        print(f"== {name}")
        importlib.import_module(f"bench.{name.replace('-', '_')}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
