"""Figures of ``misfire localise``, in the style of a report: SVG and PNG with captions, no global state."""

# keyword arguments are untyped in matplotlib
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from misfire.mechanistic.inference import Floats
from misfire.mechanistic.model.head_names import Head
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.palettes import BLACK, BLUE, GRAY, GREEN, PALE, PURPLE, VERMILLION
from misfire.reports.drawing.style import our_settings
from misfire.reports.number_format import percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HALVES = {"stereotyped": (VERMILLION, "-", "o"), "contrast": (BLUE, "--", "s")}
_SITES = {"residual": (BLACK, "-", "o"), "attention": (VERMILLION, "--", "s"), "mlp": (BLUE, ":", "^")}
_NAMED = 8
"""Number of heads whose names are written."""


def lens_drawing(profiles: "pd.DataFrame") -> Drawing | None:
    """Draw lens profiles: one panel for failures and one for controls of each model.

    Args:
        profiles: Output of ``profile_table``.

    Returns:
        The figure; None without rows.
    """
    if profiles.empty:
        return None
    models, groups = list(dict.fromkeys(profiles["model"])), list(dict.fromkeys(profiles["group"]))
    with our_settings():
        figure, panels = _panels(len(models), len(groups), 3.3, 2.3)
        for (model, group), axes in zip(((m, g) for m in models for g in groups), panels, strict=True):
            own = profiles[(profiles["model"] == model) & (profiles["group"] == group)]
            axes.axhline(0, color=GRAY, linewidth=0.8)
            for half, (color, line, marker) in _HALVES.items():
                _band(axes, own[own["half"] == half], color, line, marker, f"{half} half")
            aside = own[own["half"] == "stereotyped"]
            axes.plot(
                aside["layer"],
                aside["corrected"],
                color=GRAY,
                linestyle=":",
                linewidth=1,
                label="stereotyped, without offset",
            )
            pairs = int(own["pairs"].max())
            axes.set_title(f"{model}: {group}s (n = {pairs})", loc="left")
            axes.set(xlabel="layer", ylabel="margin (logits)")
        panels[0].legend(frameon=False, loc="best")
    gaps = profiles[profiles["half"] == "gap"]
    alt = "; ".join(
        f"{model}, {group}s: gap contrast − stereotyped is largest at layer {int(top['layer'])} "
        f"({top['mean']:.2f}), {last['mean']:.2f} at the last layer"
        for (model, group), own in gaps.groupby(["model", "group"], sort=False)
        for top, last in [(own.iloc[int(own["mean"].argmax())], own.iloc[-1])]
    )
    caption = (
        "Logit lens: margin toward the right answer if the model stopped after each layer. Bands are 95 % "
        "intervals, clustered by scenario. Below 0, the answer would be wrong. The last layer is the answer "
        "itself. The dotted line is the stereotyped margin minus the mean over neutral prompts; its sign is "
        "not that of the answer."
    )
    return Drawing("lens", "What each layer would answer", caption, f"{alt}.", figure)


def head_drawing(table: "pd.DataFrame", found: Sequence[Head], ablation: str) -> Drawing | None:
    """Draw a map of all heads, layer by head, with marks on significant ones.

    Args:
        table: Output of ``head_table``.
        found: Heads that the verdict names.
        ablation: Kind of ablation.

    Returns:
        The figure; None without rows.
    """
    if table.empty:
        return None
    layers, heads = int(table["layer"].max()) + 1, int(table["head"].max()) + 1
    grid = np.full((layers, heads), math.nan)
    grid[table["layer"].to_numpy(int), table["head"].to_numpy(int)] = table["score"].to_numpy(float)
    with our_settings():
        figure = _head_map(grid, table[table["q"] <= 0.05], found)
    best = table.iloc[0]
    named = ", ".join(map(str, found)) or "none"
    caption = (
        f"Effect of ablating each head alone ({ablation}) on failures, Δ stereotyped − |Δ contrast|: at "
        "orange heads, ablation raises the stereotyped margin more than it changes the contrast margin. "
        "Dots: q at most 0.05 (one-sided sign flips by scenario, Benjamini–Hochberg over all heads)."
    )
    if found:
        caption += " Squares: heads that the verdict names."
    return Drawing(
        f"heads_{ablation}",
        f"What each head does ({ablation} ablation)",
        caption,
        f"Best: {best['name']} with {best['score']:.2f}. Marked: {named}.",
        figure,
    )


