"""A task in words: what it makes, how far it is, what its file is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.labels import ALL_REGIONS, Badge
from app.queries.exports import ExportedList
from app.queries.tasks import ExportWanted, PrintWanted, TaskRow
from app.web.downloads import sheet_name
from app.web.exporting import FORMATS


@dataclass(frozen=True, slots=True)
class FileView:
    """One file as its page shows it."""

    row: TaskRow
    title: str
    unit: str
    facts: tuple[str, ...]  # what an export is filtered by
    badge: Badge
    working: str  # what is being done
    ready: str  # what came of it
    act: str  # 下载 …
    again: str  # what to do once it is over
    file_name: str
    mimetype: str


def view_of(row: TaskRow, exports: Mapping[str, ExportedList[Any, Any]]) -> FileView:
    """The words of a task."""
    if isinstance(row.wanted, PrintWanted):
        return _print_view(row, row.wanted)
    return _export_view(row, row.wanted, exports[row.wanted.list_name])


def _print_view(row: TaskRow, wanted: PrintWanted) -> FileView:
    return FileView(
        row=row,
        title=f"{'车牌' if wanted.business else '电池标签'} {wanted.words}",
        unit="张",
        facts=(),
        badge=_badge(row, "没有打成"),
        working="正在生成 PDF。",
        ready=f"{row.total} 张，每页一张 50 × 30 毫米。打印机选「实际大小」，不要缩放。",
        act="下载 PDF",
        again="还要用就重新打印，原因写「文件过期」。",
        file_name=f"{wanted.words}.pdf",
        mimetype="application/pdf",
    )


def _export_view(row: TaskRow, wanted: ExportWanted, listed: ExportedList[Any, Any]) -> FileView:
    return FileView(
        row=row,
        title=f"导出{listed.title}",
        unit=listed.unit,
        facts=(f"{row.region} 区" if row.region else ALL_REGIONS, wanted.words),
        badge=_badge(row, "没有导成"),
        working="正在写进表格。",
        ready=f"{row.total:,} {listed.unit}，{FORMATS[wanted.format]}，内容和列表上看到的一样。",
        act=f"下载 {FORMATS[wanted.format]}",
        again=f"还要用就到「{listed.title}」重新导出。",
        file_name=sheet_name(listed.title, row.made_at, wanted.format),
        mimetype=wanted.format.mimetype,
    )


def _badge(row: TaskRow, failed: str) -> Badge:
    if row.is_waiting:
        return Badge("排队中", "open")
    if row.is_running:
        return Badge("正在生成", "open")
    if row.has_failed:
        return Badge(failed, "stop")
    return Badge("可以下载", "done") if row.is_ready else Badge("已过期", "void")
