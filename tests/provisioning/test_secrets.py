"""No secret gets into an error, however the other side throws it back."""

import asyncio
import string
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from edgemeet.errors import EdgemeetError
from edgemeet.provisioning import MeetingSource, Provisioner, ProvisioningOptions, Rooms, Token
from edgemeet.rest import new_client

# Each answer throws the secret back in another way.
ECHOES = (
    lambda secret: (401, {"message": f"unknown bearer {secret}"}, {}),
    lambda secret: (400, {"code": 4002, "error": f"bad token {secret}"}, {}),
    lambda secret: (400, {"message": secret, "error": secret}, {}),
    lambda secret: (403, secret.encode(), {}),
    lambda secret: (404, {"msg": f"room {secret}"}, {}),
    lambda secret: (500, {"message": secret}, {}),
    lambda secret: (429, {"message": secret}, {"Retry-After": secret}),
    lambda secret: (200, f"<html>{secret}".encode(), {}),
    lambda secret: (200, secret.encode(), {}),
    lambda secret: (200, [secret], {}),
    lambda secret: (200, {secret: secret}, {}),
    lambda secret: (200, {"token": {secret: 1}, "roomId": [secret]}, {}),
    lambda secret: (200, {"token": f"{secret}.{secret}.{secret}"}, {}),
    lambda secret: (200, {"token": f"Bearer {secret}", "metadata": secret}, {}),
    lambda secret: (200, {"roomId": f"{secret}/{secret}"}, {}),
    lambda secret: (302, b"", {"Location": f"http://elsewhere.invalid/{secret}?token={secret}"}),
    lambda secret: (f"200 OK\r\n{secret}", b"", {}),  # a header line without a colon
    lambda secret: (f"{secret} ", b"", {}),  # no status
)

# Visible ASCII, as the settings demand, with signs around it that no message of ours holds.
VISIBLE = string.ascii_letters + string.digits + string.punctuation
SECRETS = st.text(alphabet=VISIBLE, min_size=4, max_size=60).map("zQ~{}~Qz".format)


def shown(error):
    return "\n".join(
        [str(error), repr(error), repr(error.args), str(error.hint), *traceback.format_exception(error)]
    )


@pytest.fixture
def loop(new_server):
    """A server and a client that outlive the examples of one test."""
    with asyncio.Runner() as runner:
        server = runner.run(new_server().__aenter__())
        client = new_client()

        async def fails(attempt):
            with pytest.raises(EdgemeetError) as caught:
                await attempt
            return caught.value

        yield server, client, lambda attempt: runner.run(fails(attempt))
        runner.run(client.aclose())
        runner.run(server.__aexit__())


@pytest.mark.parametrize("echo", ECHOES)
def test_the_bearer(loop, echo):
    server, client, fails = loop

    @settings(max_examples=15, deadline=None)
    @given(SECRETS)
    def check(secret):
        server.answers = [echo(secret)]
        options = ProvisioningOptions(url=server.url, auth="bearer", bearer=SecretStr(secret))
        meeting = MeetingSource("fixed", id="abcd")
        assert secret not in repr(options)
        assert secret not in shown(fails(Provisioner(options, meeting, client, "door").admit()))

    check()


@pytest.mark.parametrize("echo", ECHOES)
def test_the_token(loop, echo, mint):
    server, client, fails = loop
    token = Token.parse(mint(roomId="abcd"))
    server.answers = [echo(token.reveal())]
    for attempt in (
        Rooms(client, server.url).validate(token, "abcd"),
        Rooms(client, server.url).create(token),
    ):
        text = shown(fails(attempt))
        assert not any(part in text for part in token.reveal().split("."))


@pytest.mark.parametrize("secret", ["hushhush\n", "hush\x00hush", "hüshhush"])
def test_a_bearer_that_cannot_be_sent(loop, secret):
    server, client, fails = loop
    server.answers = [(200, {}, {})]
    options = ProvisioningOptions(url=server.url, auth="bearer", bearer=SecretStr(secret))
    error = fails(Provisioner(options, MeetingSource("fixed", id="abcd"), client, "door").admit())
    assert error.code == "config.header"
    assert "sh" + "hush" not in shown(error)


def test_the_api_secret(loop):
    _, client, fails = loop
    secret = "-----BEGIN PUBLIC KEY-----\nhushhush\n-----END PUBLIC KEY-----"
    options = ProvisioningOptions(api_key=SecretStr("the-api-key"), api_secret=SecretStr(secret))
    text = shown(fails(Provisioner(options, MeetingSource("fixed", id="abcd"), client, "door").admit()))
    assert "the-api-key" not in text + repr(options)
    assert "sh" + "hush" not in text + repr(options)
