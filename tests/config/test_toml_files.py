from __future__ import annotations

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgemeet.config import ConfigInvalid, Settings, load
from edgemeet.config.keys import keys
from edgemeet.errors import ConfigError

BROKEN = [
    ("[camera]\nwidth 640", "line 2, column 7", 'a key must be followed by "="'),
    ("[camera\nwidth = 640", "line 1, column 8", 'the name of a table must end with "]"'),
    ("[[camera]\nwidth = 640", "line 1, column 9", 'the name of a list of tables must end with "]]"'),
    ("a = 1 b = 2", "line 1, column 7", "only one key and its value may stand on a line"),
    (
        'a = "x\nb = 1',
        "line 1, column 7",
        "this character may not stand here; a text may lack its closing quote",
    ),
    ('a = "x', "line 1, column 7", "a text lacks its closing quote"),
    ("a = 'x", "line 1, column 7", "a text lacks its closing quote"),
    ("a = '''x", "line 1, column 9", "a text lacks its closing quote"),
    ("# \x01", "line 1, column 3", "this character may not stand here"),
    ("= 1", "line 1, column 1", "a line must be a key with a value, a table or a comment"),
    ("a.= 1", "line 1, column 3", "a key must begin with a letter, a digit or a quote"),
    ("a = 1\na = 2", "line 2, column 6", "this key is there twice"),
    ("a = {b = 1, b = 2}", "line 1, column 18", "this key is there twice"),
    ("[a]\n[a]", "line 2, column 3", "this table is there twice"),
    ("a = {}\n[a.b]", "line 2, column 5", None),
    ('a = "C:\\x"', "line 1, column 10", "a backslash in a text in double quotes must be doubled"),
    ("a = [1", "line 1, column 7", 'a list lacks its closing "]"'),
    ("a = {b = 1", "line 1, column 11", 'an inline table lacks its closing "}"'),
    ('a = "\\u12"', "line 1, column 8", "hexadecimal digits must follow \\u"),
    ('a = "\\ud800"', "line 1, column 12", "this \\u escape names no character"),
    ("a = 2025-02-30", "line 1, column 5", "this date does not exist"),
    (
        "[meeting]\nname = camera\n",
        "line 2, column 8",
        "a value must be a number, true, false, a list, or a text in quotes",
    ),
]


@pytest.mark.parametrize(("text", "place", "problem"), BROKEN, ids=[repr(text) for text, *_ in BROKEN])
def test_broken_toml_is_told_with_line_column_and_reason(faults, text, place, problem):
    (line,) = faults(text)
    if problem is None:  # Python's versions see it differently
        assert line.startswith("FILE: line 2, column ")
    else:
        assert line == f"FILE: {place}: this is not valid TOML: {problem}"


@pytest.mark.parametrize(("text", "code"), [("[camera", "config.syntax"), ("camera = 5", "config.invalid")])
def test_broken_toml_has_a_code_of_its_own(config_file, text, code):
    config_file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(config_file, environ={})
    assert raised.value.code == code


def test_what_is_not_utf_8_is_told_with_its_place(config_file):
    config_file.write_bytes(b'[meeting]\nname = "K\xfcche"\n')
    with pytest.raises(ConfigError, match="line 2, column 10: this is not UTF-8 text") as raised:
        load(config_file, environ={})
    assert raised.value.code == "config.syntax"


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{b = " * 100_000,
        "a = " + "9" * 10_000,
        "a." * 2_000 + "a = 1",
        "[" + "a." * 2_000 + "a]",
        "meeting.metadata." + "a." * 1000 + "a = 1",
        "a = " + "[" * 40 + "]" * 40,
    ],
    ids=["lists", "tables", "digits", "dotted", "dotted table", "metadata", "forty lists"],
)
def test_endless_things_are_faults(faults, text):
    (line,) = faults(text)
    assert line in {
        "FILE: a number has too many digits, or lists are nested too deeply",
        "FILE: tables and lists may be nested 32 deep, not more",
    }


