"""Colours that text can be read on. Source: WCAG 2.1, relative luminance and contrast ratio."""

import re

HEX = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
LEAST_CONTRAST = 4.5
SHADES = {50: "4%", 100: "9%", 200: "18%", 300: "35%", 400: "60%", 500: "85%"}
DARKER = {700: "86%", 800: "72%", 900: "58%", 950: "40%"}


def contrast_with_white(colour: str) -> float:
    """The contrast ratio of a colour, `#rrggbb`, with white, from 1 to 21."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def palette_of(colour: str) -> dict[int, str]:
    """Lighter and darker shades of a colour, as CSS."""
    lighter = {weight: f"color-mix(in oklab, {colour} {share}, white)" for weight, share in SHADES.items()}
    darker = {weight: f"color-mix(in oklab, {colour} {share}, black)" for weight, share in DARKER.items()}
    return lighter | {600: colour} | darker