def _head_map(grid: Floats, sure: "pd.DataFrame", found: Sequence[Head]) -> "Figure":
    """Draw the scores of all heads, shape (layers, heads).

    Dots mark significant heads, and squares mark named heads.
    """
    layers, heads = grid.shape
    limit = float(np.nanmax(np.abs(grid))) or 1.0
    figure, (axes,) = _panels(1, 1, max(3.0, 0.22 * heads + 1.6), max(2.0, 0.2 * layers + 1.0))
    # a scale from blue through white to orange avoids red and green
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("misfire", [BLUE, "#FFFFFF", VERMILLION])
    image = axes.imshow(
        grid, cmap=colors, vmin=-limit, vmax=limit, origin="lower", aspect="auto", interpolation="nearest"
    )
    figure.colorbar(image, ax=axes, label="Δs − |Δc| (logits)")
    axes.plot(sure["head"], sure["layer"], linestyle="none", marker=".", color=BLACK, markersize=4)
    axes.plot(
        [head.index for head in found],
        [head.layer for head in found],
        linestyle="none",
        marker="s",
        markerfacecolor="none",
        markeredgecolor=BLACK,
        markersize=11,
    )
    for head in found[:_NAMED]:
        axes.annotate(
            str(head), (head.index, head.layer), xytext=(0, 9), textcoords="offset points", ha="center"
        )
    _whole_ticks(axes, heads, "x")
    _whole_ticks(axes, layers, "y")
    axes.set(xlabel="head", ylabel="layer")
    return figure


def curve_drawing(curve: "pd.DataFrame") -> Drawing | None:
    """Draw recovery by the number of heads, with bands of random heads, and what stays right.

    Args:
        curve: Output of ``curve_table``.

    Returns:
        The figure; None without rows.
    """
    if curve.empty:
        return None
    with our_settings():
        figure, (left, right) = _panels(1, 2, 3.3, 3.2)
        _restored(left, curve)
        _kept(right, curve)
        for axes, title in ((left, "restored"), (right, "still right")):
            axes.set_xticks(list(range(len(curve))), labels=[str(k) for k in curve["k"]])
            axes.set(xlabel="heads ablated", ylabel="%", ylim=(-3, 103))
            axes.set_title(title, loc="left")
            axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.28))
    caption = (
        "Left: share of failures whose stereotyped half becomes right when the best K heads are ablated "
        "together. Heads are chosen on one half of the scenarios and tested on the other. Bars are 95 % "
        "intervals, clustered by scenario. Bands contain 95 % of random sets of the same number of other "
        "heads. Crosses: share of mirrored failures (only the contrast half wrong) whose contrast half "
        "becomes right, if there are any. Right: share of other right answers that stay right. Recovery "
        "inside the bands is no evidence of a circuit, and equal recovery of failures and mirrors is no "
        "evidence of a cause of misfiring."
    )
    alt = "; ".join(
        f"K = {int(row['k'])}: {percent(row['recovery'])} restored, {percent(row['matched'])} by random "
        f"heads of the same layers, contrast kept {percent(row['contrast_kept'])}, mirrors restored "
        f"{percent(row['mirror_recovery'])}"
        for _, row in curve.iterrows()
    )
    return Drawing("curve", "What ablating the best heads restores", caption, f"{alt}.", figure)


def _restored(axes: "Axes", curve: "pd.DataFrame") -> None:
    """Draw the shares of failures and mirrors that the best heads restore, over bands of random heads."""
    places = range(len(curve))
    for name, color, hatch, words in (
        ("random", GRAY, "", "random heads"),
        ("matched", BLUE, "///", "random, same layers"),
    ):
        axes.fill_between(
            places,
            100 * curve[f"{name}_lower"],
            100 * curve[f"{name}_upper"],
            facecolor=(color, 0.15),
            edgecolor=(color, 0.5),
            hatch=hatch,
            linewidth=0.5,
            label=words,
        )
    ends = np.array(
        [curve["recovery"] - curve["recovery_ci_lower"], curve["recovery_ci_upper"] - curve["recovery"]]
    )
    axes.errorbar(
        places,
        100 * curve["recovery"],
        100 * np.nan_to_num(ends).clip(min=0),
        color=VERMILLION,
        marker="o",
        label="best heads",
        clip_on=False,
    )
    if curve["mirror_recovery"].notna().any():
        axes.plot(
            places,
            100 * curve["mirror_recovery"],
            color=BLACK,
            linestyle=":",
            marker="x",
            label="mirrors, best heads",
            clip_on=False,
        )


