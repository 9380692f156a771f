"""Numbers with units in free text, and what they are in the unit of a rule."""

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.units import in_unit, numbers_in


def read(text, language="en"):
    return [(number.value, number.unit) for number in numbers_in(text, language)]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("1.000 mg", "en", 1.0),
        ("1.000 mg", "pt", 1000.0),
        ("1.000 mg", "id-ID", 1000.0),
        ("1,000 mg", "en", 1000.0),
        ("1,000 mg", "de", 1.0),
        ("1,5 mg", "pt", 1.5),
        ("1,5 mg", "en", 1.5),
        ("1.5 mg", "pt", 1.5),
        ("0.25 mg", "vi", 0.25),
        ("20,000 mAh", "zh", 20000.0),
        ("20.000 mAh", "vi", 20000.0),
        ("1.234.567,89 mg", "de", 1234567.89),
        ("1,234,567.89 mg", "en", 1234567.89),
        ("1.234.567 mg", "en", 1234567.0),
        ("10 000 mAh", "fr", 10000.0),
        ("10\u00a0000 mAh", "en", 10000.0),
        ("1.1250 kg", "pt", 1.125),  # as a case's attributes are written
        ("１０ mg", "ja", 10.0),
        ("007 mg", "en", 7.0),
        ("3.1416 mm", "en", 3.1416),
        ("1,23456 mg", "pt", 1.23456),
    ],
)
def test_groups_and_decimals_are_read_as_the_language_writes_them(text, language, value):
    ((found, _),) = read(text, language)
    assert found == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("50mg/ml", [(50, "mg/ml")]),
        ("50 mg/ml, 3 mg", [(50, "mg/ml"), (3, "mg")]),
        ("5%", [(5, "%")]),
        ('12" blade', [(12, '"')]),
        ("3-inch blade", [(3, "inch")]),
        ("10000mAh", [(10000, "mAh")]),
        ("25°C", [(25, "°C")]),
        ("30 มล. 20厘米 5ミリ", [(30, "มล"), (20, "厘米"), (5, "ミリ")]),
        ("pack of 2 100 ml bottles", [(2, ""), (100, "ml")]),
        ("3 in 1, 3-in-1", [(3, ""), (1, ""), (3, ""), (1, "")]),
        ("12 in blade", [(12, "in")]),
        ("v2.0 a5 mg", []),  # a digit inside a word measures nothing
        ("10-20 mg", [(10, ""), (20, "mg")]),
        ("no numbers", []),
        ("", []),
    ],
)
def test_numbers_are_found_with_the_unit_behind_them(text, found):
    assert read(text) == found


def test_a_number_says_where_it_stands():
    text = "Blade: 12.5 cm long"
    (number,) = numbers_in(text, "en")
    assert text[number.start : number.end] == "12.5 cm"


def converted(text, unit, language="en"):
    return [in_unit(number, unit) for number in numbers_in(text, language)]


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("50 mg/ml", "mg/ml", 50),
        ("0.05 g/ml", "mg/ml", 50),
        ("50 MG/ML", "mg/ml", 50),
        ("5%", "%", 5),
        ("5%", "percent", 5),
        ("5 percent", "%", 5),
        ("12 in", "cm", 30.48),
        ('12"', "inch", 12),
        ("10 cm", "in", 3.937007874),
        ("20 Ah", "mAh", 20000),
        ("74 Wh", "Wh", 74),
        ("100 ml", "l", 0.1),
        ("100ML", "l", 0.1),  # never megalitres
        ("500 MG", "g", 0.5),
        ("0.5 G", "mg", 500),
        ("5MW", "mW", 5),
        ("2 kgs", "g", 2000),
        ("300 mcg", "mg", 0.3),
        ("300 µg", "mg", 0.3),
        ("30 มล", "ml", 30),
        ("20 厘米", "cm", 20),
        ("2000 GB", "TB", 2),
        ("90°", "degree", 90),
        ("1 year", "day", 365.25),
        ("30 days", "day", 30),
        ("3 oz", "g", 85.0486),
        ("1.5 J", "J", 1.5),
        ("12", "", 12),
        ("100 IU", "IU", 100),
    ],
)
def test_a_number_is_brought_to_the_unit_of_the_rule(text, unit, value):
    assert converted(text, unit) == [pytest.approx(value, rel=1e-5)]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *(
            ("50", "mg/ml"),
            ("50 mg", "ml"),
            ("50 mg", "mg/ml"),
            ("5 foobar", "mg"),
            ("5 mg", "foobar"),
            ("3 pods", "mg"),
        ),
        *(("5%", "mg"), ("25 °C", "mg"), ("3 in 1", "cm"), ("100 IU", "mg")),
    ],
)
def test_a_number_without_unit_or_of_another_kind_measures_nothing(text, unit):
    assert set(converted(text, unit)) == {None}


@given(
    st.floats(0.001, 1e6).map(lambda x: round(x, 4)),
    st.sampled_from([("mg", "g", 1e-3), ("g", "kg", 1e-3), ("cm", "mm", 10.0), ("ml", "l", 1e-3), ("Ah", "mAh", 1e3)]),
)
def test_conversion_is_a_matter_of_factor(value, units):
    unit, other, factor = units
    (number,) = numbers_in(f"{value:.4f} {unit}", "en")
    assert in_unit(number, other) == pytest.approx(value * factor, rel=1e-6)
    assert in_unit(number, unit) == pytest.approx(value, rel=1e-6)


@given(
    st.text(st.sampled_from('0123456789., -/%mgl"in\u00a0°ซม厘米e'), max_size=30),
    st.sampled_from(["en", "pt", "fr", ""]),
)
def test_whatever_a_seller_types_is_read_in_order_and_inside_the_text(text, language):
    numbers = numbers_in(text, language)
    assert all(0 <= n.start < n.end <= len(text) for n in numbers)
    assert [n.start for n in numbers] == sorted({n.start for n in numbers})
    assert all(n.value >= 0 for n in numbers)
    for number in numbers:
        in_unit(number, "mg")


@pytest.mark.parametrize("piece", ["1", "1,111", "1 ", "1.", "1-", "1/", "mg "])
def test_hostile_length_costs_no_more_than_its_length(piece):
    text = (piece * 100_000)[:100_000]
    started = time.process_time()
    numbers_in(text, "en")
    numbers_in(text, "fr")
    assert time.process_time() - started < 3


def test_reading_numbers_loads_no_unit_registry():
    code = (
        "import sys; from policies.units import numbers_in; numbers_in('5 mg', 'en'); sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
