"""Whatever comes, it is an answer or an error of ours."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigging.web_server import WHAT, listening

from edgemeet.errors import (
    EdgemeetError,
)
from edgemeet.rest import exchange, new_client


@given(
    raw=st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda status, head, body: b"HTTP/1.1 %d X\r\n%s\r\n\r\n%s" % (status, head, body),
            st.integers(100, 699),
            st.sampled_from([b"", b"Retry-After", b"Date: x", b"Location: http://[", b"Location: \xff/"])
            | st.binary(max_size=40),
            st.binary(max_size=60)
            | st.sampled_from([b'{"a": NaN}', b"{}", b"\xef\xbb\xbf{}", b'{"\\ud800": 1}']),
        ),
    )
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_end_in_an_answer_or_an_error_of_ours(fuzz_runner, raw):
    fuzz_runner(raw)


@pytest.fixture(scope="module")
def fuzz_runner():
    current = b""

    async def answer(head, body, writer):
        writer.write(current)

    async def once(raw):
        nonlocal current
        current = raw
        with contextlib.suppress(EdgemeetError):
            await exchange(client, "GET", url, what=WHAT, timeout=10)

    with asyncio.Runner() as runner:
        server = listening(answer)
        client = new_client()
        url = runner.run(server.__aenter__())
        yield lambda raw: runner.run(once(raw))
        runner.run(client.aclose())
        runner.run(server.__aexit__(None, None, None))