def _kept(axes: "Axes", curve: "pd.DataFrame") -> None:
    """Draw the shares of right answers that stay right."""
    kept = (
        ("contrast_kept", "contrast halves", "s", BLUE),
        ("control_kept", "controls", "^", GREEN),
        ("foils_kept", "foils", "D", PURPLE),
    )
    for name, words, marker, color in kept:
        if curve[name].notna().any():
            axes.plot(
                range(len(curve)), 100 * curve[name], marker=marker, color=color, label=words, clip_on=False
            )


def patching_drawing(recovery: "pd.DataFrame") -> Drawing | None:
    """Draw patching profiles: recovery by layer, with one panel for each direction and location.

    Args:
        recovery: Output of ``recovery_table``.

    Returns:
        The figure; None without rows.
    """
    if recovery.empty:
        return None
    kinds = list(dict.fromkeys(zip(recovery["direction"], recovery["where"], strict=True)))
    with our_settings():
        figure, panels = _panels(math.ceil(len(kinds) / 2), min(2, len(kinds)), 3.3, 2.3)
        for (direction, where), axes in zip(kinds, panels, strict=False):
            own = recovery[(recovery["direction"] == direction) & (recovery["where"] == where)]
            axes.axhline(0, color=GRAY, linewidth=0.8)
            for site, (color, line, marker) in _SITES.items():
                here = own[own["site"] == site]
                if len(here):
                    _band(axes, here.rename(columns={"recovery": "mean"}), color, line, marker, site)
            fixed = own[own["by_construction"]]
            axes.plot(
                fixed["layer"],
                fixed["recovery"],
                linestyle="none",
                marker="o",
                markerfacecolor="white",
                markeredgecolor=BLACK,
                zorder=4,
            )
            axes.set_title(f"{direction}, {'last token' if where == 'last' else 'all mentions'}", loc="left")
            axes.set(xlabel="layer", ylabel="recovery")
        for axes in panels[len(kinds) :]:
            axes.set_axis_off()
        panels[0].legend(frameon=False, loc="best")
    caption = (
        "Activation patching between the halves of failures: (patched − own) / (other − own) of the "
        "margins, a ratio of means. Denoising puts contrast activations into stereotyped runs; noising does "
        "the reverse. Bands are 95 % bootstrap intervals by scenario. The hollow point is 1 by construction "
        "and shows nothing."
    )
    telling = recovery[~recovery["by_construction"]]
    alt = "; ".join(
        f"{direction}, {where}, {site}: {top['recovery']:.2f} at layer {int(top['layer'])}"
        for (direction, where, site), own in telling.groupby(["direction", "where", "site"], sort=False)
        for top in [own.iloc[int(own["recovery"].argmax())]]
    )
    return Drawing("patching", "Where patching carries the difference", caption, f"Largest: {alt}.", figure)


def path_drawing(paths: "pd.DataFrame") -> Drawing | None:
    """Draw the paths that carry the largest shares.

    Args:
        paths: Output of ``path_table``.

    Returns:
        The figure; None without rows.
    """
    if paths.empty:
        return None
    shown = paths.reindex(paths["share"].abs().sort_values(ascending=False).index).head(12)
    names = [_path(row) for row in _records(shown)]
    with our_settings():
        figure, (axes,) = _panels(1, 1, 4.8, 0.9 + 0.24 * len(shown))
        rows = range(len(shown))
        values = shown["share"].to_numpy(float)
        ends = np.array(
            [values - shown["ci_lower"].to_numpy(float), shown["ci_upper"].to_numpy(float) - values]
        )
        axes.errorbar(
            values, rows, xerr=np.nan_to_num(ends).clip(min=0), linestyle="none", marker="o", color=VERMILLION
        )
        axes.axvline(0, color=GRAY, linewidth=0.8)
        axes.set_yticks(list(rows), labels=names)
        axes.invert_yaxis()
        axes.set_xlabel("share of the difference between the halves")
    caption = (
        "Path patching: the output of a head in the contrast run reaches only one later component. "
        "Everything between them is frozen, and everything after the component is recomputed. Bars are 95 % "
        "bootstrap intervals by scenario."
    )
    alt = "; ".join(f"{name}: {row['share']:.2f}" for name, row in zip(names, _records(shown), strict=True))
    return Drawing("paths", "Which paths the heads act through", caption, f"{alt}.", figure)


