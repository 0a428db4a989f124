"""定时任务: the jobs as staff see them, a run now, the runs of one job, and the dry run of late fees."""

from app.blueprints.timetable import preview, routes
from app.blueprints.timetable.section import bp

__all__ = ["bp", "preview", "routes"]
