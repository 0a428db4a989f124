"""The runtime: every port that the application needs, in one frozen value, built in the factory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.ports import Clock, FileStore, LongFileStore, Messenger, OAuth, PageSdk, Vault
from app.queries.exports import ExportedList
from app.usecases.checkout import Till


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What routes and jobs are handed instead of looking it up."""

    clock: Clock
    machine: Clock  # the machine's own time, which leases count in: nobody moves it
    till: Till  # WeChat Pay: gateway, merchant, vault
    oauth: OAuth
    page_sdk: PageSdk
    messenger: Messenger
    vault: Vault
    photos: FileStore
    files: LongFileStore  # what tasks have made: prints, exports
    exports: Mapping[str, ExportedList[Any, Any]]  # by name; sections declare theirs, jobs write them
    app_id: str
    public_url: str
    bridge_url: str  # the simulator's bridge; empty in production
    secure_cookies: bool
    demo: bool
