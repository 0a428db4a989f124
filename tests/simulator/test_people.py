"""The people of the simulated WeChat."""

from datetime import date

from app.domain.identity import checked_id_number, checked_phone
from simulator.people import made_up_papers


def test_made_up_papers_are_taken_by_a_registration() -> None:
    for nth in range(300):
        id_number, phone = made_up_papers(f"o{nth}")
        assert checked_id_number(id_number, date(2026, 11, 24)) == id_number
        assert checked_phone(phone) == phone
    assert made_up_papers("o1") == made_up_papers("o1")
