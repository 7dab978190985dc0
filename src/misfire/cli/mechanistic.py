"""The commands ``misfire localise``, ``misfire organism`` and ``misfire before-after``.

Large libraries are imported only when a command runs.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from misfire.mechanistic.effort_names import EFFORTS
from misfire.mechanistic.organisms.kinds import KINDS, Kind
from misfire.mechanistic.requirements import need_torch

if TYPE_CHECKING:
    from misfire.datasets.pairs import Pair
    from misfire.mechanistic.forecast import Forecast
    from misfire.mechanistic.localise import Localised
    from misfire.mechanistic.selection import Logged
    from misfire.mechanistic.study import Plan


@click.command()
@click.argument("model")
@click.option(
    "--pairs",
    "source",
    help="Candidate pairs: embedded (default), bbq, hub@COMMIT (the authors' data set), or a pair file.",
)
@click.option("--categories", help="Only pairs of these categories, separated by commas: Age,SES.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Number of pairs to probe, drawn evenly over scenarios with --seed. Default: all.",
)
@click.option(
    "--bbq-dir",
    help="Folder with BBQ's JSONL files. Default: read them from the Hugging Face hub (--pairs bbq).",
)
@click.option(
    "--allow-unverified",
    is_flag=True,
    help="Accept BBQ files that differ from the official ones (--pairs bbq).",
)
@click.option(
    "--edition",
    help="published (default), or repaired: minimal pairs with cleft questions (--pairs bbq).",
)
@click.option(
    "--per-scenario",
    type=int,
    help="Largest number of pairs from each scenario (--edition repaired).  [default: 20]",
)
@click.option(
    "--log",
    help="Use the pairs of a VETO or priming log instead of --pairs. The probe checks failures again.",
)
@click.option(
    "--arm", help="Arm of a priming log whose prompts to use. Default: base, the arm without a cue."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Output folder. Not needed with --plan."
)
@click.option(
    "--effort",
    type=click.Choice(EFFORTS),
    default="standard",
    show_default=True,
    help="Sets --analyses, --per-group, --ks, --draws, --ablations, --patched and --senders together. quick: "
    "a first look, names no head; standard: enough to name heads; full: more pairs, both ablations.",
)
@click.option(
    "--plan",
    "only_plan",
    is_flag=True,
    help="Print what would be run, with an estimate of time and memory, and exit.",
)
@click.option("--revision", help="Commit, tag or branch of MODEL on the Hub. For a paper, use a commit.")
@click.option("--adapter", help="PEFT adapter, such as LoRA, to merge into MODEL: a folder or Hub ID.")
@click.option("--base", help="Base model for the lens: a folder or Hub ID.")
@click.option("--base-revision", help="Commit, tag or branch of the base model.")
@click.option(
    "--analyses",
    help="Analyses to run, separated by commas: lens, patching, heads, attention, paths, prescreen. Default: "
    "all but prescreen; with --effort quick: lens,patching,prescreen.",
)
@click.option("--resume", is_flag=True, help="Resume an interrupted run. Finished work is not repeated.")
@click.option(
    "--per-group",
    type=click.IntRange(min=1),
    help="Maximum number of failures, of mirrored failures, and of controls.  [default: quick 5, standard "
    "12, full 30]",
)
@click.option(
    "--min-margin",
    type=click.FloatRange(min=0),
    default=0.05,
    show_default=True,
    help="Margins smaller than this, in logits, are coin flips: pairs with one are left out and counted.",
)
@click.option(
    "--prompt",
    type=click.Choice(["word", "veto"]),
    default="word",
    show_default=True,
    help="Prompt of the probe: one word, or VETO's own prompt.",
)
@click.option(
    "--ks",
    help="Numbers of heads to ablate together, separated by commas.  [default: 1,2,3,5,10,20; quick 1,3]",
)
@click.option(
    "--draws",
    type=click.IntRange(min=1),
    help="Number of random sets of heads to compare with each set of best heads. Default: as many as it "
    "takes "
    "to decide, at most 100 (quick 40).",
)
@click.option(
    "--ablations",
    type=click.Choice(["zero", "zero,mean"]),
    help="What replaces the outputs of heads.  [default: zero; full zero,mean]",
)
@click.option(
    "--patched",
    help="Groups of pairs whose activations are patched, separated by commas: failure, mirror, control.  "
    "[default: failure; full all]",
)
@click.option(
    "--senders",
    type=click.IntRange(min=1),
    help="Maximum number of heads whose paths are patched.  [default: quick 1, standard 2, full 3]",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Random seed for draws, folds and permutations."
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="cpu, cuda:0, …; auto spreads layers over the available GPUs.",
)
@click.option(
    "--dtype",
    default="auto",
    show_default=True,
    help="float32, bfloat16, float16, or auto for the data type of the weights.",
)
@click.option(
    "--attention",
    "implementation",
    type=click.Choice(["sdpa", "eager"]),
    default="sdpa",
    show_default=True,
    help="Attention implementation.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0.001),
    default=1.0,
    show_default=True,
    help="Memory limit for activations, in GiB.",
)
@click.option(
    "--export",
    is_flag=True,
    help="Also write activations of all prompts, and the heads, for nnsight and TransformerLens to export/.",
)
def localise(
    model: str,
    log: str | None,
    arm: str | None,
    out: Path | None,
    only_plan: bool,
    revision: str | None,
    adapter: str | None,
    base: str | None,
    base_revision: str | None,
    resume: bool,
    prompt: str,
    min_margin: float,
    device: str,
    dtype: str,
    implementation: str,
    export: bool,
    **options: Any,  # noqa: ANN401 (click gives types)
) -> None:
    """Find where MODEL overrides the evidence: lens, patching, heads, attention, paths.

    MODEL is a folder, a Hub ID, or a GGUF file. Prints first what it will do and how long that takes. Writes
    data frames, figures, index.html with a verdict, and intervention.safetensors for `--model intervened/…`
    to --out.
    """
    need_torch("misfire localise")
    from misfire.errors import InputError
    from misfire.mechanistic.localise import Request, known_settings
    from misfire.mechanistic.localise import localise as run
    from misfire.mechanistic.model.decoder import load_decoder
    from misfire.mechanistic.selection import candidates_of
    from misfire.mechanistic.store import check_folder
    from misfire.mechanistic.study import small_ks
    from misfire.reports.progress import late_progress

    plan, per_group = _plan(options)
    _check_sources(options, log, arm)
    if out is None and not only_plan:
        raise InputError(
            "the output folder is missing.", advice="Give --out FOLDER, or --plan for the plan alone."
        )
    if out is not None and not only_plan:
        check_folder(out, known_settings(plan, per_group, min_margin, prompt), resume=resume)
    pairs, logged = _candidates(options, log, arm)
    placed: Any = {"device": device, "dtype": dtype, "attention": implementation}
    decoder = load_decoder(model, revision=revision, adapter=adapter, **placed)
    if logged:
        click.echo(f"{log}: {logged.origin}")
    other = load_decoder(base, revision=base_revision, **placed) if base is not None else None
    plan = replace(plan, ks=small_ks(plan.ks, len(decoder.heads)))
    candidates = candidates_of(decoder, pairs, cast("Any", prompt), logged)
    request = Request(decoder, candidates, plan, per_group, min_margin, other, export)
    if out is None or only_plan:
        _tell(request.forecast(request.timed()), plan.effort)
        return
    done = run(
        request,
        out,
        resume=resume,
        progress=late_progress,
        tell=lambda forecast: _tell(forecast, plan.effort),
    )
    _show(done, out, model)


def _plan(options: "dict[str, Any]") -> "tuple[Plan, int]":
    """Return the plan, and the maximum size of a group: those of the effort, except for the options given."""
    from misfire.mechanistic.efforts import SIZES
    from misfire.mechanistic.probed_pairs import Group
    from misfire.mechanistic.registry import parse_analyses
    from misfire.mechanistic.study import Plan, parse_ks
    from misfire.tasks.parameters import choices

    sizes = SIZES[options["effort"]]
    analyses, ks, patched = options["analyses"], options["ks"], options["patched"]
    plan = Plan(
        analyses=sizes.analyses if analyses is None else parse_analyses(analyses),
        ks=sizes.ks if ks is None else parse_ks(ks),
        draws=options["draws"] or sizes.draws,
        seed=options["seed"],
        budget=int(options["budget"] * 2**30),
        ablations=tuple(options["ablations"].split(",")) if options["ablations"] else sizes.ablations,
        patched=sizes.patched if patched is None else tuple(choices("patched", patched, Group)),
        senders=options["senders"] or sizes.senders,
        effort=options["effort"],
    )
    return plan, options["per_group"] or sizes.per_group


def _tell(forecast: "Forecast", effort: str | None) -> None:
    """Print a plan."""
    before = " before the probe; groups are as large as they can be" if forecast.at_most else ""
    click.echo(f"Plan (effort {effort}){before}:")
    for line in forecast.lines():
        click.echo(f"  {line}")


def _show(done: "Localised", out: Path, model: str) -> None:
    """Print the verdict and the paths of the output files."""
    for line in done.verdict:
        click.echo(f"- {line}")
    click.echo(f"{out / 'index.html'}: figures and tables")
    if done.decision.heads:
        click.echo(f"{out / 'intervention.safetensors'}: these heads, for --model intervened/{model}")


def _check_sources(options: "dict[str, Any]", log: str | None, arm: str | None) -> None:
    """Raise an error for options that exclude each other."""
    from misfire.errors import InputError

    if log is not None and options["source"] is not None:
        raise InputError("--log and --pairs exclude each other: the pairs come from the log.")
    if arm is not None and log is None:
        raise InputError("--arm names an arm of a priming log. Give the log: --log FILE.")
    given = [f"--{name.replace('_', '-')}" for name in BBQ_OPTIONS if _is_given(options[name])]
    if given and options["source"] != "bbq":
        raise InputError(f"{given[0]} requires --pairs bbq.")


def _candidates(
    options: "dict[str, Any]", log: str | None, arm: str | None
) -> "tuple[Sequence[Pair], Logged | None]":
    """Return the candidate pairs, and their log if they come from one."""
    from misfire.datasets.sampling import sample_pairs, select_categories
    from misfire.mechanistic.selection import read_logged_pairs
    from misfire.tasks.parameters import as_list

    logged = read_logged_pairs(log, arm) if log is not None else None
    found = logged.pairs if logged else candidate_pairs(options["source"] or "embedded", **_bbq(options))
    if (categories := options["categories"]) is not None:
        found = select_categories(found, as_list("categories", categories))
    limit = options["limit"]
    return (
        found if limit is None or limit >= len(found) else sample_pairs(found, limit, options["seed"])
    ), logged


BBQ_OPTIONS = ("bbq_dir", "allow_unverified", "edition", "per_scenario")
"""Options of ``misfire localise`` for pairs from BBQ: fields of ``PairSettings``."""


def _bbq(options: "dict[str, Any]") -> "dict[str, Any]":
    """Return the fields of ``PairSettings`` for pairs from BBQ; none for other sources."""
    from misfire.tasks.parameters import as_list

    if options["source"] != "bbq":
        return {}
    given = {name: options[name] for name in BBQ_OPTIONS if _is_given(options[name])}
    return given | {"seed": options["seed"], "categories": as_list("categories", options["categories"])}


def _is_given(value: object) -> bool:
    return value is not None and value is not False


def candidate_pairs(source: str, **bbq: Any) -> "tuple[Pair, ...]":  # noqa: ANN401 (options of click)
    """Load the pairs that ``--pairs`` names.

    Args:
        source: ``embedded``, ``bbq``, ``hub@COMMIT``, or a pair file. All but the authors' data set (``hub``)
            can have controls.
        bbq: Other fields of ``PairSettings`` for the source ``bbq``.

    Returns:
        The pairs.

    Raises:
        InputError: The pairs cannot be read, or the commit of the authors' data set is missing.
    """
    from misfire.datasets.hub import COMMIT
    from misfire.datasets.pair_files import read_pairs
    from misfire.datasets.sources import WHERE_COMMITS_ARE, PairSettings, load_pairs
    from misfire.datasets.user_paths import user_path
    from misfire.errors import InputError

    name, _, commit = source.partition("@")
    if source in {"embedded", "bbq"}:
        settings = PairSettings("bbq" if source == "bbq" else "embedded", controls=True, **bbq)
    elif name == "hub" and COMMIT.fullmatch(commit):
        settings = PairSettings("hub", revision=commit)
    elif name == "hub":
        raise InputError(
            f"--pairs {source}: the authors' dataset requires a pinned commit, so that the run can be "
            "repeated.",
            advice=f"Give --pairs hub@COMMIT, with {WHERE_COMMITS_ARE}.",
        )
    else:
        return tuple(read_pairs(user_path(source)))
    try:
        return load_pairs(settings).pairs
    except InputError as error:
        # the advice that comes with this error names options that `misfire localise` does not have
        raise InputError(
            f"--pairs {source}: {error.message_alone}",
            advice="--pairs embedded needs no files, and --bbq-dir FOLDER reads BBQ's JSONL files. Or "
            "write the pairs to a file with `misfire pairs`, whose options say where they "
            "come from, and give that file as --pairs FILE.",
        ) from error


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Output folder.")
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Random seed for weights, training and positions of heads.",
)
@click.option(
    "--family",
    type=click.Choice(["llama", "qwen3"]),
    default="llama",
    show_default=True,
    help="Architecture of trained organisms.",
)
def organism(kind: Kind, out: Path, seed: int, family: str) -> None:
    """Create a model organism: a small model that misfires for a known reason, or a negative control.

    The output is an ordinary Hugging Face folder that also contains base/ (the model before it misfired),
    pairs.jsonl (the pairs for it) and organism.json (the planted heads).
    """
    need_torch("misfire organism")
    import torch

    from misfire.mechanistic.organisms.hand_built import hand_built
    from misfire.mechanistic.organisms.organism import save_organism
    from misfire.mechanistic.organisms.trained import random_weights, trained

    torch.set_num_threads(1)  # small models are slower with more threads
    match kind:
        case "random":
            made = random_weights(seed, family=family)
        case "trained" | "tuned-everywhere":
            made = trained(seed, family=family, everywhere=kind == "tuned-everywhere")
        case _:
            made = hand_built(seed, kind)
    save_organism(made, out)
    planted = ", ".join(map(str, made.planted)) or "none"
    click.echo(
        f"{kind} organism in {out}; planted heads: {planted}; {len(made.pairs)} pairs in "
        f"{out / 'pairs.jsonl'}"
    )


@click.command()
@click.argument("before")
@click.argument("after", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the table to this file: .csv or .md.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def before_after(before: str, after: tuple[str, ...], out: Path | None, overwrite: bool) -> None:
    """Show what an intervention restores and what it costs. Compares the log BEFORE with each log AFTER.

    The logs must be from VETO, priming or Mis-Align Bench, all from the same task with the same pairs or
    instances. Differences are paired, with intervals clustered by scenario or instance.
    """
    from rich.console import Console

    from misfire.datasets.writing import refuse_existing
    from misfire.mechanistic.before_after import compare_logs, tables_of, write_table

    refuse_existing(out, overwrite=overwrite)
    rows = compare_logs(before, after)
    Console().print(*tables_of(rows), sep="\n")
    if out is not None:
        write_table(rows, out)
        click.echo(f"Written to {out}")
