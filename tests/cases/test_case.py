"""Reading a case and a seller's record: what is refused, where, and with what to do about it."""

from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cases.case import Limits, read_case, read_seller

SELLER = {
    "id": "S-9",
    "opened_at": "2020-01-01T00:00:00Z",
    "country": "CN",
    "strikes": [{"type": "ip.counterfeit", "at": "2025-05-05T00:00:00Z"}],
    "authorisations": [
        {"kind": "brand", "value": "Nike", "region": "SG", "status": "verified", "from": "2025-01-01"},
    ],
    "linked": [{"seller_id": "S-4", "by": "bank_account"}],
}
REQUIRED = (
    *("/id", "/opened_at", "/region", "/seller_id", "/subject", "/subject/kind", "/subject/id", "/subject/title"),
    *("/reports/0/by", "/reports/0/text", "/texts/0/source", "/texts/0/by", "/texts/0/text"),
    *("/subject/price/amount", "/subject/price/currency", "/subject/variants/0/name", "/appeal/of"),
    *("/appeal/statement", "/subject/price_history/0/amount", "/subject/variants/0/price/currency"),
    *("/related/0/kind", "/related/0/id"),
)
NESTED = (
    *("", "/subject", "/subject/price", "/subject/price_history/0", "/subject/variants/0", "/subject/images/0"),
    *("/reports/0", "/texts/0", "/related/0", "/appeal", "/appeal/documents/0"),
)
TIMES = (
    *("/opened_at", "/due_at", "/subject/listed_at", "/subject/price_history/0/until", "/reports/0/at"),
    *("/reports/0/due_at", "/texts/0/at"),
)


def test_the_whole_case_of_the_contracts_is_read_and_written_back(whole):
    case = read_case(orjson.dumps(whole.data))
    written = case.model_dump_json(exclude_unset=True)
    assert read_case(written) == case
    assert orjson.loads(written) == orjson.loads(read_case(whole.data).model_dump_json(exclude_unset=True))
    assert set(orjson.loads(written)) == set(whole.data)


def test_the_smallest_case_is_read(smallest):
    case = read_case(orjson.dumps(smallest.data).decode())
    assert (case.id, case.region, case.subject.title, case.reports) == ("c", "SG", "Mug", ())


def test_a_case_does_not_change(smallest):
    case = read_case(smallest.data)
    with pytest.raises(ValidationError, match="frozen"):
        case.region = "MY"


@pytest.mark.parametrize("pointer", REQUIRED)
def test_a_missing_field_is_named_by_pointer_code_and_hint(whole, problems, pointer):
    (problem,) = problems(whole.drop(pointer).data)
    assert (problem.code, problem.pointer) == ("missing", pointer)
    assert problem.hint == "add this field"
    assert pointer in str(problem)


@pytest.mark.parametrize("place", NESTED)
def test_an_unknown_field_is_refused_at_every_depth(whole, problems, place):
    (problem,) = problems(whole.put(f"{place}/colour", "red").data)
    assert (problem.code, problem.pointer) == ("unknown_field", f"{place}/colour")
    assert "casewright schema" in problem.hint


def test_pointers_escape_what_rfc_6901_escapes(whole, problems):
    (problem,) = problems(whole.put("/subject/a~1b~0c", 1).data)
    assert problem.pointer == "/subject/a~1b~0c"
    assert "a/b~c" in whole.data["subject"]


def test_every_problem_is_told_not_only_the_first(whole, problems):
    whole.drop("/subject/title").put("/region", "Singapore").put("/reports/0/by", "a friend").put("/colour", 1)
    found = {problem.pointer: problem.code for problem in problems(whole.data)}
    assert found == {
        "/subject/title": "missing",
        "/region": "invalid_value",
        "/reports/0/by": "invalid_value",
        "/colour": "unknown_field",
    }


@pytest.mark.parametrize(
    ("data", "code"),
    [("{", "not_json"), (b"\xff\xfe", "not_json"), ("", "not_json"), ("[]", "not_an_object"), ("3", "not_an_object")],
)
def test_what_is_no_json_object_is_refused(problems, data, code):
    (problem,) = problems(data)
    assert (problem.code, problem.pointer, problem.hint) == (code, "", "send one JSON object")


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.text(max_size=3),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.sampled_from(["value", "unit", "a/b~c"]), st.none() | st.integers(0, 9), max_size=2),
)


