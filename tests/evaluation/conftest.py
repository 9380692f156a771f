"""Scored cases and reports, made by hand."""

from evaluation.scoring import Report, Scored, figures


def scored(case_id, expected, got, **fields):
    unsafe = got == "no_violation" and expected != "no_violation"
    return Scored(case_id=case_id, expected=expected, got=got, unsafe=unsafe, **fields)


def report(*cases, **fields):
    about = {"split": "dev", "auditor": "a", "model": "", "snapshot": "s", "cases_sha256": "h", **fields}
    return Report(**about, figures=figures(cases), cases=cases)
