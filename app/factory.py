"""The composition root: configuration and adapters become a runtime, the runtime becomes a Flask application."""

from datetime import datetime
from urllib.parse import urlsplit

from flask import Flask
from flask_migrate import Migrate
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli
from app.adapters.clock import DemoClock, SystemClock
from app.adapters.file_store import SealedFiles, SealedLongFiles
from app.adapters.vault import AesVault
from app.adapters.wechat import WeChat, WeChatAccount
from app.blueprints import (
    auth,
    files,
    finance,
    flash_charge,
    health,
    home,
    late_fees,
    mobile,
    orders,
    personal_center,
    pickup,
    settings,
    timetable,
    wechat_pay,
)
from app.db import db, engine_options, prepare_engine
from app.ports import Clock
from app.runtime import Runtime
from app.usecases import wechat_tokens
from app.usecases.checkout import Till
from app.usecases.payments import Merchant
from app.web import assets, current, errors, formats, guards, headers, limits, login, logs, menu, reading, ui, uploads
from config import Config

SECTIONS = (
    health.bp,
    auth.bp,
    home.bp,
    orders.bp,
    personal_center.bp,
    flash_charge.bp,
    late_fees.bp,
    pickup.bp,
    files.bp,
    finance.bp,
    settings.bp,
    timetable.bp,
    mobile.bp,
    mobile.codes,
    wechat_pay.bp,
)
EXPORTS = (*orders.EXPORTS, *finance.EXPORTS)
"""The lists that can be exported."""
MOST_UPLOAD_BYTES = 64 * 1024
"""Of a form or a callback; what carries a photo may be larger (`web/uploads`)."""

csrf = CSRFProtect()
migrate = Migrate()


def create_app(config: Config) -> Flask:
    """Builds the whole application; asks nobody and writes nothing."""
    logs.configure(json=not config.demo)
    app = Flask("app", static_folder=None)
    app.config.update(
        SECRET_KEY=config.secret_key,
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(config.database_url),
        MAX_CONTENT_LENGTH=MOST_UPLOAD_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_UPLOAD_BYTES,
        SESSION_COOKIE_NAME="__Host-form" if config.secure_cookies else "form",
        SESSION_COOKIE_SECURE=config.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=8 * 3600,
        WTF_CSRF_SSL_STRICT=False,
    )
    if config.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way to put something in front
            app.wsgi_app, x_for=config.proxies, x_proto=config.proxies, x_host=config.proxies
        )
    db.init_app(app)
    migrate.init_app(app, db, directory="migrations")
    uploads.install(app)
    csrf.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    app.extensions[current.RUNTIME] = build_runtime(config)
    _install_web(app, config)
    for blueprint in SECTIONS:
        app.register_blueprint(blueprint)
    csrf.exempt(wechat_pay.bp)
    cli.install(app, config)
    return app


def build_runtime(config: Config) -> Runtime:
    """The adapters of this configuration, behind their ports."""
    clock: Clock = DemoClock(config.data_dir / "clock-offset") if config.demo else SystemClock()
    vault = AesVault(config.vault_keys, config.mac_key)
    account = WeChatAccount(
        app_id=config.wechat_app_id,
        app_secret=config.wechat_app_secret,
        api_url=config.wechat_api_url,
        open_url=config.wechat_open_url,
        pay_url=config.wechat_pay_url,
        mch_id=config.wechat_mch_id,
        mch_serial_no=config.wechat_mch_serial_no,
        mch_private_key=config.wechat_mch_private_key,
        pay_public_key=config.wechat_pay_public_key,
        pay_public_key_id=config.wechat_pay_public_key_id,
        api_v3_key=config.wechat_pay_api_v3_key,
        template_order=config.wechat_template_order,
        payment_notify_url=f"{config.public_url}/wechat/pay/payments",
        refund_notify_url=f"{config.public_url}/wechat/pay/refunds",
    )
    tokens = wechat_tokens.SharedTokens(config.wechat_app_id, vault)
    wechat = WeChat.of(account, tokens=tokens, clock=clock)
    return Runtime(
        clock=clock,
        machine=SystemClock(),
        till=Till(wechat.payments, Merchant(config.wechat_app_id, config.wechat_mch_id), vault),
        oauth=wechat.oauth,
        page_sdk=wechat.page_sdk,
        messenger=wechat.messenger,
        vault=vault,
        photos=SealedFiles(config.data_dir / "photos", vault, table="photo"),
        files=SealedLongFiles(config.data_dir / "files", vault, table="task"),
        exports={one.name: one for one in EXPORTS},
        app_id=config.wechat_app_id,
        public_url=config.public_url,
        bridge_url=config.wechat_bridge_url,
        secure_cookies=config.secure_cookies,
        demo=config.demo,
    )


def _install_web(app: Flask, config: Config) -> None:
    reading.close_with_request(app)
    login.install(app)
    guards.install(app)
    headers.install(app, bridge_origin=_origin(config.wechat_bridge_url), login_origin=_origin(config.wechat_open_url))
    errors.install(app)
    limits.install(app)
    assets.install(app, headers.HSTS if config.secure_cookies else None)
    app.context_processor(menu.frame)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(formats.FILTERS)

    def now() -> datetime:
        return current.now()

    app.jinja_env.globals.update(
        asset=assets.asset,
        csp_nonce=headers.csp_nonce,
        allow_camera=headers.allow_camera,
        now=now,
        bridge_url=config.wechat_bridge_url,
    )
    with app.test_request_context():
        app.jinja_env.globals["ui"] = ui.ui_namespace(app.jinja_env)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if url else ""
