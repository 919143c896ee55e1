"""What Python's jsonschema says of schema.json and the files in reports/, in the working directory.

Also writes a report with one wrong value for each line of SPOILT to spoilt/, and makes sure that it
is refused.
"""

import copy
import json
import pathlib

from jsonschema import Draft202012Validator, FormatChecker

# The verdict of the finding, or None for the report; the field; the wrong value.
SPOILT = [
    (None, ["summary", "coverage"], 7),
    (None, ["summary", "exit_code"], 5),
    (None, ["run", "duration_ms"], -1),
    (None, ["run", "started_at"], "yesterday"),
    (None, ["deployment", "nodes", 0, "addresses", 0], "203.0.113.300"),
    (None, ["observations", 0, "facts"], None),
    (None, ["observations", 0, "blind"], {"why": "local", "words": "no"}),
    (None, ["observations", 0, "facts"], {"kind": "udp"}),
    ("fail", ["confidence"], None),
    ("fail", ["confidence"], "uncontradicted"),
    ("fail", ["remedy"], None),
    ("fail", ["fingerprint"], "abc"),
    ("fail", ["reason_code"], "no code"),
    ("fail", ["target", "port"], 65536),
    ("pass", ["confidence"], "suspected"),
    ("pass", ["inconclusive_kind"], "unsettled"),
    ("inconclusive", ["inconclusive_kind"], None),
    ("inconclusive", ["confidence"], "proven"),
]


def spoil(report, verdict, place, value):
    """The report with the value at the place, which must be there."""
    part = spoilt = copy.deepcopy(report)
    if verdict:
        part = next(finding for finding in spoilt["findings"] if finding["verdict"] == verdict)
    *way, last = place
    for step in way:
        part = part[step]
    assert part[last] != value
    part[last] = value
    return spoilt


def main():
    schema = json.loads(pathlib.Path("schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    for path in sorted(pathlib.Path("reports").iterdir()):
        for error in validator.iter_errors(json.loads(path.read_text())):
            raise SystemExit(f"{path}: {error.json_path}: {error.message}")
    broken = json.loads(pathlib.Path("reports/fault-turn-backend-down.json").read_text())
    for number, (verdict, place, value) in enumerate(SPOILT):
        report = spoil(broken, verdict, place, value)
        if validator.is_valid(report):
            raise SystemExit(f"{verdict or 'report'} with {place} = {value!r} is accepted")
        pathlib.Path(f"spoilt/{number}.json").write_text(json.dumps(report))


main()
