"""Access token and ticket: fetched once for all processes, renewed early, replaced when WeChat refuses one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import RLock
from typing import NamedTuple

from app.ports import Clock, OutcomeUnknown, TokenStore

ACCESS_TOKEN = "access_token"  # noqa: S105  # the kind, no token
JSAPI_TICKET = "jsapi_ticket"
RENEWED_EARLY = timedelta(minutes=5)
PATIENCE = 20.0


class Issued(NamedTuple):
    """What WeChat handed out."""

    value: str
    seconds: int  # how long it is good


class TokenProvider:
    """One lock in each process, one store for all of them.

    Between processes no lock is needed: `stable_token` gives everybody who asks the same token while it is good.
    """

    def __init__(self, store: TokenStore, clock: Clock, *, patience: float = PATIENCE) -> None:
        """`patience`: seconds that a thread waits while another one fetches."""
        self._store = store
        self._clock = clock
        self._patience = patience
        self._lock = RLock()  # a ticket is fetched with a token: the same thread comes twice

    def value(self, kind: str, fetch: Callable[[], Issued]) -> str:
        """The kept value, or a new one when it has less than 5 minutes left. Raises OutcomeUnknown, GatewayRefused."""
        kept = self._kept(kind, at_least=RENEWED_EARLY)
        if kept is not None:
            return kept
        with self._one_thread():
            kept = self._kept(kind, at_least=RENEWED_EARLY)
            if kept is not None:
                return kept
            try:
                return self._renewed(kind, fetch)
            except OutcomeUnknown:
                kept = self._kept(kind, at_least=timedelta())
                if kept is None:
                    raise
                return kept  # good for some minutes yet

    def value_after(self, refused: str, kind: str, fetch: Callable[[], Issued]) -> str:
        """Another value than the one WeChat just refused: what somebody else renewed meanwhile, or a new one."""
        with self._one_thread():
            kept = self._kept(kind, at_least=timedelta())
            if kept is not None and kept != refused:
                return kept
            return self._renewed(kind, fetch)

    def _kept(self, kind: str, *, at_least: timedelta) -> str | None:
        kept = self._store.read(kind)
        if kept is None or kept[1] - self._clock.now() <= at_least:
            return None
        return kept[0]

    def _renewed(self, kind: str, fetch: Callable[[], Issued]) -> str:
        issued = fetch()
        self._store.write(kind, issued.value, self._clock.now() + timedelta(seconds=issued.seconds))
        return issued.value

    @contextmanager
    def _one_thread(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._patience):
            raise OutcomeUnknown("another thread is still fetching")
        try:
            yield
        finally:
            self._lock.release()