def test_a_drop_in_with_an_odd_name_is_told_in_one_line(faults, needed, config_file):
    config_file.with_suffix(".d").mkdir()
    (config_file.with_suffix(".d") / "a\n\udcff.toml").write_text("[")
    (line,) = faults(needed)
    assert line.startswith(f"{config_file.with_suffix('.d')}/a\\n\\udcff.toml: line 1, column 2: ")


# Pieces of the language, so that much of the junk is TOML and some of it is nearly a configuration.
PIECES = st.sampled_from(
    [
        *"[]{}=.,\"'#\n\\ -+_",
        *("[meeting]\n", "[[camera]]\n", "[provisioning]\n", "[meeting.metadata]\n", "'''", '"""'),
        *(
            "meeting",
            "camera",
            "provisioning",
            "metadata",
            "id",
            "token",
            "width",
            "state_directory",
            "_env_file",
        ),
        *(
            " = ",
            "true",
            "1",
            "1e400",
            "nan",
            "-inf",
            "0x1F",
            "2025-01-01",
            "07:00:00",
            "2025-01-01T00:00:00Z",
        ),
        *('"a-b-c"', '"\\ud800"', '"\\u0000"', '"/x"', "''", '"https://x"', "9" * 30),
    ]
)
JUNK = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode()),
)


@settings(max_examples=120, deadline=None)
@given(JUNK, JUNK)
def test_junk_raises_config_errors_only(junk, drop_in):
    with TemporaryDirectory() as directory:
        file = Path(directory, "edgemeet.toml")
        file.write_bytes(junk)
        file.with_suffix(".d").mkdir()
        Path(directory, "edgemeet.d", "a.toml").write_bytes(drop_in)
        _load_or_config_error(file, {})


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=10),
        st.dates(),
        st.times(),
        st.datetimes(),
        st.sampled_from(["h264", "fixed", "a-b-c", "https://x", "/x", "", "test"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from([*Settings.model_fields, *(key.path[-1] for key in keys().values())])


@settings(max_examples=120, deadline=None)
@given(document=st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=4), max_size=5))
def test_any_value_at_any_key_raises_config_errors_only(document):
    text = "\n".join(f"{name} = {_toml(value)}" for name, value in document.items())
    assert tomllib.loads(text).keys() == document.keys()
    with TemporaryDirectory() as directory:
        file = Path(directory, "edgemeet.toml")
        file.write_text(text)
        _load_or_config_error(file, {})


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{_toml(name)} = {_toml(entry)}" for name, entry in value.items()) + "}"
        case int() | float():
            return repr(value)
        case _:
            return value.isoformat()  # type: ignore[attr-defined]  # dates and times


TEXTS = st.text(st.characters(exclude_characters="\x00"), max_size=20)


@settings(max_examples=120, deadline=None)
@given(
    environ=st.dictionaries(
        st.builds(lambda *names: "EDGEMEET_" + "__".join(names).upper(), NAMES, NAMES, NAMES | TEXTS)
        | st.builds(lambda *names: "EDGEMEET_" + "__".join(names).upper(), NAMES, NAMES)
        | TEXTS.map("EDGEMEET_".__add__)
        | st.sampled_from(["STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "HOME"]),
        TEXTS | VALUES.map(repr) | st.sampled_from(["[" * 5000, '{"a": "\\ud800"}', '{"a": null}', "\udcff"]),
        max_size=5,
    )
)
def test_any_environment_raises_config_errors_only(environ):
    with TemporaryDirectory() as directory:
        file = Path(directory, "edgemeet.toml")
        file.write_text('[meeting]\nid = "a-b-c"\n[provisioning]\ntoken = "x"\n')
        _load_or_config_error(file, environ)


def _load_or_config_error(file: Path, environ: dict[str, str]) -> None:
    """Fails by any other exception that `load` lets through."""
    found = None
    try:
        load(file, environ=environ)
    except ConfigInvalid as error:
        found = error
    if found is not None:
        assert found.code in {"config.invalid", "config.syntax", "config.unreadable"}
        # One fault is one line, whatever names the junk brought.
        assert [fault for fault in found.faults if "\n" in str(fault)] == []
        assert found.faults
