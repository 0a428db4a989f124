"""WeChat Pay v3, bills: two signed calls that answer with a link, and the unsigned file behind it."""

import gzip
import hashlib
import secrets
from typing import Any

from flask import Blueprint, Response, request

from simulator import bills, faults
from simulator.pay_api import check_signature, let_faults_strike, refusal, signed_call
from simulator.refused import Refused, bad_param
from simulator.world import World, the_world

bp = Blueprint("bill_api", __name__)
LINK_LASTS = 300.0  # seconds
GZIP = "GZIP"


@bp.get("/v3/bill/tradebill")
@signed_call("bill")
def trade_bill(world: World) -> dict[str, Any]:
    """申请交易账单."""
    if request.args.get("bill_type", "ALL") != "ALL":
        raise bad_param("模拟器只有bill_type=ALL")
    return _link(world, bills.TRADE)


@bp.get("/v3/bill/fundflowbill")
@signed_call("bill")
def fund_bill(world: World) -> dict[str, Any]:
    """申请资金账单."""
    if request.args.get("account_type", "BASIC") != "BASIC":
        raise Refused(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    return _link(world, bills.FUND)


def _link(world: World, kind: str) -> dict[str, Any]:
    """Where the file is for five minutes, and the SHA-1 of it before it is zipped."""
    zipped = request.args.get("tar_type")
    if zipped not in (None, GZIP):
        raise bad_param("tar_type仅支持GZIP")
    day, content = bills.asked_for(world, kind, request.args.get("bill_date"))
    digest = hashlib.sha1(content).hexdigest()  # noqa: S324  # WeChat's choice
    if faults.strike(world, "bill_bad_hash") is not None:
        digest = hashlib.sha1(content + b" ").hexdigest()  # noqa: S324  # the same
    token = secrets.token_urlsafe(48)
    with world.store.write() as db:
        db.execute(
            "insert into bill_links values (?, ?, ?, ?, ?)", (token, kind, day, zipped == GZIP, world.clock.now())
        )
    url = f"{request.host_url}v3/billdownload/file?token={token}"
    return {"hash_type": "SHA1", "hash_value": digest, "download_url": url}


@bp.get("/v3/billdownload/file")
def file() -> Response:
    """下载账单: the request is signed, the answer is not."""
    world = the_world()
    try:
        check_signature(world)
        let_faults_strike(world, "download")
        body = _behind(world, request.args.get("token", ""))
    except Refused as refused:
        return refusal(world, refused)
    if faults.strike(world, "bill_cut") is not None:
        body = body[: len(body) // 2]
    return Response(body, content_type="application/octet-stream")


def _behind(world: World, token: str) -> bytes:
    link = world.store.row("select * from bill_links join bills using (kind, day) where token = ?", token)
    if link is None or world.clock.now() - link["made_at"] > LINK_LASTS:
        raise Refused(400, "INVALID_REQUEST", "账单下载链接无效或已过期，请重新申请")
    content = bytes(link["content"])
    return gzip.compress(content, mtime=0) if link["zipped"] else content
