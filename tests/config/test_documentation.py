"""The example file and the document say what the model says."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edgemeet.config import ConfigInvalid, load
from edgemeet.config.keys import keys
from edgemeet.config.reference import tables

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "edgemeet.toml"
DOCUMENT = ROOT / "docs" / "configuration.md"


def test_the_document_holds_the_tables_of_the_model():
    assert DOCUMENT.read_text().endswith("\n" + tables()), (
        "run `python -m edgemeet.config.reference` and put its output at the end of docs/configuration.md"
    )


def test_the_tables_hold_every_key():
    for key in keys().values():
        assert f"| `{key.path[-1]}` |" in tables()
        assert key.description


def test_the_codes_in_the_document_are_those_of_the_sources():
    sources = "".join(path.read_text() for path in (ROOT / "edgemeet" / "config").glob("*.py"))
    in_sources = set(re.findall(r'"(config\.[a-z_]+)"', sources))
    assert set(re.findall(r"^\| `(config\.\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)) == in_sources


def test_the_example_as_it_is_lacks_what_only_its_reader_knows():
    with pytest.raises(ConfigInvalid) as raised:
        load(EXAMPLE, environ={})
    assert [fault.key for fault in raised.value.faults] == ["meeting.id", "provisioning"]


def test_the_example_with_id_and_url_filled_in_is_all_defaults(tmp_path, needed):
    filled = EXAMPLE.read_text()
    for line, value in (("id", "abcd-efgh-ijkl"), ("url", "https://example.com/get-token")):
        assert filled.count(f'\n{line} = ""\n') == 1
        filled = filled.replace(f'\n{line} = ""\n', f'\n{line} = "{value}"\n')
    (tmp_path / "example.toml").write_text(filled)
    (tmp_path / "least.toml").write_text(needed)
    assert load(tmp_path / "example.toml", environ={}) == load(tmp_path / "least.toml", environ={})


def uncommented() -> str:
    return re.sub(r"^#(?=[a-z_]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def test_the_example_has_every_key_with_its_default():
    document = tomllib.loads(uncommented())
    flat = {
        ((name, inner) if isinstance(value, dict) else (name,)): (value[inner] if inner else value)
        for name, value in document.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    assert sorted(flat) == sorted(keys())
    for path, value in flat.items():
        default = keys()[path].default
        if default is not None:
            assert (str(value), type(value)) == (str(default), type(default)) or str(value) == str(default)


def test_the_examples_of_the_example_are_good_values(tmp_path):
    # All at once they are no configuration: there are four ways to get a token. Each value is good, though.
    (tmp_path / "edgemeet.toml").write_text(uncommented())
    with pytest.raises(ConfigInvalid) as raised:
        load(tmp_path / "edgemeet.toml", environ={})
    assert {fault.key for fault in raised.value.faults} == {
        "meeting.id",
        "meeting.protocol",  # "native" makes no use of the table whip
        "provisioning.api_key",  # one way to get a token, not three
        "provisioning.auth",  # a bearer that is not sent
    }


def test_the_module_prints_the_tables():
    printed = subprocess.run(
        [sys.executable, "-m", "edgemeet.config.reference"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert printed.stdout == tables()


def test_importing_the_room_brings_none_that_stands_above_it():
    program = (
        "import sys, edgemeet.config; print(*(name for name in sys.modules if name.startswith('edgemeet')))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    others = {
        name
        for name in printed.stdout.split()
        if not name.startswith(("edgemeet.config", "edgemeet.errors", "edgemeet.places"))
    }
    assert others == {"edgemeet"}
    assert "edgemeet.config.reference" not in printed.stdout