@given(
    pointer=st.sampled_from(
        [*REQUIRED, *TIMES, *NESTED[1:], "/subject/attributes/nicotine", "/signals", "/subject/images"]
    ),
    junk=JUNK,
)
def test_a_problem_points_into_the_document_that_was_sent(doc, contract, problems, at, pointer, junk):
    sent = doc(contract).put(pointer, junk).data
    for problem in problems(sent):
        parent = problem.pointer.rpartition("/")[0]
        at(sent, parent if problem.code == "missing" else problem.pointer)  # LookupError where it leads nowhere


@pytest.mark.parametrize("pointer", TIMES)
@pytest.mark.parametrize("time", ["2026-03-14T09:30:00", "2026-03-14"])
def test_a_time_without_zone_is_refused(whole, problems, pointer, time):
    (problem,) = problems(whole.put(pointer, time).data)
    assert (problem.code, problem.pointer) == ("no_time_zone", pointer)
    assert "2026-03-14T09:30:00Z" in problem.hint


@pytest.mark.parametrize("time", [1_773_480_600, 1_773_480_600_000, 0.5, "1773480600", "-1", "soon", "", True])
def test_a_time_that_is_a_bare_number_or_no_time_is_refused(whole, problems, time):
    (problem,) = problems(whole.put("/opened_at", time).data)
    assert (problem.code, problem.pointer) == ("invalid_value", "/opened_at")


def test_a_time_with_an_offset_is_the_same_moment(smallest):
    case = read_case(smallest.put("/opened_at", "2026-03-14T17:30:00+08:00").data)
    assert case.opened_at == datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("amount", ["0", "12.90", "999999999999999.999999", "0.000001"])
def test_money_keeps_every_digit(whole, amount):
    case = read_case(whole.put("/subject/price/amount", amount).data)
    assert case.subject.price.amount == amount
    assert case.subject.price.value == Decimal(amount)


@pytest.mark.parametrize("amount", [12.9, "12,90", "-1", "1e3", "", ".5", "5.", "NaN", "１２", "1 000", "0.0000001"])
def test_money_that_is_no_plain_decimal_string_is_refused(whole, problems, amount):
    (problem,) = problems(whole.put("/subject/price/amount", amount).data)
    assert problem.pointer == "/subject/price/amount"
    assert problem.code == ("not_text" if isinstance(amount, float) else "invalid_value")


@pytest.mark.parametrize("currency", ["sgd", "S$", "SGDX", ""])
def test_a_currency_is_iso_4217(whole, problems, currency):
    (problem,) = problems(whole.put("/subject/price/currency", currency).data)
    assert problem.pointer == "/subject/price/currency"


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "../secret.png", "images/../../secret.png", "..", ".", "", "images\\a.png"),
        *("a\x00b.png", "//host/a.png", "C:\\a.png", "images/.."),
    ],
)
def test_an_image_path_that_leaves_its_folder_is_refused(whole, problems, path):
    (problem,) = problems(whole.put("/subject/images/0/path", path).data)
    assert problem.pointer == "/subject/images/0/path"
    assert "inside the folder" in problem.detail


@pytest.mark.parametrize("path", ["a.png", "./a.png", "images/a.png", "images/รูป 1..2.png", "...png"])
def test_an_image_path_inside_its_folder_is_taken(whole, path):
    assert read_case(whole.put("/subject/images/0/path", path).data).subject.images[0].path == path


@pytest.mark.parametrize("image", [{}, {"path": "a.png", "sha256": "0" * 64}, {"media_type": "image/png"}])
def test_an_image_has_exactly_one_of_path_and_hash(whole, problems, image):
    (problem,) = problems(whole.put("/subject/images/0", image).data)
    assert problem.pointer == "/subject/images/0"
    assert "exactly one" in problem.detail


@pytest.mark.parametrize("sha256", ["0" * 63, "0" * 65, "G" * 64, "A" * 64])
def test_a_hash_is_64_small_hexadecimal_digits(whole, problems, sha256):
    (problem,) = problems(whole.put("/subject/images/1/sha256", sha256).data)
    assert problem.pointer == "/subject/images/1/sha256"


@pytest.mark.parametrize(
    ("pointer", "fits", "exceeds"),
    [
        ("/subject/title", "ö" * 500, "ö" * 501),
        ("/subject/description", "a" * 20_000, "a" * 20_001),
        ("/subject/images", [{"path": "a.png"}] * 12, [{"path": "a.png"}] * 13),
    ],
)
def test_a_case_may_be_as_large_as_the_limits_and_no_larger(smallest, problems, pointer, fits, exceeds):
    assert problems(smallest.put(pointer, fits).data) == ()
    (problem,) = problems(smallest.put(pointer, exceeds).data)
    assert (problem.code, problem.pointer) == ("too_long", pointer)
    assert str(len(exceeds)) in problem.detail
    assert "settings" in problem.hint


