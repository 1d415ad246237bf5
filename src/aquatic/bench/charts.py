"""Charts as SVG: bars that spread and are made of parts, and lines over steps. Text is the page's own."""

import math
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement

from aquatic.bench.result import Bar, BarChart, Line, LineChart

WIDTH = 760
LABEL_WIDTH = 170
# For the number at a bar's end.
NUMBER_WIDTH = 110
BAR_HEIGHT = 18
BAR_STEP = 26
PLOT_HEIGHT = 240
AXIS_HEIGHT = 24
LEGEND_HEIGHT = 24
LEGEND_STEP = 150
LEGEND_COLUMNS = WIDTH // LEGEND_STEP
TICKS = 5
# Told apart by people who see few colours, on light and dark alike.
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#888888", "#dd8833")


def bar_svg(chart: BarChart) -> Element:
    """A bar below another, with the number at its end and a thin line from its lowest to its highest."""
    top = _legend_height(chart.parts) if len(chart.parts) > 1 else 0
    svg = _svg(chart.caption, top + BAR_STEP * len(chart.bars) + AXIS_HEIGHT)
    if top:
        _legend(svg, chart.parts)
    longest = max((bar.highest for bar in chart.bars), default=0.0) or 1.0
    scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / longest
    for index, bar in enumerate(chart.bars):
        _bar(svg, bar, top + index * BAR_STEP, scale)
    _text(svg, LABEL_WIDTH, top + BAR_STEP * len(chart.bars) + 14, chart.unit)
    return svg


def _bar(svg: Element, bar: Bar, y: float, scale: float) -> None:
    middle = y + BAR_HEIGHT / 2
    _text(svg, LABEL_WIDTH - 8, middle + 4, bar.label, anchor="end")
    x = float(LABEL_WIDTH)
    for value, colour in zip(bar.values, _colours(), strict=False):
        width = max(0.0, value) * scale
        _shape(svg, "rect", x=x, y=y, width=width, height=BAR_HEIGHT, fill=colour)
        x += width
    if bar.highest > bar.lowest:
        ends = {"x1": LABEL_WIDTH + bar.lowest * scale, "x2": LABEL_WIDTH + bar.highest * scale}
        _shape(svg, "line", y1=middle, y2=middle, stroke="currentColor", **ends)
    _text(svg, max(x, LABEL_WIDTH + bar.highest * scale) + 6, middle + 4, short_number(sum(bar.values)))


def line_svg(chart: LineChart) -> Element:
    """Lines with a mark at each step, over an axis from 0, or of powers."""
    names = [line.label for line in chart.lines]
    bottom = _legend_height(names) + PLOT_HEIGHT
    svg = _svg(chart.caption, bottom + 2 * AXIS_HEIGHT)
    _legend(svg, names)
    values = [value for line in chart.lines for value in line.values if value is not None and value > 0]
    ticks = _powers(values) if chart.is_logarithmic else _even_ticks(max(values, default=1.0))
    left, right = 70, WIDTH - 20

    def height(value: float) -> float:
        if chart.is_logarithmic:
            low, high = math.log(ticks[0]), math.log(ticks[-1])
            share = (math.log(max(value, ticks[0])) - low) / (high - low)
        else:
            share = value / ticks[-1]
        return bottom - share * (PLOT_HEIGHT - 10)

    for tick in ticks:
        y = height(tick)
        _shape(svg, "line", x1=left, x2=right, y1=y, y2=y, stroke="currentColor", stroke_opacity=0.2)
        _text(svg, left - 6, y + 4, short_number(tick), anchor="end")
    step = (right - left) / max(len(chart.steps), 1)
    places = [left + step * (index + 0.5) for index in range(len(chart.steps))]
    for place, label in zip(places, chart.steps, strict=True):
        _text(svg, place, bottom + 18, label, anchor="middle")
    _text(svg, left, bottom + 40, chart.unit)
    for line, colour in zip(chart.lines, _colours(), strict=False):
        _line(
            svg,
            line,
            [(x, height(y)) for x, y in zip(places, line.values, strict=True) if y is not None],
            colour,
        )
    return svg


def _line(svg: Element, line: Line, points: list[tuple[float, float]], colour: str) -> None:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    _shape(svg, "polyline", points=path, fill="none", stroke=colour, stroke_width=2)
    for (x, y), value in zip(points, (value for value in line.values if value is not None), strict=True):
        mark = _shape(svg, "circle", cx=x, cy=y, r=3.5, fill=colour)
        SubElement(mark, "title").text = f"{line.label}: {short_number(value)}"


def short_number(value: float) -> str:
    """Three digits, and k or M for the rest."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.3g}"


def _even_ticks(highest: float) -> list[float]:
    """Round numbers from 0 to above the highest."""
    rough = (highest or 1.0) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * index for index in range(math.ceil(highest / step) + 1)]


def _powers(values: Sequence[float]) -> list[float]:
    """Of ten, around all values."""
    low = math.floor(math.log10(min(values, default=1.0)))
    high = math.ceil(math.log10(max(values, default=10.0)))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]


def _colours() -> Iterable[str]:
    """Each as often as it is needed."""
    while True:
        yield from COLOURS


def _legend_height(names: Sequence[str]) -> int:
    return LEGEND_HEIGHT * math.ceil(len(names) / LEGEND_COLUMNS)


def _legend(svg: Element, names: Sequence[str]) -> None:
    for index, (name, colour) in enumerate(zip(names, _colours(), strict=False)):
        x, y = LEGEND_STEP * (index % LEGEND_COLUMNS), LEGEND_HEIGHT * (index // LEGEND_COLUMNS)
        _shape(svg, "rect", x=x, y=y + 4, width=10, height=10, fill=colour)
        _text(svg, x + 14, y + 13, name)


def _svg(caption: str, height: float) -> Element:
    svg = Element("svg", {"viewBox": f"0 0 {WIDTH} {height:.0f}", "role": "img", "aria-label": caption})
    svg.set("xmlns", "http://www.w3.org/2000/svg")
    return svg


def _shape(svg: Element, tag: str, **attributes: float | str) -> Element:
    shown = {
        name.replace("_", "-"): value if isinstance(value, str) else f"{value:.2f}"
        for name, value in attributes.items()
    }
    return SubElement(svg, tag, shown)


def _text(svg: Element, x: float, y: float, text: str, anchor: str = "start") -> None:
    _shape(svg, "text", x=x, y=y, text_anchor=anchor, fill="currentColor", font_size="12").text = text
