"""The command line: ``robotmeta COMMAND``."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.table import Column, Table

from robotmeta.cli.arguments import parsed
from robotmeta.errors import SimulationDiverged, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from robotmeta.adaptation.adapt import Adapted
    from robotmeta.envs import Estimate, ParameterSpace
    from robotmeta.evaluation.evaluation import Evaluation
    from robotmeta.reporting.record import Recording

_out = Console(soft_wrap=True, markup=False)  # paths stay whole, however long, and as they are

Family = Annotated[str, tyro.conf.Positional]
PolicySource = Annotated[str, tyro.conf.Positional]
Pairs = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")]


def main(arguments: list[str] | None = None) -> None:
    """Runs a command; exits with 2 for a user's mistake, told in one line."""
    commands = {
        "demo": demo,
        "families": families,
        "train": train,
        "adapt": adapt,
        "evaluate": evaluate,
        "record": record,
        "report": report,
        "export": export,
        "bench": bench,
    }
    try:
        parsed(commands, arguments)()
    except (UserError, SimulationDiverged) as error:
        print(f"robotmeta: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UserError) else 1)
    except KeyboardInterrupt:
        print("robotmeta: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, such as `| head`
        sys.stderr.close()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"robotmeta: cannot write the output: {error.strerror}", file=sys.stderr)
        sys.exit(2)


def demo(out: Path = Path("runs/demo"), iterations: int = 100, seed: int = 0) -> None:
    """Train small, adapt to held-out tasks, evaluate, record a video, write a report: a few minutes on a laptop.

    Run again, it continues where it stopped. Example: robotmeta demo

    Args:
        out: Run folder.
        iterations: Meta-updates.
        seed: Seed.
    """
    from robotmeta.evaluation.evaluate import evaluate
    from robotmeta.evaluation.evaluation import save_json
    from robotmeta.training.run_folder import RunFolder
    from robotmeta.training.train import meta_train, resume

    _out.print("Learns to run forward or backward; only the reward tells which way is right (cheetah-direction).")
    folder = RunFolder(out)
    if folder.exists():
        run = resume(out, iterations=iterations)
    else:
        run = meta_train("cheetah-direction", "task-inference", iterations=iterations, seed=seed, out=out)
    if run.interrupted:
        _out.print(f"Stopped; continue with: robotmeta demo --out {out}")
        return
    evaluation = evaluate(run.policy, episodes=3)
    save_json(evaluation, folder.evaluation("test"))
    _show(evaluation)
    videos = _record_where_possible(run.policy, [None], folder.video, episodes=3)
    from robotmeta.reporting.report import report

    page = report(out, evaluations=[evaluation])
    _out.print(*[f"Video:  {video}" for video in videos], f"Report: {page}", sep="\n")


def families(name: Annotated[str | None, tyro.conf.Positional] = None, json: Path | None = None) -> None:
    """List the task families, or one family's parameters, ranges, splits and spaces.

    Example: robotmeta families cheetah-dynamics

    Args:
        name: A family, or FILE.py:FUNCTION or MODULE:FUNCTION for one of your own; all of them if left out.
        json: Also write the answer to this file.
    """
    from robotmeta.envs import family_names, family_package, make

    if name is None:
        table = Table("family", "parameters", "horizon", "what it is")
        listed, broken = {}, []
        for known in family_names():
            try:
                family = make(known)
            except UserError as error:  # of another package, which must not hide the others
                broken.append(str(error))
                continue
            package = family_package(known)
            origin = "" if package == "robotmeta" else f" (package {package})"
            table.add_row(known, _some(family.space.names), str(family.horizon), family.summary + origin)
            listed[known] = _described(family)
        _out.print(table)
        for error in broken:
            _out.print(error)
        _write_json(json, listed)
        return
    family = make(name)
    _out.print(f"{family.name}: {family.summary}\nSource: {family.source}.")
    _out.print(f"Horizon {family.horizon} control steps of {family.dt:g} s. Splits: train, {', '.join(family.splits)}.")
    train = Column("train and test", overflow="fold")
    table = Table(Column("parameter", no_wrap=True), "nominal", train, "ood", "what it is")
    for p in family.space:
        ood = "as train" if p.ood is None else p.spelled(p.ood)
        low, high = p.bounds
        within = f"one of {', '.join(p.labels.values())}" if p.labels else f"from {low:g} to {high:g}"
        table.add_row(p.name, p.text(p.nominal, digits=6), p.spelled(p.train), ood, f"{p.description}; {within}")
    _out.print(table)
    for what, signals in (
        ("Observations", family.observations),
        ("Privileged state, which learners may infer", family.privileged_state),
        ("Actions, each in -1 to 1", family.actions),
    ):
        listed = ", ".join(f"{signal} ({unit})" for signal, unit in signals)
        if listed:
            _out.print(f"{what}: {listed}.")
    if family.robots:
        _out.print(f"Robots, as in --task robot={next(iter(family.robots))}: {', '.join(family.robots)}.")
    _write_json(json, _described(family))


def train(
    family: Annotated[str | None, tyro.conf.Positional] = None,
    learner: str | None = None,
    iterations: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    simulator: str | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    preset: str | None = None,
    hyper: Pairs = (),
    threads: int | None = None,
    checkpoint_every: int = 50,
) -> None:
    """Meta-train a policy over a task family. Ctrl-C saves a checkpoint and says how to go on.

    Example: robotmeta train cheetah-direction --learner promp --iterations 200 --hyper inner_step=0.1 episodes=5

    Args:
        family: Task family; see `robotmeta families`. FILE.py:FUNCTION or MODULE:FUNCTION for one of your own.
        learner: task-inference (if left out), rl2, promp, maml, or domain-randomization (the control, does not adapt).
        iterations: Meta-updates in all; 300, or with --resume as many as were asked for last.
        seed: Fixes tasks, weights, exploration and shuffling; 0 if left out.
        device: auto, cpu or cuda: where the policy and the updates run.
        simulator: auto (if left out), mujoco or closed-form.
        out: Run folder; runs/FAMILY-LEARNER-SEED by default.
        resume: Continue this run folder instead of starting a new one.
        preset: A named configuration, such as paper: 20 episodes an adaptation step.
        hyper: Hyper-parameters of the learner that differ from its defaults.
        threads: Physics threads; all cores by default.
        checkpoint_every: Iterations between checkpoints.
    """
    from robotmeta.metalearners import DEFAULT
    from robotmeta.training import train as training

    _check_threads(threads)
    if resume is not None:
        if hyper or any(given is not None for given in (family, learner, seed, simulator, preset, out)):
            raise UserError(
                "--resume continues a run as it was configured: leave out the family, --learner, --seed, --simulator, "
                "--hyper, --preset, --out"
            )
        run = training.resume(
            resume, iterations=iterations, device=device, threads=threads, checkpoint_every=checkpoint_every
        )
    else:
        if family is None:
            from robotmeta.envs import family_names

            raise UserError(f"train needs a task family; there are: {', '.join(family_names())}")
        run = training.meta_train(
            family,
            learner or DEFAULT,
            iterations=300 if iterations is None else iterations,
            seed=seed or 0,
            out=out,
            hyper=_pairs(hyper),
            preset=preset,
            device=device,
            simulator=simulator or "auto",
            threads=threads,
            checkpoint_every=checkpoint_every,
        )
    if run.interrupted:
        _out.print(
            f"Stopped after {run.policy.iteration} iterations; continue with: robotmeta train --resume {run.folder}"
        )
        return
    _out.print(
        f"{run.folder}: {run.policy.iteration} iterations, {run.policy.env_steps / 1e6:.2f}M control steps.\n"
        f"Next: robotmeta evaluate {run.folder}    robotmeta record {run.folder}    robotmeta report {run.folder}"
    )


def adapt(
    policy: PolicySource,
    task: Pairs = (),
    env: str | None = None,
    horizon: int | None = None,
    episodes: int = 3,
    seed: int = 0,
    out: Path | None = None,
    json: Path | None = None,
) -> None:
    """Adapt a policy to one robot it has never seen, and say what that gained.

    Example: robotmeta adapt runs/demo --task direction=backward --episodes 3 --out adapted.safetensors

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        task: Values of the family's parameters, and robot=NAME where it knows robots by name; the others are nominal. A
            held-out task if left out.
        env: Somebody else's environment instead: a Gymnasium id, dm_control:DOMAIN-TASK, MODULE:FACTORY or
            FILE.py:FACTORY.
        horizon: Control steps an episode of --env; its own time limit by default.
        episodes: Adaptation episodes in all.
        seed: Fixes initial states and exploration.
        out: Write the adapted policy here.
        json: Write the result here.
    """
    from robotmeta.adaptation import adapt as deployment
    from robotmeta.policy_file import save_policy
    from robotmeta.training import checkpoint

    _check_targets(out, json)
    if horizon is not None and env is None:
        raise UserError("--horizon is for --env; a family has its own")
    loaded = checkpoint.load(policy)
    if env is not None:
        if task:
            raise UserError("give either --task or --env, not both")
        from robotmeta.adapters.gymnasium_in import wrap

        target, what, named = wrap(env, horizon=horizon), {"env": env}, env
    else:
        target = _task(loaded, task)
        what = next(iter(target))
        named = ", ".join(f"{p.name} = {p.text(what[p.name])}" for p in loaded.family.space)
    result = deployment.adapt(loaded, target, episodes=episodes, seed=seed)
    if out is not None:
        save_policy(result.policy, out)
    answer = {"return_before": result.return_before, "return_after": result.return_after, "episodes": episodes}
    answer["inferred"] = result.inferred and {name: e._asdict() for name, e in result.inferred.items()}
    _write_json(json, {"family": loaded.family.name, "task": what, **answer})
    _out.print(f"{loaded.family.name}, {named}")
    _out.print(_returns(result, episodes))
    if result.inferred is not None:
        _show_inferred(result.inferred, what, loaded.family.space)
    if out is not None:
        _out.print(f"Adapted policy: {out}")


def _show_inferred(inferred: Mapping[str, Estimate], task: Mapping[str, Any], space: ParameterSpace) -> None:
    """What the policy thinks the task is, surest first, beside what it is where that is known."""
    sure = [name for name, e in inferred.items() if e.sure]
    unsure = [p.name for p in space if p.name not in sure]
    if sure:
        actual = [Column("is")] if sure[0] in task else []
        table = Table("parameter", "inferred", "plausible", *actual, title="What it thinks this robot is")
        for name in sure:
            e, p = inferred[name], space[name]
            plausible = " or ".join(map(p.text, e.kinds)) or f"{p.text(e.low, unit=False)} to {p.text(e.high)}"
            table.add_row(name, p.text(e.value), plausible, *([p.text(task[name])] if actual else []))
        _out.print(table)
    if unsure:
        _out.print(f"Not to be told from these episodes: {_some(tuple(unsure))}.")


def evaluate(
    policy: PolicySource,
    split: str = "test",
    tasks: int = 40,
    episodes: int = 3,
    seed: int = 0,
    controls: tuple[str, ...] = ("zero_shot", "from_scratch"),
    domain_randomized: str | None = None,
    oracle: str | None = None,
    explore: bool = False,
    threads: int | None = None,
    json: Path | None = None,
    plot: Path | None = None,
) -> None:
    """Return, success and final distance after 0..K adaptation episodes on unseen tasks, beside controls, with 95 % CI.

    Example: robotmeta evaluate runs/demo --split test --tasks 40 --episodes 3 --json result.json --plot curve.png

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        split: test (held-out), ood (out of distribution) or robots (those that the family knows by name).
        tasks: Number of tasks of the split.
        episodes: K, adaptation episodes in all.
        seed: Fixes initial states and exploration.
        controls: Which to run: zero_shot, from_scratch, domain_randomized, oracle. The last two are trained first, for
            as many control steps as the policy, in the run folder, unless given below.
        domain_randomized: A policy trained with --learner domain-randomization.
        oracle: A policy trained with --learner domain-randomization --hyper oracle=true.
        explore: Measure with sampled actions instead of their mean, as most published numbers do.
        threads: Physics threads; all cores by default.
        json: Write the result here.
        plot: Write the adaptation curve here (.png, .svg or .pdf).
    """
    from robotmeta.evaluation.controls import control_policy
    from robotmeta.evaluation.evaluate import check_controls
    from robotmeta.evaluation.evaluate import evaluate as run_evaluation
    from robotmeta.evaluation.evaluation import save_json
    from robotmeta.training import checkpoint

    _check_threads(threads)
    check_controls(controls)
    _check_targets(json, plot)
    if plot is not None:
        from robotmeta.reporting.plots import check_format

        check_format(plot)
    loaded = checkpoint.load(policy)

    def control(name: str, source: str | None) -> checkpoint.Policy | None:
        if source is not None:
            return checkpoint.load(source)
        return control_policy(name, loaded, Path(policy), threads=threads) if name in controls else None

    evaluation = run_evaluation(
        loaded,
        split=split,
        tasks=tasks,
        episodes=episodes,
        seed=seed,
        explore=explore,
        controls=controls,
        threads=threads,
        domain_randomized=control("domain_randomized", domain_randomized),
        oracle=control("oracle", oracle),
    )
    if json is not None:
        save_json(evaluation, json)
    if plot is not None:
        from robotmeta.reporting.plots import adaptation_curve, save_figure

        save_figure(adaptation_curve(evaluation, *evaluation.quantities), plot)
    _show(evaluation)
    if plot is not None:
        _out.print(f"Plot: {plot}")


def _show(evaluation: Evaluation) -> None:
    _out.print(*(evaluation.table(quantity) for quantity in evaluation.quantities), evaluation.verdict())
    if evaluation.inferred:
        _out.print(evaluation.insight())


def record(
    policy: PolicySource,
    task: Pairs = (),
    episodes: int = 3,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Record a video: the same task and seed without and after adaptation, side by side.

    Example: robotmeta record runs/demo --task direction=backward --out backward.mp4

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        task: Values of the family's parameters, and robot=NAME where it knows robots by name; the others are nominal. A
            held-out task if left out.
        episodes: Adaptation episodes.
        seed: Fixes initial states and exploration.
        out: Video file; videos/before-after.mp4 in a run folder, before-after.mp4 elsewhere.
    """
    from robotmeta.reporting.record import record as run_recording
    from robotmeta.training import checkpoint
    from robotmeta.training.run_folder import RunFolder

    loaded = checkpoint.load(policy)
    source = RunFolder(Path(policy))
    default = source.video if source.path.is_dir() else Path(source.video.name)
    recording = run_recording(loaded, _task(loaded, task), out=out or default, episodes=episodes, seed=seed)
    _out.print(f"{_returns(recording, episodes)}\nVideo: {recording.file}")


def report(run: Annotated[Path, tyro.conf.Positional], episodes: int = 3, tasks: int = 40) -> None:
    """Write a self-contained HTML page of a run: what was trained, curves, controls, per-task results, videos.

    Controls that `evaluate` has trained for the run are among them. Example: robotmeta report runs/demo

    Args:
        run: A run folder.
        episodes: Adaptation episodes of its evaluations.
        tasks: Tasks of each split.
    """
    from robotmeta.reporting.report import report as write_report

    _out.print(f"Report: {write_report(run, episodes=episodes, tasks=tasks)}")


def export(policy: PolicySource, out: Path = Path("policy.onnx")) -> None:
    """Write a policy as one ONNX file, for a robot's own software to run one control step at a time.

    Example: robotmeta export adapted.safetensors --out policy.onnx

    Args:
        policy: A run folder, a checkpoint, a policy file, or pretrained:NAME.
        out: The ONNX file.
    """
    from robotmeta.reporting.export import export as write
    from robotmeta.training import checkpoint

    loaded = checkpoint.load(policy)
    exported = write(loaded, out)
    for what, named in (("Inputs", exported.inputs), ("Outputs", exported.outputs)):
        _out.print(f"{what}: {', '.join(f'{name} [{count}]' for name, count in named.items())}")
    if loaded.belief is None and list(exported.inputs) == ["observation"]:
        _out.print("It has not been adapted to a robot, and does not adapt as it acts.")
    _out.print(f"Policy: {out}")


def bench(
    family: Family = "cheetah-direction",
    worlds: int | None = None,
    threads: int | None = None,
    repeats: int = 3,
    json: Path | None = None,
) -> None:
    """Measure collection and meta-updates on this machine, as ratios to what else there is, in one run.

    Example: robotmeta bench --json bench.json

    Args:
        family: Task family to collect from; all for the collection speed of every family, beside its bare physics.
        worlds: Worlds side by side, a multiple of 40; 800, or 400 for all families.
        threads: Physics threads; all cores by default.
        repeats: Repetitions, interleaved; medians are shown.
        json: Write the figures here.
    """
    from robotmeta.bench.bench import bench_families, run_bench
    from robotmeta.envs import FAMILIES

    _check_threads(threads)
    if repeats < 1:
        raise UserError(f"there is at least 1 repetition, not {repeats}")
    _check_targets(json)
    if family == "all":
        result = bench_families(
            list(FAMILIES), worlds=400 if worlds is None else worlds, threads=threads, repeats=repeats, console=_out
        )
    else:
        result = run_bench(
            family, worlds=800 if worlds is None else worlds, threads=threads, repeats=repeats, console=_out
        )
    _write_json(json, result)


# -- helpers -----------------------------------------------------------------------------------------------------------


def _pairs(items: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"'{item}' is not NAME=VALUE")
        if name in pairs:
            raise UserError(f"{name} is given twice: {pairs[name]} and {value}")
        pairs[name] = value
    return pairs


def _task(policy: Any, items: tuple[str, ...]) -> Any:
    if not items:
        return policy.family.tasks("test", 1)
    return policy.family.task(**_pairs(items))


def _some(names: tuple[str, ...], most: int = 7) -> str:
    """The first of them, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _returns(result: Adapted | Recording, episodes: int) -> str:
    before, after = result.return_before, result.return_after
    return f"return without adaptation {before:.1f}, after {episodes} episode{'s' * (episodes > 1)} {after:.1f}"


def _check_targets(*files: Path | None) -> None:
    from robotmeta.files import check_target

    for file in files:
        if file is not None:
            check_target(file)


def _check_threads(threads: int | None) -> None:
    if threads is not None and threads < 1:
        raise UserError(f"threads must be at least 1, not {threads}")


def _described(family: Any) -> dict[str, Any]:
    return {
        "summary": family.summary,
        "source": family.source,
        "horizon": family.horizon,
        "dt": family.dt,
        "splits": ["train", *family.splits],
        "parameters": [
            {
                "name": p.name,
                "unit": p.unit,
                "nominal": p.nominal,
                "train": str(p.train),
                "ood": None if p.ood is None else str(p.ood),
                "bounds": list(p.bounds),
                "labels": {f"{value:g}": label for value, label in p.labels.items()},
                "description": p.description,
            }
            for p in family.space
        ],
        "observations": [list(signal) for signal in family.observations],
        "privileged_state": [list(signal) for signal in family.privileged_state],
        "actions": [list(signal) for signal in family.actions],
        "robots": {name: dict(columns) for name, columns in family.robots.items()},
    }


def _write_json(file: Path | None, data: dict[str, Any]) -> None:
    if file is not None:
        from robotmeta.files import write_text

        write_text(file, json.dumps(data, indent=2) + "\n")


def _record_where_possible(policy: Any, tasks: list[Any], file: Path, *, episodes: int) -> list[Path]:
    """Videos, or one line that says why there are none: a missing GL library must not cost the rest."""
    from robotmeta.reporting.record import record as run_recording

    try:
        return [run_recording(policy, task, out=file, episodes=episodes).file for task in tasks]
    except UserError as error:
        _out.print(f"No video: {error}")
        return []
