"""Asking WeChat about money: no HTTP inside a transaction, so each act here is verb, call, verb."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.domain.permissions import Actor
from app.ports import AlreadyPaid, PaymentGateway, TradeFound, TradeState, Vault
from app.usecases import payments
from app.usecases.payments import Merchant


@dataclass(frozen=True, slots=True)
class Till:
    """What it takes to ask and to believe: the gateway, who we are there, and the vault for what it tells."""

    gateway: PaymentGateway
    merchant: Merchant
    vault: Vault


@dataclass(frozen=True, slots=True)
class PaymentSheet:
    """What the phone needs to open WeChat's payment sheet."""

    out_trade_no: str
    arguments: Mapping[str, str]


def ask_for_payment(till: Till, charge_id: int, *, actor: Actor, now: datetime) -> PaymentSheet | None:
    """A payment sheet for a charge, in three steps; None if it turns out to be paid already.

    Raises NotFound, Forbidden, RuleBroken, GatewayRefused, OutcomeUnknown. A retry asks for the same attempt again.
    """
    attempt = payments.begin_attempt(charge_id, actor=actor, now=now)
    if attempt.over:
        if settle_attempt(till, attempt.wanted.out_trade_no, close=True, actor=actor, now=now) is TradeState.PAID:
            return None
        attempt = payments.begin_attempt(charge_id, actor=actor, now=now)
    wanted = attempt.wanted
    try:
        prepay_id = till.gateway.prepare(wanted)
    except AlreadyPaid:
        settle_attempt(till, wanted.out_trade_no, close=False, actor=actor, now=now)
        return None
    if not payments.attempt_prepared(wanted.out_trade_no, prepay_id=prepay_id):
        return None
    return PaymentSheet(wanted.out_trade_no, till.gateway.sheet(prepay_id, now))


def settle_attempt(till: Till, out_trade_no: str, *, close: bool, actor: Actor, now: datetime) -> TradeState:
    """Asks WeChat about one attempt and does what follows: money is taken, a closed attempt is closed here.

    With `close` an attempt that is still open is closed there first; being paid at that very moment is noticed.
    Raises GatewayRefused, OutcomeUnknown: then nothing was decided.
    """
    found = till.gateway.query(out_trade_no)
    if close and found.state is TradeState.UNPAID:
        try:
            till.gateway.close(out_trade_no)
            found = TradeFound(TradeState.CLOSED)
        except AlreadyPaid:
            found = till.gateway.query(out_trade_no)
    if found.notice is not None:
        payments.take_payment_notice(found.notice, merchant=till.merchant, vault=till.vault, actor=actor, now=now)
    elif found.state is TradeState.CLOSED or (close and found.state is TradeState.UNKNOWN_THERE):
        # Unknown there: it was never made, or its request got lost. Money for it would come as late money.
        payments.attempt_closed(out_trade_no, actor=actor, now=now)
    else:
        payments.mark_attempt_asked(out_trade_no, now=now)
    return found.state