def test_limits_are_a_setting_and_all_that_are_passed_are_told(whole, problems):
    found = problems(whole.data, Limits(title=3, description=4, images=1))
    assert [problem.pointer for problem in found] == ["/subject/title", "/subject/description", "/subject/images"]


@pytest.mark.parametrize("region", ["SG", "GB-SCT", "US-CA", "ES-M", "FR-2A"])
def test_a_region_is_a_country_or_its_subdivision(smallest, region):
    assert read_case(smallest.put("/region", region).data).region == region


@pytest.mark.parametrize("region", ["sg", "SGP", "ASEAN", "*", "", "GB_SCT", "GB-", "GB-SCTX", "SG ", "SG\n", "gb-SCT"])
def test_other_forms_of_region_are_refused(smallest, problems, region):
    (problem,) = problems(smallest.put("/region", region).data)
    assert problem.pointer == "/region"


@pytest.mark.parametrize("pointer", ["/id", "/seller_id", "/subject/id"])
@pytest.mark.parametrize("value", ["", "a\nb", "a\x00", "a\x7f", "x" * 201])
def test_an_id_is_one_short_line(smallest, problems, pointer, value):
    (problem,) = problems(smallest.put(pointer, value).data)
    assert problem.pointer == pointer


def test_each_type_is_raised_once_in_the_order_of_suspicion_and_reports(smallest):
    report = {"by": "buyer", "text": "Fake."}
    smallest.put("/suspected", ["ip.counterfeit", "listing.bait", "ip.counterfeit"])
    smallest.put(
        "/reports",
        [{**report, "type": "listing.bait"}, {**report, "type": "prohibited.drugs"}, report, {**report, "type": None}],
    )
    assert read_case(smallest.data).raised_types == ("ip.counterfeit", "listing.bait", "prohibited.drugs")


@pytest.mark.parametrize("value", ["counterfeit", "IP.counterfeit", "ip.", "ip.counter-feit"])
def test_a_violation_type_has_its_form(smallest, problems, value):
    assert [p.pointer for p in problems(smallest.put("/suspected", ["ip.copyright", value]).data)] == ["/suspected/1"]


@pytest.mark.parametrize(
    "value", ["steel", 3, 0.5, {"value": 50, "unit": "mg/ml"}, ["a", 1, {"value": 1, "unit": "g"}], []]
)
def test_an_attribute_is_text_number_quantity_or_a_list_of_these(smallest, problems, value):
    assert problems(smallest.put("/subject/attributes", {"x": value}).data) == ()


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            True,
            {"value": 1},
            {"unit": "g"},
            {"value": "much", "unit": "g"},
            {"value": 1, "unit": "g", "per": "ml"},
        ),
        *(["a", None], [["a"]], {"value": 1, "unit": "x" * 41}),
    ],
)
def test_another_attribute_is_one_problem_at_its_place(smallest, problems, value):
    (problem,) = problems(smallest.put("/subject/attributes", {"a/b": value}).data)
    assert (problem.code, problem.pointer) == ("invalid_value", "/subject/attributes/a~1b")
    assert "{value, unit}" in problem.detail


@pytest.mark.parametrize(
    "pointer",
    [
        *("/id", "/opened_at", "/country", "/strikes/0/type", "/strikes/0/at", "/authorisations/0/kind"),
        *("/authorisations/0/value", "/authorisations/0/region", "/authorisations/0/status", "/linked/0/seller_id"),
        "/linked/0/by",
    ],
)
def test_a_seller_record_names_what_it_lacks(doc, problems, pointer):
    (problem,) = problems(doc(SELLER).drop(pointer).data, read=read_seller)
    assert (problem.code, problem.pointer) == ("missing", pointer)


@pytest.mark.parametrize("region", ["SG", "EU", "ASEAN", "*", "GB-SCT"])
def test_an_authorisation_may_cover_a_group_or_everywhere(doc, region):
    seller = read_seller(doc(SELLER).put("/authorisations/0/region", region).data)
    assert seller.authorisations[0].region == region
    assert seller.authorisations[0].from_.isoformat() == "2025-01-01"
