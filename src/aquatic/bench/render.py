"""Results as Markdown, as a page, and as parts of a document that people write."""

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap
from xml.etree.ElementTree import Element, SubElement, tostring

from aquatic.bench.charts import bar_svg, line_svg
from aquatic.bench.result import Result, Table

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; max-width: 47.5rem; display: block; margin: .5rem 0 1.5rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; display: block; overflow-x: auto; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #8886; text-align: left; white-space: nowrap; }
td + td, th + th { text-align: right; }
pre { overflow-x: auto; background: #8882; padding: .6rem; }
"""


class MarkerError(ValueError):
    """A document has no place for a result."""


def markdown(result: Result, *, level: int = 1) -> str:
    """All that is for reading, below a heading of this level; with level 0 without a heading."""
    lines = [f"{'#' * level} {result.title}", ""] if level else []
    lines += [f"`{result.command}`", ""]
    lines += [f"- {name}: {value}" for name, value in result.machine.items()]
    lines += [f"- {name}: {version}" for name, version in result.versions.items()]
    lines += [f"- {note}" for note in result.notes]
    lines += _markdown_tables(result.tables)
    return "\n".join(lines) + "\n"


def _markdown_tables(tables: Iterable[Table]) -> Iterable[str]:
    for table in tables:
        yield from ("", f"{table.caption}:", "", _row(table.head), _row(["---"] * len(table.head)))
        yield from map(_row, table.rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def put_into(document: str, result: Result) -> str:
    """The document with the result between its markers `<!-- bench NAME -->` and `<!-- /bench -->`.

    MarkerError when they are not there, ValueError when the result has nothing to put there.
    """
    if result.is_empty:
        raise ValueError(f"nothing was measured in {result.name}")
    machine = ", ".join(value for name, value in result.machine.items() if name != "python")
    versions = "; ".join(f"{name}: {version}" for name, version in result.versions.items())
    lines = [f"`{result.command}`", "", f"{machine}." + (f" {versions}." if versions else "")]
    lines += ["", *(f"- {note}" for note in result.notes)] if result.notes else []
    lines += _markdown_tables(result.tables)
    opening, closing = f"<!-- bench {result.name} -->", "<!-- /bench -->"
    place = re.compile(f"{re.escape(opening)}\n.*?{re.escape(closing)}", re.DOTALL)
    text = "\n".join([opening, *_wrapped(lines), closing])
    filled, count = place.subn(lambda _: text, document)
    if count != 1:
        raise MarkerError(f"{opening} and {closing} are not there once")
    return filled


def _wrapped(lines: Iterable[str]) -> Iterable[str]:
    """Words end at 120, tables do not."""
    for line in lines:
        yield from [line] if line.startswith("|") or not line else wrap(line, 120, break_long_words=False)


def page(results: Sequence[Result]) -> str:
    """One page with everything in it, charts and configurations too, that loads nothing from elsewhere."""
    html = Element("html", lang="en")
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "title").text = "aquatic bench"
    SubElement(head, "style").text = STYLE
    body = SubElement(html, "body")
    SubElement(body, "h1").text = "aquatic bench"
    contents = SubElement(body, "ul")
    for result in results:
        link = SubElement(SubElement(contents, "li"), "a", href=f"#{result.name}")
        link.text = result.title
        _section(body, result)
    return "<!DOCTYPE html>\n" + tostring(html, encoding="unicode", method="html") + "\n"


def _section(body: Element, result: Result) -> None:
    SubElement(body, "h2", id=result.name).text = result.title
    SubElement(body, "pre").text = result.command
    facts = SubElement(body, "ul")
    told = [*result.machine.items(), *result.versions.items()]
    for text in [*(f"{name}: {value}" for name, value in told), *result.notes]:
        SubElement(facts, "li").text = text
    for bars in result.bar_charts:
        SubElement(body, "h3").text = bars.caption
        body.append(bar_svg(bars))
    for lines in result.line_charts:
        SubElement(body, "h3").text = lines.caption
        body.append(line_svg(lines))
    for table in result.tables:
        SubElement(body, "h3").text = table.caption
        _html_table(body, table)
    for tracker, texts in result.configurations.items():
        details = SubElement(body, "details")
        SubElement(details, "summary").text = f"{tracker}: its configuration"
        for name, text in texts.items():
            SubElement(details, "h4").text = name
            SubElement(details, "pre").text = text


def _html_table(body: Element, table: Table) -> None:
    rows = SubElement(body, "table")
    for tag, row in [("th", table.head), *(("td", row) for row in table.rows)]:
        line = SubElement(rows, "tr")
        for cell in row:
            SubElement(line, tag).text = cell
