"""A brand's colour is one that white text can be read on."""

import pytest
from django.core.exceptions import ValidationError

from users.models.brands import validate_colour
from users.rules.colours import contrast_with_white, palette_of


@pytest.mark.parametrize(("colour", "ratio"), [("#000000", 21.0), ("#ffffff", 1.0), ("#767676", 4.54), ("#ff0000", 4.0)])
def test_contrast_is_that_of_wcag(colour, ratio):
    assert contrast_with_white(colour) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#12345g", "#ff0000", "#ffffff", "#4f46e5; }"])
def test_what_is_no_colour_or_too_light_is_refused(colour):
    with pytest.raises(ValidationError):
        validate_colour(colour)


def test_a_palette_has_the_colour_in_its_midst():
    validate_colour("#4f46e5")

    assert palette_of("#4f46e5")[600] == "#4f46e5"
    assert sorted(palette_of("#4f46e5")) == [50, *range(100, 1000, 100), 950]
