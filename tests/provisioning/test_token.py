import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.errors import AuthError, ClockError, TokenMalformed
from edgemeet.provisioning import Token


def jwt_of(payload, header=None):
    """A token with any payload, signed by nobody."""

    def part(content):
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    return ".".join((part(header or {"alg": "HS256", "typ": "JWT"}), part(payload), part(b"signature")))


def test_the_claims_are_read(mint):
    text = mint(roomId="abcd-efgh", participantId="door", roles=["rtc"], exp=1_790_000_000)
    token = Token.parse(f"\n {text} \n")
    assert token.reveal() == text
    assert token.expires_at == 1_790_000_000
    assert token.seconds_left(1_789_999_000) == 1000
    claims = token.claims
    assert (claims.room_id, claims.participant_id) == ("abcd-efgh", "door")
    assert (claims.permissions, claims.roles) == (["allow_join"], ["rtc"])


def test_a_token_need_not_say_when_it_ends(mint, now):
    token = Token.parse(mint(exp=None, iat=None))
    assert token.expires_at is None
    assert token.seconds_left(now()) == math.inf
    token.check_times(now())


def test_what_is_shown_is_not_the_token(mint):
    token = Token.parse(mint())
    shown = f"{token} {token!r} {token.claims!r}"
    assert not any(part in shown for part in token.reveal().split("."))


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("", "auth.token_empty", None),
        (" \n", "auth.token_empty", None),
        ("abc", "auth.token_not_jwt", "eyJ"),
        ("a.b.c", "auth.token_not_jwt", "eyJ"),
        ("Bearer " + jwt_of({}), "auth.token_not_jwt", "Bearer"),
        ('{"token": "x"}', "auth.token_not_jwt", "JSON"),
        ("<html>", "auth.token_not_jwt", "web page"),
        (jwt_of([1]), "auth.token_not_jwt", "eyJ"),
        (jwt_of(b"\xff"), "auth.token_not_jwt", "eyJ"),
        (jwt_of(b"[" * 3000), "auth.token_not_jwt", "eyJ"),
        (jwt_of({}) + ".more", "auth.token_not_jwt", "eyJ"),
        ("\ud800.a.b", "auth.token_not_jwt", "eyJ"),
        ("x" * 8193, "auth.token_too_long", None),
        (jwt_of({"exp": "soon"}), "auth.token_claims", None),
        (jwt_of({"exp": True}), "auth.token_claims", None),
        (jwt_of(b'{"exp": NaN}'), "auth.token_claims", None),
        (jwt_of(b'{"exp": 1e999}'), "auth.token_claims", None),
        (jwt_of({"roles": "rtc"}), "auth.token_claims", None),
    ],
)
def test_what_is_no_token_is_told(text, code, hint):
    with pytest.raises(TokenMalformed) as caught:
        Token.parse(text)
    assert caught.value.code == code
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert hint is None or hint in caught.value.hint
    assert "soon" not in caught.value.message


def test_claims_that_do_not_fit_are_named():
    with pytest.raises(TokenMalformed, match=r"iat, roomId$"):
        Token.parse(jwt_of({"iat": "x", "roomId": 7}))


@pytest.mark.parametrize(
    ("claims", "their_clock", "kind", "code"),
    [
        ({"exp": 1}, None, None, None),
        ({"exp": 0}, None, AuthError, "auth.token_expired"),
        ({"exp": -500}, None, AuthError, "auth.token_expired"),
        ({"exp": -500}, -10, AuthError, "auth.token_expired"),
        ({"exp": -500}, -600, ClockError, "clock.ahead"),
        ({"iat": 60}, None, None, None),
        ({"iat": 61}, None, ClockError, "clock.behind"),
        ({"nbf": 61}, None, ClockError, "clock.behind"),
        ({"iat": -5, "nbf": 60}, None, None, None),
        ({"iat": 100, "exp": 50}, None, ClockError, "clock.behind"),
    ],
)
def test_times(now, claims, their_clock, kind, code):
    """All times are seconds from now."""
    token = Token.parse(jwt_of({name: now() + value for name, value in claims.items()}))
    their_clock = None if their_clock is None else now() + their_clock
    if kind is None:
        token.check_times(now(), their_clock=their_clock)
        return
    with pytest.raises(kind) as caught:
        token.check_times(now(), their_clock=their_clock)
    assert type(caught.value) is kind
    assert caught.value.code == code


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
CLAIMS = st.dictionaries(st.sampled_from(["exp", "iat", "nbf", "roomId", "permissions", "roles"]), JSON)
HEADERS = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "b64", "crit"]), JSON)


@given(st.text(max_size=60) | st.builds(jwt_of, CLAIMS | JSON | st.binary(max_size=30), HEADERS | JSON))
def test_any_text_is_a_token_or_refused(text):
    try:
        token = Token.parse(text)
    except TokenMalformed:
        return
    try:
        token.check_times(0.0, their_clock=5.0)
    except (AuthError, ClockError):
        return
    assert token.seconds_left(0.0) > 0
