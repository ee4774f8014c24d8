"""The tables of what ``cost.py`` measured and computed."""

from __future__ import annotations

from cells import markdown
from cost import MACHINES, MB, projected, speed
from result_files import loaded


def by_worlds() -> str:
    """Speed and memory by worlds and threads."""
    rows = []
    for point in loaded("cost")["iterations"]:
        seconds = (f"{point[f'{part}_seconds']:.2f} s" for part in ("collect", "update"))
        more = (point["memory"] - point["memory_before"]) / point["worlds"]
        memory = f"{point['memory'] / MB:,.0f} MB", f"{more / 1024:,.0f} kB"
        known = (str(point[name]) for name in ("family", "worlds", "threads"))
        rows.append([*known, f"{speed(point):,.0f}", *seconds, *memory])
    return markdown(("family", "worlds", "threads", "steps/s", "collection", "update", "memory", "a world"), rows)


def by_machines() -> str:
    """What several machines give."""
    columns = ("family", "worlds a machine", "machines", "steps/s", "of ideal", "computing", "reducing", "drawing")
    result, rows = loaded("cost"), []
    for point in (p for p in result["iterations"] if p["threads"] == result["cores"]):
        for machines in MACHINES:
            found = projected(point, result["draw_seconds"], machines)
            parts = (f"{found[part]:.2f} s" for part in ("computing", "reducing", "drawing"))
            share = found["steps_per_second"] / machines / speed(point)
            known = (point["family"], str(point["worlds"]), f"{machines:,}")
            rows.append([*known, f"{found['steps_per_second']:,.0f}", f"{share:.0%}", *parts])
    return markdown(columns, rows)
