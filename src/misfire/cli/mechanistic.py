"""The commands ``misfire localise``, ``misfire organism`` and ``misfire before-after``; what is heavy is imported when they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from misfire.mechanistic.organisms.kinds import KINDS, Kind
from misfire.mechanistic.requirements import need_torch

if TYPE_CHECKING:
    from misfire.datasets.pairs import Pair


@click.command()
@click.argument("model")
@click.option("--pairs", "source", help="Candidates: embedded (unless told), bbq, hub, or a pair file as `misfire pairs` writes it.")
@click.option("--log", help="Take the pairs of a log of VETO or priming in place of --pairs; failures are checked again by the probe.")
@click.option("--arm", help="The arm of a priming log whose texts are asked: unless told base, in which nothing is primed.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
@click.option("--revision", help="Commit, tag or branch of MODEL on the hub; a paper names a commit.")
@click.option("--base", help="The base model, for the lens: folder or hub id.")
@click.option("--base-revision", help="The same of the base model.")
@click.option(
    "--analyses", default="lens,patching,heads,attention,paths", show_default=True, help="Which, with commas between; also prescreen."
)
@click.option("--resume", is_flag=True, help="Go on with a run that was broken off; nothing that is done is done again.")
@click.option(
    "--per-group",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="At most so many failures, mirrored failures, and controls.",
)
@click.option(
    "--prompt", type=click.Choice(["word", "veto"]), default="word", show_default=True, help="The probe: one word, or VETO's own prompt."
)
@click.option("--ks", default="1,2,3,5,10,20", show_default=True, help="How many heads to ablate together.")
@click.option("--draws", type=click.IntRange(min=1), default=100, show_default=True, help="Random choices of heads beside each.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of choices, folds and permutations.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda:0, …; auto spreads layers over the GPUs that are there.")
@click.option("--dtype", default="auto", show_default=True, help="float32, bfloat16, float16, or as the weights are kept.")
@click.option(
    "--attention", "implementation", type=click.Choice(["sdpa", "eager"]), default="sdpa", show_default=True, help="How it is computed."
)
@click.option("--budget", type=click.FloatRange(min=0.001), default=2.0, show_default=True, help="Memory for activations, in GiB.")
def localise(
    model: str,
    source: str | None,
    log: str | None,
    arm: str | None,
    out: Path,
    revision: str | None,
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
    """Find where MODEL (a folder or hub id) overrules the evidence: lens, patching, heads, attention, paths.

    Frames, pictures, index.html with a verdict, and intervention.safetensors for `--model intervened/…` are written to --out.
    """
    need_torch("misfire localise")
    from misfire.mechanistic.localise import Plan, parse_analyses, parse_ks, small_ks
    from misfire.mechanistic.localise import localise as run
    from misfire.mechanistic.model.decoder import load_decoder
    from misfire.mechanistic.selection import probe_pairs, read_logged_pairs, reprobe
    from misfire.reports.progress import late_progress

    if log is not None and source is not None:
        from misfire.errors import InputError

        raise InputError("--log and --pairs exclude each other: the pairs are those of the log.")
    if arm is not None and log is None:
        from misfire.errors import InputError

        raise InputError("--arm names an arm of a priming log. Give the log: --log FILE.")
    chosen = parse_analyses(analyses)
    numbers = parse_ks(ks)
    logged = read_logged_pairs(log, arm) if log is not None else None
    pairs = logged.pairs if logged else _pairs(source or "embedded")
    options: Any = {"device": device, "dtype": dtype, "attention": implementation}
    size = int(budget * 2**30)
    decoder = load_decoder(model, revision=revision, **options)
    wording: Any = prompt
    if logged:
        click.echo(f"{log}: {logged.origin}")
    with late_progress("Probing pairs") as (started, step):
        started(1)
        probed = probe_pairs(decoder, pairs, wording=wording, per_group=per_group, seed=seed, logged=logged, budget=size)
        step()
    other = load_decoder(base, revision=base_revision, **options) if base is not None else None
    plan = Plan(chosen, small_ks(numbers, len(decoder.heads)), draws, seed, size)
    done = run(
        decoder,
        probed,
        out,
        base=(other, reprobe(other, probed, size)) if other else None,
        plan=plan,
        resume=resume,
        progress=late_progress,
    )
    for line in done.verdict:
        click.echo(f"- {line}")
    click.echo(f"{out / 'index.html'}: pictures and tables")
    if done.decision.heads:
        click.echo(f"{out / 'intervention.safetensors'}: these heads, for --model intervened/{model}")


def _pairs(source: str) -> "tuple[Pair, ...]":
    from misfire.datasets.sources import load_pairs

    match source:
        case "embedded" | "bbq":
            return load_pairs(source, controls=True).pairs
        case "hub":
            return load_pairs("hub").pairs
        case _:
            from misfire.datasets.pair_files import read_pairs
            from misfire.datasets.user_paths import user_path

            return tuple(read_pairs(user_path(source)))


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, training, and where the heads are.")
@click.option("--family", type=click.Choice(["llama", "qwen3"]), default="llama", show_default=True, help="Architecture of trained ones.")
def organism(kind: Kind, out: Path, seed: int, family: str) -> None:
    """Make a model organism: a small model that misfires for a known reason, or a negative control.

    It is an ordinary Hugging Face folder, with base/ (the model before it misfired), pairs.jsonl (the pairs that it reads) and
    organism.json (which heads were planted).
    """
    need_torch("misfire organism")
    import torch

    from misfire.mechanistic.organisms.hand_built import hand_built
    from misfire.mechanistic.organisms.organism import save_organism
    from misfire.mechanistic.organisms.trained import random_weights, trained

    torch.set_num_threads(1)  # models so small are slower on more
    match kind:
        case "random":
            made = random_weights(seed, family=family)
        case "trained" | "tuned-everywhere":
            made = trained(seed, family=family, everywhere=kind == "tuned-everywhere")
        case _:
            made = hand_built(seed, kind)
    save_organism(made, out)
    planted = ", ".join(map(str, made.planted)) or "none"
    click.echo(f"{kind} organism in {out}; planted heads: {planted}; it reads the {len(made.pairs)} pairs of {out / 'pairs.jsonl'}")


@click.command()
@click.argument("before")
@click.argument("after", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Also write the table to this file: .csv or .md.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
def before_after(before: str, after: tuple[str, ...], out: Path | None, overwrite: bool) -> None:
    """Show what an intervention restores and what it costs: the log BEFORE it against those AFTER.

    Logs of VETO, of priming or of Mis-Align Bench, all of one task on the same pairs or instances. Differences are paired, with intervals
    clustered by scenario or instance.
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
