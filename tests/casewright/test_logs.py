import asyncio
import json
import logging
import sys

import pytest

from agents.model import RequestRejected
from casewright.logs import JsonLines, log_to_stderr
from casewright.settings import BadSetting, read_settings

SAID = "quoted from a listing"


def line(name="service", message="said", *arguments, secrets=(), **fields):
    """What is written of one record."""
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, message, arguments, None)
    record.exc_info = fields.pop("exc_info", None)
    vars(record).update(fields)
    return json.loads(JsonLines(secrets).format(record))


def raised(error):
    try:
        raise error  # noqa: TRY301 - its trace is wanted, from here
    except BaseException:  # noqa: BLE001 - as above
        return sys.exc_info()


@pytest.fixture
def process_logs():
    """Have the process log as the service does, and give it back afterwards."""
    root, hook = logging.getLogger(), sys.excepthook
    before = (root.handlers[:], root.level)
    yield log_to_stderr
    root.handlers[:], _ = before[0], root.setLevel(before[1])
    sys.excepthook = hook
    logging.captureWarnings(capture=False)
    for name in ("service", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.getLogger("uvicorn.access").filters.clear()


def test_a_line_says_when_how_bad_where_and_what():
    told = line("service.worker", "run %d failed", 3, case="c-1")
    assert told.pop("at").endswith("+00:00")
    assert told == {"level": "warning", "logger": "service.worker", "message": "run 3 failed", "case": "c-1"}


def test_an_error_is_told_by_name_and_place_wherever_it_stands():
    fault = RequestRejected(model="big", status=401, why=SAID)
    told = line("agents.llm", "case %s: %s", "c-1", fault, why=ValueError(SAID), exc_info=raised(KeyError(SAID)))
    assert told["message"] == "case c-1: RequestRejected (model_unavailable, model big, status 401)"
    assert (told["why"], told["error"]["type"]) == ("ValueError", "KeyError")
    assert "test_logs.py" in told["error"]["places"][0]
    assert SAID not in json.dumps(told)


def test_of_several_errors_in_one_each_is_told():
    group = ExceptionGroup(SAID, [ValueError(SAID), RequestRejected(model="big", status=400, why=SAID)])
    told = line(exc_info=raised(group))["error"]
    assert [one["type"] for one in told["of"]] == ["ValueError", "RequestRejected"]
    assert SAID not in json.dumps(told)


def test_of_what_others_say_only_the_first_line_is_written(caplog):
    async def forgotten():
        async def fail():
            raise ValueError(SAID)

        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        del task

    with caplog.at_level(logging.ERROR, "asyncio"):
        asyncio.run(forgotten())
    (record,) = [record for record in caplog.records if record.name == "asyncio"]
    assert SAID in record.getMessage()
    written = JsonLines().format(record)
    assert SAID not in written
    assert json.loads(written)["message"] == "Task exception was never retrieved"


def test_a_request_is_told_without_its_query():
    arguments = ("127.0.0.1:1", "GET", f"/api/v1/cases?seller_id={SAID}", "1.1", 200)
    told = line("uvicorn.access", '%s - "%s %s HTTP/%s" %d', *arguments)
    assert (told["method"], told["path"], told["status"]) == ("GET", "/api/v1/cases", 200)
    assert SAID not in json.dumps(told)


def test_secrets_are_struck_out_whoever_says_them():
    settings = read_settings(
        {
            "CASEWRIGHT_MODEL": "m",
            "CASEWRIGHT_MODEL_KEY": 'sk-"quoted"',
            "CASEWRIGHT_DB": "postgresql://me:p%40ssword@db/x",
        }
    )
    told = line("others", 'sk-"quoted" and p@ssword and %s', "p%40ssword", secrets=settings.secrets)
    assert told["message"] == "*** and *** and ***"
    by_words = read_settings({"CASEWRIGHT_DB": "host=db password='hunter22' user=me"})
    assert by_words.secrets == ("hunter22",)
    assert read_settings({"CASEWRIGHT_DB": "postgresql:///postgres?host=/run/db"}).secrets == ()


def test_a_slip_at_the_call_loses_neither_line_nor_process():
    assert line("service", "%d cases", "many")["message"] == "%d cases"


def test_the_level_is_the_owners_word(process_logs, capsys):
    process_logs(read_settings({"CASEWRIGHT_LOG": "error"}).log)
    logging.getLogger("service").warning("a warning")
    logging.getLogger("service").error("an error")
    process_logs(read_settings({}).log)
    logging.getLogger("service").info("told")
    logging.getLogger("service").debug("not told")
    logging.getLogger("others").info("not told")
    assert [json.loads(text)["message"] for text in capsys.readouterr().err.splitlines()] == ["an error", "told"]
    with pytest.raises(BadSetting, match="CASEWRIGHT_LOG"):
        read_settings({"CASEWRIGHT_LOG": "loud"})


def test_what_ends_the_process_is_a_line_too(process_logs, capsys):
    process_logs()
    sys.excepthook(*raised(ValueError(SAID)))
    told = json.loads(capsys.readouterr().err)
    assert (told["message"], told["error"]["type"]) == ("crashed", "ValueError")
