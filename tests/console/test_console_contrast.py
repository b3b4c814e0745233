"""The colours of both themes can be read: AA, computed from the style sheet itself."""

from __future__ import annotations

import re

import pytest

from h2h import resources

SHEET = (resources.find("console") / "static" / "h2h.css").read_text()
TEXT = ("ink", "press", "done", "waiting", "refused", "doubt", "quiet")
LARGE, AA = 3.0, 4.5


def theme(dark: bool) -> dict[str, str]:
    """The variables of a theme, by name."""
    light, _, rest = SHEET.partition("@media (prefers-color-scheme: dark)")
    block = rest.split("}\n}")[0] if dark else light
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_every_colour_can_be_read_on_the_paper(*, dark: bool) -> None:
    colours = theme(dark)
    ratios = {name: contrast(colours[name], colours["paper"]) for name in TEXT}
    assert {name: ratio for name, ratio in ratios.items() if ratio < AA} == {}
    assert contrast(colours["field"], colours["paper"]) >= LARGE  # the edge of what is typed into


def test_the_themes_differ_and_black_on_white_is_21_to_1() -> None:
    assert theme(dark=False)["paper"] != theme(dark=True)["paper"]
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
