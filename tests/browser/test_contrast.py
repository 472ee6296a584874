"""the contrast of every pair of colours, as the browser computes them, in both themes"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page

from tests.conftest import ServerProcess

OpenPage = Callable[..., Awaitable[Page]]

# A colour is an expression of CSS, or `.outer .inner`: the ground of an element with such classes.
# The ratio that WCAG defines, of an ink on grounds that lie on the canvas, one over the other; if
# asked for, with the colours of the line that has the caret.
MEASURE = """([pairs, active]) => {
    const probe = document.createElement("div");
    const line = document.createElement("div");
    const editor = document.createElement("div");
    if (active) {
        editor.className = "cm-editor cm-focused";
        line.className = "cm-activeLine";
    }
    line.append(probe);
    editor.append(line);
    document.body.append(editor);
    const resolve = (color) => {
        if (!color.startsWith(".")) {
            probe.style.color = color;
            return getComputedStyle(probe).color;
        }
        let inner = probe;
        for (const classes of color.split(" ")) {
            const element = document.createElement("div");
            element.className = classes.slice(1).replaceAll(".", " ");
            inner.append(element);
            inner = element;
        }
        const { backgroundColor } = getComputedStyle(inner);
        probe.replaceChildren();
        return backgroundColor;
    };
    // `rgb(29, 28, 27)`, or `color(srgb 0.1 0.2 0.3 / 0.14)`
    const parse = (color) => {
        const [red, green, blue, alpha = 1] = color.match(/[\\d.e-]+/g).map(Number);
        const whole = color.startsWith("color") ? 1 : 255;
        return { parts: [red, green, blue].map((part) => part / whole), alpha };
    };
    const over = (under, color) => {
        const { parts, alpha } = parse(color);
        return parts.map((part, n) => part * alpha + under[n] * (1 - alpha));
    };
    const luminance = (colors) => {
        const [red, green, blue] = colors.reduce(over, [1, 1, 1]).map((part) =>
            part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
        );
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ratios = pairs.map(([ink, ...grounds]) => {
        const under = ["var(--canvas)", ...grounds].map(resolve);
        const both = [luminance(under), luminance([...under, resolve(ink)])];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    });
    editor.remove();
    return ratios;
}"""

# Ink, ground, and the least ratio in light and in dark.
TOKENS = [
    ("text", "canvas", 16.9, 14.7),
    ("text-2", "canvas", 8.7, 9.9),
    ("text-3", "canvas", 6.3, 7.0),
    *[("text-3", ground, 5.6, 6.0) for ground in ("chrome", "raised", "sunken", "active-line")],
    *[("field", ground, 3.2, 3.4) for ground in ("canvas", "chrome", "raised")],
    ("field", "sunken", 3.0, 3.0),
    ("accent", "canvas", 5.9, 8.0),
    ("on-accent", "accent", 6.0, 8.2),
    ("accent", "accent-soft", 5.3, 6.3),
    ("text", "own-selection", 13.8, 8.9),
    ("ok", "canvas", 5.3, 8.9),
    ("ok-dot", "canvas", 3.4, 7.9),
    ("warn", "warn-soft", 5.5, 8.0),
    ("danger", "danger-soft", 5.0, 6.8),
]
SYNTAX = ["keyword", "string", "number", "function", "type", "text-3", "text-2"]

# For each person: ink on their colour, their colour on the canvas, and inside their selection the
# palest ink and the text.
PEOPLE = {
    "light": [
        *[(7.3, 7.2, 5.1, 13.6), (4.6, 4.5, 5.2, 14.1), (4.6, 4.5, 5.3, 14.2)],
        *[(11.5, 11.3, 4.9, 13.0), (8.4, 8.3, 5.1, 13.5), (4.8, 4.7, 5.2, 14.1)],
        *[(7.7, 7.6, 5.1, 13.6), (7.2, 7.1, 5.0, 13.4), (4.9, 4.8, 5.2, 14.1)],
        *[(10.8, 10.6, 4.9, 13.1), (7.0, 6.9, 4.9, 13.1), (11.3, 11.1, 4.9, 13.1)],
    ],
    "dark": [
        *[(12.2, 12.2, 4.6, 9.6), (7.6, 7.6, 5.2, 10.9), (12.8, 12.8, 4.5, 9.5)],
        *[(8.1, 8.1, 5.1, 10.6), (12.0, 12.0, 4.6, 9.7), (5.6, 5.6, 5.4, 11.5)],
        *[(10.9, 10.9, 4.7, 9.9), (6.0, 6.0, 5.5, 11.6), (10.2, 10.2, 4.8, 10.0)],
        *[(8.5, 8.5, 5.0, 10.5), (5.8, 5.8, 5.4, 11.4), (5.7, 5.7, 5.5, 11.5)],
    ],
}

ROUNDED = 0.08  # the figures have one decimal, and are of colours in whole bytes
TEXT_LEAST = 4.5  # WCAG 1.4.3

Pair = tuple[str, ...]


def token(name: str) -> str:
    return f"var(--{name})"


def wanted(scheme: str) -> dict[Pair, float]:
    """Every pair, with the least ratio that it is to have."""
    pairs: dict[Pair, float] = {
        (token(ink), token(ground)): (light if scheme == "light" else dark)
        for ink, ground, light, dark in TOKENS
    }
    pairs |= {(token(name), token("canvas")): 6.1 for name in SYNTAX[:5]}
    for number, least in enumerate(PEOPLE[scheme], 1):
        person, color = f".person-{number}", token(f"person-{number}")
        ink, canvas, palest, text = least
        pairs[token("ink"), f".flag{person}"] = ink
        pairs[token("ink"), f".avatar{person}"] = ink
        pairs[color, token("canvas")] = canvas
        pairs |= {(token(name), f".tint{person}"): 4.5 for name in SYNTAX}
        pairs[token("text-3"), f".tint{person}"] = palest
        pairs[token("text"), f".tint{person}"] = text
        # Who wrote it, what was changed last, and what has changed since one left.
        pairs[token("text-3"), f".history-text .written{person}"] = 4.5
        pairs[token("text"), f".history-text .latest{person}"] = 7.4
        pairs[token("text"), f".change-inserted{person}"] = 7.4
        pairs[token("text-2"), f".change-removed{person}"] = 4.5
    return pairs


async def too_low(page: Page, pairs: dict[Pair, float], *, active: bool = False) -> list[str]:
    """The pairs that have less than they are to have."""
    ratios = await page.evaluate(MEASURE, [list(pairs), active])
    return [
        f"{' on '.join(pair)}: {ratio:.2f}, less than {least}"
        for (pair, least), ratio in zip(pairs.items(), ratios, strict=True)
        if ratio < least - ROUNDED or (least >= TEXT_LEAST and ratio < TEXT_LEAST)
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_contrast(serve: ServerProcess, open_page: OpenPage, scheme: str) -> None:
    """Text on every ground, each person's ink, tint and syntax colours are as readable as said."""
    page = await open_page(f"{serve.url}/", color_scheme=scheme)
    assert await too_low(page, wanted(scheme)) == []
    tinted: dict[Pair, float] = {
        (token(name), f".tint.person-{number}", token("active-line")): TEXT_LEAST
        for name in SYNTAX
        for number in range(1, 13)
    }
    assert await too_low(page, tinted, active=True) == []
