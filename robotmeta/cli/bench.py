"""``robotmeta bench``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import tyro

from robotmeta.cli.shared import STDOUT, File, Threads, check_at_least_one, check_targets, console, default, write_json


def bench(
    family: Annotated[str, tyro.conf.Positional] = "cheetah-direction",
    worlds: Annotated[int | None, default("800, or 400 for all families")] = None,
    threads: Threads = None,
    repeats: int = 3,
    json: File = None,
) -> None:
    """Measure the speed of collection and meta-updates on this machine, beside other simulators and a Python loop.

    Example: robotmeta bench --json bench.json

    Args:
        family: Task family to collect from; "all" for the collection speed of every family beside its bare physics.
        worlds: Worlds side by side, a multiple of 40.
        threads: Physics threads.
        repeats: Repetitions, interleaved; medians are shown.
        json: Write the figures here; of all families, after each of them.
    """
    from robotmeta.bench.bench import bench_families, run_bench
    from robotmeta.envs import FAMILIES

    check_at_least_one(threads=threads, repeats=repeats)
    check_targets(json)
    if family == "all":
        figures = bench_families(
            list(FAMILIES),
            worlds=400 if worlds is None else worlds,
            threads=threads,
            repeats=repeats,
            console=console,
            on_family=None if json == STDOUT else partial(write_json, json),
        )
    else:
        figures = run_bench(
            family, worlds=800 if worlds is None else worlds, threads=threads, repeats=repeats, console=console
        )
    write_json(json, figures)
