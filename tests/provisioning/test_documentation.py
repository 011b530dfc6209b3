import re
from pathlib import Path

import httpx
from pydantic import SecretStr

from edgemeet.provisioning import MeetingSource, Provisioner, ProvisioningOptions, SignedToken

GUIDE = Path(__file__).parents[2] / "docs" / "provisioning.md"


async def test_the_token_server_of_the_guide_works(monkeypatch):
    for name, value in {"API_KEY": "k", "API_SECRET": "s" * 32, "MEETING_ID": "abcd-efgh"}.items():
        monkeypatch.setenv(name, value)
    names = {}
    exec(re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)[1], names)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(names["app"])) as client:
        options = ProvisioningOptions(url="http://guide.invalid/get-token")
        admission = await Provisioner(options, MeetingSource("provisioned"), client, "door").admit()
    assert admission.meeting_id == "abcd-efgh"
    signed = await SignedToken(SecretStr("k"), SecretStr("s" * 32)).fetch(
        meeting_id=None, participant_id="door"
    )
    ours, theirs = (vars(token.claims) for token in (signed.token, admission.token))
    times = {"exp", "iat", "nbf"}
    assert {k: v for k, v in theirs.items() if k not in times} == {
        k: v for k, v in ours.items() if k not in times
    }
