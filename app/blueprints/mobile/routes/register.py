"""Real-name registration, asked for when it is first needed (FLOW-BUY-1, decisions 1 to 3)."""

from flask import Response, url_for

from app.blueprints.mobile.forms import RegisterForm
from app.blueprints.mobile.section import bp, customer_service, next_page, of_customer
from app.domain import labels
from app.domain.calendar import business_day
from app.domain.errors import Rule, RuleBroken
from app.queries import directory, people
from app.usecases import customers
from app.usecases.customers import RealName
from app.web.current import actor, now, runtime
from app.web.guards import customer
from app.web.htmx import render, see_other
from app.web.limits import limiter
from app.web.reading import forget_reads, read_session


@bp.get("/register")
@customer(registered=False)
def register() -> Response:
    """The form; who is registered already goes on."""
    if actor().registered:
        return see_other(next_page())
    return _page(_form())


@bp.post("/register")
@customer(registered=False)
@limiter.limit("30 per hour", key_func=of_customer)
def send_registration() -> Response:
    """Registers, and leads back to where the person was."""
    if actor().registered:
        return see_other(next_page())
    form = _form()
    good = form.validate()
    consent = people.consent_words(read_session())
    if form.consent_text.data != consent.id and not form.consent.errors:
        form.consent.errors = ["这段说明刚刚更新过，看一遍再勾选"]
        good = False
    if not good:
        return _page(form, status=422)
    real_name = RealName(**form.real, school_id=int(form.school.data), consent_text_id=consent.id)
    forget_reads()
    try:
        customers.register(real_name, actor=actor(), vault=runtime().vault, now=now())
    except RuleBroken as broken:
        return _page(form, broken=broken, status=422)
    return see_other(next_page())


def _form() -> RegisterForm:
    stores = {row.id: row.store_name or row.name for row in directory.regions(read_session())}
    schools: dict[str, list[tuple[str, str]]] = {}
    for school in directory.schools(read_session()):
        schools.setdefault(stores[school.region_id], []).append((str(school.id), school.name))
    form = RegisterForm()
    form.set_up(today=business_day(now()), schools=schools)
    return form


def _page(form: RegisterForm, *, broken: RuleBroken | None = None, status: int = 200) -> Response:
    contact = None
    if broken is not None and broken.rule is Rule.ID_NUMBER_TAKEN:
        chosen = next(row for row in directory.schools(read_session()) if str(row.id) == form.school.data)
        contact = customer_service(chosen.region_id)
    store = next((label for label, group in form.school.choices.items() if form.school.data in dict(group)), "")
    return render(
        "mobile/register.html",
        form=form,
        consent=people.consent_words(read_session()),
        action=url_for(".send_registration", next=next_page()),
        school_hint=f"在{store}提车、维修" if store else "决定你在哪家店提车、维修",
        problem=labels.refusal(broken) if broken else "",
        contact=contact,
        status=status,
    )