def attention_drawing(table: "pd.DataFrame", heads: Sequence[Head]) -> Drawing | None:
    """Draw the attention of some heads for failures and controls.

    Args:
        table: Output of ``attention_table``.
        heads: The heads to draw.

    Returns:
        The figure; None if none of them has attention weights.
    """
    named = [str(head) for head in heads[:_NAMED]]
    shown = [name for name in named if (table["name"] == name).any()] if len(table) else []
    if not shown:
        return None
    spans = list(dict.fromkeys(table["span"]))
    with our_settings():
        figure, panels = _panels(1, len(spans), 1.9, 0.9 + 0.3 * len(shown), sharey=True)
        for span, axes in zip(spans, panels, strict=True):
            own = table[table["span"] == span].set_index("name")
            for row, name in enumerate(shown):
                values = own.loc[name] if name in own.index else None
                if values is None:
                    continue
                axes.plot(
                    [values["control"], values["failure"]], [row, row], color=PALE, linewidth=3, zorder=1
                )
                axes.plot(
                    values["control"],
                    row,
                    marker="o",
                    markerfacecolor="white",
                    markeredgecolor=GRAY,
                    linestyle="none",
                )
                axes.plot(values["failure"], row, marker="o", color=VERMILLION, linestyle="none")
                if values["q"] <= 0.05:
                    axes.annotate("*", (1.12, row), va="center")
            axes.set_yticks(range(len(shown)), labels=shown)
            axes.set(xlim=(-0.03, 1.2), ylim=(len(shown) - 0.5, -0.5), xlabel="attention")
            axes.set_title(
                str({"stereotyped": "stereotyped person", "contrast": "other person"}.get(span, span)),
                loc="left",
            )
    own = table[table["name"].isin(shown)]
    caption = (
        "Attention of the last token on stereotyped halves, by span: failures (filled) and controls "
        "(hollow). Stars: q at most 0.05 over all heads and spans. Attention shows where a head looks, not "
        "what it does with it."
    )
    alt = "; ".join(
        f"{row['name']}, {row['span']}: {row['failure']:.2f} versus {row['control']:.2f}"
        for row in _records(own)
    )
    return Drawing("attention", "Where the heads look", caption, f"{alt}.", figure)


def drawn(drawings: Iterable[Drawing | None]) -> tuple[Drawing, ...]:
    """Return the drawings that are not None."""
    return tuple(drawing for drawing in drawings if drawing is not None)


def _panels(
    rows: int, columns: int, width: float, height: float, *, sharey: bool = False
) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), facecolor="white", layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    return figure, [cast("Axes", one) for one in axes.flat]


def _band(axes: "Axes", own: "pd.DataFrame", color: str, line: str, marker: str, label: str) -> None:
    axes.plot(
        own["layer"], own["mean"], color=color, linestyle=line, marker=marker, markersize=3.5, label=label
    )
    if own["ci_lower"].notna().any():
        axes.fill_between(own["layer"], own["ci_lower"], own["ci_upper"], color=color, alpha=0.2, linewidth=0)
    _whole_ticks(axes, int(own["layer"].max()) + 1, "x")


def _whole_ticks(axes: "Axes", count: int, which: str) -> None:
    step = max(1, math.ceil(count / 12))
    ticks = list(range(0, count, step))
    (axes.set_xticks if which == "x" else axes.set_yticks)(ticks)


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def _path(row: dict[str, Any]) -> str:
    return (
        f"{row['sender']} → logits"
        if row["receiver"] == "logits"
        else f"{row['sender']} → {row['receiver']} {int(row['layer'])}"
    )
