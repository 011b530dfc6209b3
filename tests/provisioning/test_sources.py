import jwt
import pytest
from pydantic import SecretStr

from edgemeet.errors import AuthError, ClockError, ConfigError, TokenMalformed
from edgemeet.provisioning import FileToken, SignedToken, StaticToken

SECRET = "0123456789abcdef0123456789abcdef"
ASKER = {"meeting_id": "abcd-efgh", "participant_id": "door"}


def claims_of(token):
    return jwt.decode(
        token.reveal(), SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
    )


async def test_a_static_token(mint, now):
    text = mint()
    source = StaticToken(SecretStr(text), wall_clock=now)
    assert (await source.fetch(**ASKER)).token.reveal() == text
    assert (await source.fetch_for_rooms(participant_id="door")).reveal() == text


async def test_a_static_token_ends(mint, now):
    source = StaticToken(SecretStr(mint()), wall_clock=lambda: now() + 601)
    with pytest.raises(AuthError) as caught:
        await source.fetch(**ASKER)
    assert caught.value.code == "auth.token_expired"


async def test_a_file_is_read_anew(tmp_path, mint, now):
    path = tmp_path / "token"
    source = FileToken(path, wall_clock=now)
    for text in (mint(participantId="one"), mint(participantId="two")):
        path.write_text(text + "\n")
        assert (await source.fetch(**ASKER)).token.reveal() == text


async def test_a_file_that_cannot_be_read(tmp_path, now):
    with pytest.raises(AuthError) as caught:
        await FileToken(tmp_path / "none", wall_clock=now).fetch(**ASKER)
    assert caught.value.code == "auth.token_file"
    assert "none cannot be read: No such file" in caught.value.message


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "auth.token_empty"), (b"\xff\x00", "auth.token_not_jwt"), (b"x" * 10_000, "auth.token_too_long")],
)
async def test_a_file_without_a_token(tmp_path, now, content, code):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(TokenMalformed) as caught:
        await FileToken(path, wall_clock=now).fetch_for_rooms(participant_id="door")
    assert caught.value.code == code


@pytest.fixture
def signer(now):
    return SignedToken(SecretStr("the-key"), SecretStr(SECRET), ttl=900, wall_clock=now)


async def test_a_signed_token_can_join_one_meeting_as_one_participant(signer, now):
    grant = await signer.fetch(**ASKER)
    assert claims_of(grant.token) == {
        "apikey": "the-key",
        "permissions": ["allow_join"],
        "version": 2,
        "roles": ["rtc"],
        "roomId": "abcd-efgh",
        "participantId": "door",
        "iat": int(now()),
        "exp": int(now()) + 900,
    }
    assert grant.meeting_id is None


async def test_a_signed_token_for_the_rooms_api_cannot_join(signer, now):
    claims = claims_of(await signer.fetch_for_rooms(participant_id="door"))
    assert claims["roles"] == ["crawler"]
    assert claims["exp"] == int(now()) + 60
    assert "roomId" not in claims


async def test_an_unset_clock_signs_nothing():
    signer = SignedToken(SecretStr("k"), SecretStr(SECRET), wall_clock=lambda: 120.0)
    with pytest.raises(ClockError) as caught:
        await signer.fetch(**ASKER)
    assert caught.value.code == "clock.behind"


@pytest.mark.parametrize("secret", ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
async def test_a_secret_of_another_kind(now, secret):
    signer = SignedToken(SecretStr("k"), SecretStr(secret), wall_clock=now)
    with pytest.raises(ConfigError) as caught:
        await signer.fetch(**ASKER)
    assert caught.value.code == "config.api_secret"
