"""The runtime: every port that the application needs, in one frozen value, built in the factory."""

from dataclasses import dataclass

from app.ports import Clock, Messenger, OAuth, PageSdk, PhotoStore, Vault
from app.usecases.checkout import Till


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What routes and jobs are handed instead of looking it up."""

    clock: Clock
    till: Till  # WeChat Pay: gateway, merchant, vault
    oauth: OAuth
    page_sdk: PageSdk
    messenger: Messenger
    vault: Vault
    photos: PhotoStore
    prints: PhotoStore  # PDFs of labels and plates, kept in the same way
    app_id: str
    public_url: str
    bridge_url: str  # the simulator's bridge; empty in production
    secure_cookies: bool
    demo: bool
