import orjson
import pytest

from agents.model import AnswerUnusable
from agents.submission import SUBMIT_BALLOTS, SUBMIT_FINDINGS, Submission, read_answer

GOOD = {
    "clause_id": "tobacco.e-cigarettes",
    "part": "device",
    "quotes": [{"source": "E1", "text": "pod kit", "gloss": ""}],
    "why": "It says so.",
    "verdict": "met",
    "basis": "shown",
    "question": "",
    "would_settle": "",
}


def answer(*arguments, content="", finish="tool_calls", refusal="", name="submit_findings"):
    texts = [a if isinstance(a, str) else orjson.dumps(a).decode() for a in arguments]
    calls = [{"id": f"c{i}", "name": name, "arguments": text} for i, text in enumerate(texts)]
    return {"content": content, "finish_reason": finish, "refusal": refusal, "tool_calls": calls}


def submit(*judgements, **rest):
    return {"judgements": list(judgements), "sightings": [], **rest}


def strict(schema):
    if schema["type"] == "object":
        assert schema["required"] == list(schema["properties"])
        assert schema["additionalProperties"] is False
        for inner in schema["properties"].values():
            strict(inner)
    elif schema["type"] == "array":
        strict(schema["items"])


@pytest.mark.parametrize("tool", [SUBMIT_FINDINGS, SUBMIT_BALLOTS])
def test_the_schema_is_strict_all_through_and_has_no_field_for_an_outcome(tool):
    strict(tool["function"]["parameters"])
    assert tool["function"]["strict"] is True
    text = orjson.dumps(tool).decode()
    for word in ("outcome", "violation", "action", "decision"):
        assert word not in text


def test_judges_set_out_both_sides_before_the_verdict():
    fields = list(SUBMIT_BALLOTS["function"]["parameters"]["properties"]["judgements"]["items"]["properties"])
    assert max(fields.index("for"), fields.index("against")) < fields.index("verdict")


def test_a_submission_is_read(desk):
    clause_quote = {"source": desk.VAPES, "text": "Not sold here.", "gloss": ""}
    found = read_answer(answer(submit({**GOOD, "quotes": [*GOOD["quotes"], clause_quote]})), desk.dossier())
    (judgement,) = found.judgements
    assert judgement.key == (desk.VAPES, "device")
    assert [(q.evidence_id, q.clause_id, q.text) for q in judgement.quotes] == [
        ("E1", "", "pod kit"),
        ("", desk.VAPES, "Not sold here."),
    ]


def test_an_outcome_that_a_model_adds_goes_nowhere(desk):
    found = read_answer(answer(submit({**GOOD, "outcome": "no_violation"}, outcome="no_violation")), desk.dossier())
    assert "no_violation" not in repr(found)


def test_sources_by_name_and_in_brackets_are_understood_and_unknown_ones_kept_for_verify(desk):
    quotes = [{"source": s, "text": "pod kit", "gloss": ""} for s in ("listing.title", "[E1]", "E99")]
    found = read_answer(answer(submit({**GOOD, "quotes": quotes})), desk.dossier())
    assert [q.evidence_id for q in found.judgements[0].quotes] == ["E1", "E1", "E99"]


def test_unused_quotes_are_none(desk):
    empty = {"source": "", "text": "", "gloss": ""}
    assert read_answer(answer(submit({**GOOD, "quotes": [empty]})), desk.dossier()).judgements[0].quotes == ()


def test_findings_in_words_are_as_good_as_in_a_call(desk):
    content = f"Here you are:\n```json\n{orjson.dumps(submit(GOOD)).decode()}\n```"
    assert isinstance(read_answer(answer(content=content, finish="stop"), desk.dossier()), Submission)


def test_several_submissions_in_one_turn_are_one(desk):
    other = {**GOOD, "part": "offered"}
    found = read_answer(answer(submit(GOOD), submit(other, GOOD)), desk.dossier())
    assert [j.part for j in found.judgements] == ["device", "offered"]


def test_tools_are_asked_for(desk):
    (call,) = read_answer(answer({"words": "pod"}, name="similar_listings"), desk.dossier(tools=(desk.LOOK_UP,)))
    assert (call.id, call.name, call.arguments) == ("c0", "similar_listings", {"words": "pod"})


def test_sightings_of_images_that_were_shown(desk):
    seen = [
        {"image": "image:1", "box": "1, 2,30,40", "sees": "a pod"},
        {"image": "1", "box": "", "sees": "a box"},
        {"image": "7", "box": "", "sees": "never shown"},
    ]
    found = read_answer(answer(submit(GOOD, sightings=seen)), desk.dossier(images={1: ("image/png", b"x")}))
    assert [(s.image, s.box, s.sees) for s in found.sightings] == [(1, (1, 2, 30, 40), "a pod"), (1, None, "a box")]


@pytest.mark.parametrize(
    ("given", "fault", "why"),
    [
        (answer(submit(GOOD), finish="length"), "truncated", "complete"),
        (answer(content="", finish="stop"), "empty", "no findings"),
        (answer(submit()), "empty", "no judgement"),
        (answer(finish="stop", refusal="I cannot."), "refused", "I cannot."),
        (answer(finish="content_filter", content="{"), "refused", "filter"),
        (answer('{"judgements": ['), "malformed", "not the JSON"),
        (answer("[]"), "malformed", "one JSON object"),
        (answer('{"judgements": {}}'), "malformed", "no list of objects"),
        (answer(submit({**GOOD, "verdict": "yes"})), "malformed", r"judgements\[0\]\.verdict is 'yes'"),
        (answer(submit({**GOOD, "basis": "person"})), "malformed", "basis is 'person'"),
        (answer(submit({**GOOD, "why": ["a"]})), "malformed", "why is no text"),
        (answer(submit(GOOD, {**GOOD, "verdict": "unclear"})), "malformed", "judged twice"),
        (answer(submit(GOOD, sightings=[{"image": "one"}])), "malformed", "image's number"),
        (answer(submit(GOOD, sightings=[{"image": "9" * 9000}])), "malformed", "image's number"),
        (answer(submit(GOOD, sightings=[{"image": "1", "box": "1,2"}])), "malformed", "x,y,w,h"),
        (answer({}, name="delete_listing"), "malformed", "no tool 'delete_listing'"),
        (answer(content="Looks fine to me.", finish="stop"), "malformed", "not the JSON"),
        (answer("[" * 100_000), "malformed", "not the JSON"),
    ],
)
def test_what_cannot_be_used_is_named(desk, given, fault, why):
    with pytest.raises(AnswerUnusable, match=why) as unusable:
        read_answer(given, desk.dossier())
    assert unusable.value.fault == fault
