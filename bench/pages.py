"""How fast the pages that staff use most answer with 100,000 orders (BENCH_ORDERS), 8 people at once, both engines."""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from bench._deployed import ENGINES, Deployed, deployed

ORDERS = int(os.environ.get("BENCH_ORDERS", "100000"))
PEOPLE = 8
REQUESTS = 25
PAGES = {
    "home": "/",
    "orders": "/orders/sales",
    "orders of a region": "/orders/sales?region=B",
    "orders completed": "/orders/sales?state=completed",
    "orders of a year": "/orders/sales?range=365",
    "orders by number": "/orders/sales?q=AM0001",
    "orders by phone tail": "/orders/sales?q=2047",
    "counter": "/pickup",
}


def run() -> None:
    """Prints a line for each page: requests a second, median, 95th percentile."""
    for engine in ENGINES:
        with deployed(engine, orders=ORDERS) as served:
            for name, path in PAGES.items():
                _measure(served, engine, name, path)


def _measure(served: Deployed, engine: str, name: str, path: str) -> None:
    def one_person(_number: int) -> list[float]:
        times = []
        with requests.Session() as http:
            http.trust_env = False
            http.headers["Cookie"] = served.cookie
            for _ in range(REQUESTS):
                began = time.perf_counter()
                answer = http.get(served.url + path, timeout=60)
                times.append(time.perf_counter() - began)
                answer.raise_for_status()
        return times

    began = time.perf_counter()
    with ThreadPoolExecutor(PEOPLE) as people:
        times = sorted(seconds for part in people.map(one_person, range(PEOPLE)) for seconds in part)
    a_second = len(times) / (time.perf_counter() - began)
    median, late = statistics.median(times) * 1000, times[int(len(times) * 0.95)] * 1000
    print(f"{engine:<11}{name:<22}{a_second:7.0f}/s   median {median:6.0f} ms   p95 {late:6.0f} ms")
