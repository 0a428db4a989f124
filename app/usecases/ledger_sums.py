"""Folding: each transfer is added once to the sums of its day, so that no page scans the ledger (decision 32)."""

from sqlalchemy import func, literal, select, text
from sqlalchemy.orm import Session

from app.models.money import LedgerDay, LedgerFold, LedgerTransfer
from app.usecases.compare_and_set import insert_into, must_lock
from app.usecases.ledger import hold_still
from app.usecases.transaction import transactional

ALIKE = ("booked_on", "region_id", "debit_id", "credit_id", "purpose")
UNIQUE = ("booked_on", text("coalesce(region_id, 0)"), "debit_id", "credit_id", text("coalesce(purpose, '')"))
"""The same, as the index has it."""


def fold() -> int:
    """Folds all that is booked by now; returns how many transfers. Run by several at once, each counts once."""
    see_the_newest()
    return fold_what_is_seen()


@transactional
def see_the_newest(session: Session) -> None:
    """Notes the newest transfer, when none with a smaller id is still to be committed.

    A transfer has its id before its commit: one whose transaction takes longer than those after it would be passed over
    for ever if sums went simply up to the newest.
    """
    state = _lock_state(session)  # first: whoever books would wait for another fold too
    hold_still(session)
    state.seen_id = session.scalar(select(func.max(LedgerTransfer.id))) or 0


@transactional
def fold_what_is_seen(session: Session) -> int:
    """Adds them to their days, in one statement. Bookings go on meanwhile."""
    state = _lock_state(session)
    fresh = (LedgerTransfer.id > state.folded_id, LedgerTransfer.id <= state.seen_id)
    alike = [LedgerTransfer.__table__.c[name] for name in ALIKE]
    added_up = select(*alike, func.sum(LedgerTransfer.amount_fen), func.sum(literal(1))).where(*fresh).group_by(*alike)
    insert = insert_into(session, LedgerDay).from_select([*ALIKE, "amount_fen", "transfers"], added_up)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=UNIQUE,
            set_={
                "amount_fen": LedgerDay.amount_fen + insert.excluded.amount_fen,
                "transfers": LedgerDay.transfers + insert.excluded.transfers,
            },
        )
    )
    folded = session.scalars(select(func.count()).select_from(LedgerTransfer).where(*fresh)).one()
    state.folded_id = state.seen_id
    return folded


def _lock_state(session: Session) -> LedgerFold:
    return must_lock(session, LedgerFold, session.scalars(select(LedgerFold.id)).one())
