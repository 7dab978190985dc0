"""The commands ``misfire localise``, ``misfire organism`` and ``misfire before-after``.

Large libraries are imported only when a command runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from misfire.mechanistic.organisms.kinds import KINDS, Kind
from misfire.mechanistic.requirements import need_torch

if TYPE_CHECKING:
    from misfire.datasets.pairs import Pair
    from misfire.mechanistic.localise import Localised
    from misfire.mechanistic.selection import Logged


@click.command()
@click.argument("model")
@click.option(
    "--pairs",
    "source",
    help="Candidate pairs: embedded (default), bbq, hub@COMMIT (the authors' data set), or a pair file.",
)
@click.option(
    "--log",
    help="Use the pairs of a VETO or priming log instead of --pairs. The probe checks failures again.",
)
@click.option(
    "--arm", help="Arm of a priming log whose prompts to use. Default: base, the arm without a cue."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Output folder.")
@click.option("--revision", help="Commit, tag or branch of MODEL on the Hub. For a paper, use a commit.")
@click.option("--adapter", help="PEFT adapter, such as LoRA, to merge into MODEL: a folder or Hub ID.")
@click.option("--base", help="Base model for the lens: a folder or Hub ID.")
@click.option("--base-revision", help="Commit, tag or branch of the base model.")
@click.option(
    "--analyses",
    default="lens,patching,heads,attention,paths",
    show_default=True,
    help="Analyses to run, separated by commas; also available: prescreen.",
)
@click.option("--resume", is_flag=True, help="Resume an interrupted run. Finished work is not repeated.")
@click.option(
    "--per-group",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="Maximum number of failures, of mirrored failures, and of controls.",
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
    default="1,2,3,5,10,20",
    show_default=True,
    help="Numbers of heads to ablate together, separated by commas.",
)
@click.option(
    "--draws",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Number of random sets of heads to compare with each set of best heads.",
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
    default=2.0,
    show_default=True,
    help="Memory limit for activations, in GiB.",
)
def localise(
    model: str,
    source: str | None,
    log: str | None,
    arm: str | None,
    out: Path,
    revision: str | None,
    adapter: str | None,
    base: str | None,
    base_revision: str | None,
    analyses: str,
    resume: bool,
    per_group: int,
    prompt: str,
    ks: str,
    draws: int,
    seed: int,
    device: str,
    dtype: str,
    implementation: str,
    budget: float,
) -> None:
    """Find where MODEL overrides the evidence: lens, patching, heads, attention, paths.

    MODEL is a folder, a Hub ID, or a GGUF file. Writes data frames, figures, index.html with a verdict, and
    intervention.safetensors for `--model intervened/…` to --out.
    """
    need_torch("misfire localise")
    from misfire.mechanistic.localise import localise as run
    from misfire.mechanistic.model.decoder import load_decoder
    from misfire.mechanistic.registry import parse_analyses
    from misfire.mechanistic.selection import probe_pairs, reprobe
    from misfire.mechanistic.study import Plan, parse_ks, small_ks
    from misfire.reports.progress import late_progress

    _check_sources(source, log, arm)
    chosen, numbers = parse_analyses(analyses), parse_ks(ks)
    pairs, logged = _candidates(source, log, arm)
    options: Any = {"device": device, "dtype": dtype, "attention": implementation}
    size = int(budget * 2**30)
    decoder = load_decoder(model, revision=revision, adapter=adapter, **options)
    if logged:
        click.echo(f"{log}: {logged.origin}")
    with late_progress("Probing pairs") as (started, step):
        started(1)
        probed = probe_pairs(
            decoder,
            pairs,
            wording=cast("Any", prompt),
            per_group=per_group,
            seed=seed,
            logged=logged,
            budget=size,
        )
        step()
    other = load_decoder(base, revision=base_revision, **options) if base is not None else None
    both = (other, reprobe(other, probed, size)) if other else None
    plan = Plan(chosen, small_ks(numbers, len(decoder.heads)), draws, seed, size)
    _show(run(decoder, probed, out, plan=plan, base=both, resume=resume, progress=late_progress), out, model)


def _show(done: "Localised", out: Path, model: str) -> None:
    """Print the verdict and the paths of the output files."""
    for line in done.verdict:
        click.echo(f"- {line}")
    click.echo(f"{out / 'index.html'}: figures and tables")
    if done.decision.heads:
        click.echo(f"{out / 'intervention.safetensors'}: these heads, for --model intervened/{model}")


def _check_sources(source: str | None, log: str | None, arm: str | None) -> None:
    """Raise an error for options that exclude each other."""
    from misfire.errors import InputError

    if log is not None and source is not None:
        raise InputError("--log and --pairs exclude each other: the pairs come from the log.")
    if arm is not None and log is None:
        raise InputError("--arm names an arm of a priming log. Give the log: --log FILE.")


def _candidates(
    source: str | None, log: str | None, arm: str | None
) -> "tuple[Sequence[Pair], Logged | None]":
    """Return the candidate pairs, and their log if they come from one."""
    from misfire.mechanistic.selection import read_logged_pairs

    logged = read_logged_pairs(log, arm) if log is not None else None
    return (logged.pairs if logged else candidate_pairs(source or "embedded")), logged


def candidate_pairs(source: str) -> "tuple[Pair, ...]":
    """Load the pairs that ``--pairs`` names.

    Args:
        source: ``embedded``, ``bbq``, ``hub@COMMIT``, or a pair file. All but the authors' data set (``hub``)
            can have controls.

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
        settings = PairSettings("bbq" if source == "bbq" else "embedded", controls=True)
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
            advice="--pairs embedded needs no files. Or write the pairs to a file with `misfire pairs`, "
            "whose options say where they come from, and give that file as --pairs FILE.",
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
