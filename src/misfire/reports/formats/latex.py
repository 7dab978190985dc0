r"""Tables of a report as LaTeX, each in a file for ``\input`` (required packages: booktabs, graphicx)."""

import re

from misfire.reports.number_format import plain
from misfire.reports.tables import Table

_COMMANDS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "−": "$-$",
    "–": r"\textendash{}",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "Δ": r"$\Delta$",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "†": r"\dag{}",
    "…": r"\ldots{}",
}
_SPECIAL = re.compile("|".join(map(re.escape, _COMMANDS)))


def escape(text: str) -> str:
    """Escape a text for LaTeX.

    Args:
        text: Any text. Characters that are neither ASCII nor used by misfire require a UTF-8 document with a
            font that contains them.

    Returns:
        One line without active characters.
    """
    escaped = (
        _SPECIAL.sub(lambda match: _COMMANDS[match[0]], plain(text)).replace("[", "{[}").replace("]", "{]}")
    )
    # LaTeX would typeset two adjacent hyphens as a dash
    return re.sub("-(?=-)", "-{}", escaped)


def render(table: Table) -> str:
    """Return a table as a LaTeX environment that is at most as wide as the text.

    Args:
        table: The table.

    Returns:
        LaTeX with the label ``tab:<name>``.
    """
    kinds = "".join("l" if column.kind in {"text", "time", "flag"} else "r" for column in table.columns)
    body = [" & ".join(escape(text) for _, text in row) + r" \\" for row in table.rows()]
    return "\n".join(
        [
            r"% written by misfire report; requires \usepackage{booktabs,graphicx}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(table.title)}. {escape(table.note)}}}",
            rf"\label{{tab:{table.name}}}",
            r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{kinds}}}",
            r"\toprule",
            " & ".join(escape(column.heading) for column in table.columns) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )
