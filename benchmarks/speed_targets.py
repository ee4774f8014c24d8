"""The table of targets of speed: what was to be reached, and what the result files say."""

from __future__ import annotations

from cells import markdown
from result_files import loaded

_PHYSICS = "bare physics in C, open loop"
_FAMILIES = {
    **dict.fromkeys(("hopper-dynamics", "walker-dynamics", "quadruped"), 20_000),
    **dict.fromkeys(("ant-direction", "ant-goal", "ant-crippled"), 35_000),
    "quadruped-terrain": 12_000,
    "grasp": 30_000,
    **dict.fromkeys(("fetch-reach", "fetch-push", "fetch-slide", "fetch-pick-and-place"), 5_000),
}
"""Control steps a second that collect() should reach, unless it reaches most of the bare physics."""
_MOST = 0.85


def speed() -> str:
    """Speeds beside their targets."""
    rows = [*_of_bench(), *_of_gpu(), *_by_family()]
    return markdown(("what", "target", "measured", "verdict"), rows)


def _of_bench() -> list[list[str]]:
    """On two cores, half-cheetah."""
    bench = loaded("bench")
    ratio, seconds = bench["ratio_of_collect"], bench["seconds"]
    update, collect = seconds["promp: meta-update"], seconds["promp: collect"]
    return [
        _faster("collect() against the bare physics", _MOST, ratio[_PHYSICS]),
        _faster("collect() against AsyncVectorEnv", 5.0, ratio["Gymnasium AsyncVectorEnv(16), same policy"]),
        _faster("collect() against EnvPool", 1.2, ratio["EnvPool, same policy"]),
        _faster("ProMP's update against a loop over tasks", 10.0, bench["loop_over_batched_update"]),
        _shorter("ProMP's update, share of the iteration", update / (update + collect)),
    ]


def _of_gpu() -> list[list[str]]:
    """On a GPU."""
    updates = loaded("gpu")["updates"]
    promp, apart = updates["promp"], max(found["apart"] for found in updates.values())
    update, collect = promp["device_update"], promp["device_collect"]
    return [
        _faster("the same update on a GPU", 10.0, promp["device_loop"] / update),
        _shorter("the same share on a GPU", update / (update + collect)),
        ["weights after an update on a GPU", "apart by at most 5e-03", f"{apart:.0e}", _word(apart <= 5e-3)],
    ]


def _by_family() -> list[list[str]]:
    """collect() in the families that have a target of their own."""
    measured = loaded("bench-families")["steps_per_second"]
    rows = []
    for name, target in _FAMILIES.items():
        rate, ratio = measured[name]["collect()"], measured[name]["ratio"]
        met = _word(rate >= target or ratio >= _MOST)
        rows.append([f"{name}, collect()", f"{target:,} steps/s, or {_MOST} x", f"{rate:,.0f}, {ratio:.2f} x", met])
    return rows


def _faster(what: str, target: float, measured: float) -> list[str]:
    return [what, f"{target:g} x", f"{measured:.2f} x", _word(measured >= target)]


def _shorter(what: str, share: float) -> list[str]:
    return [what, "at most 25 %", f"{share:.0%}", _word(share <= 0.25)]


def _word(met: bool) -> str:
    return "reached" if met else "**missed**"
