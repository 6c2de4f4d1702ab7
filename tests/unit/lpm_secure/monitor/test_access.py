"""Who gets an answer: whoever has the token, under a name of this machine; headers keep pages to themselves."""

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse

from lpm_secure.monitor.access import AccessGate, new_token

TOKEN = "a-token"
HOST = "127.0.0.1:8000"


def get(path, *, host=HOST, cookie=None, open_paths=("/open",)):
    app = PlainTextResponse("inside")
    gate = AccessGate(
        app, TOKEN, frozenset({HOST, "localhost:8000"}), cookie="lpm-8000", open_paths=frozenset(open_paths)
    )

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=f"http://{HOST}") as client:
            headers = {"host": host} | ({"cookie": f"lpm-8000={cookie}"} if cookie is not None else {})
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def test_the_first_address_sets_a_cookie_that_no_script_and_no_other_site_has_and_the_token_leaves_the_address():
    answer = get(f"/runs/x?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/x")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"lpm-8000={TOKEN};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert get("/runs/x", cookie=TOKEN).text == "inside"
    assert get(f"http://{HOST}//evil.example/?token={TOKEN}").headers["location"] == "/evil.example/"


@pytest.mark.parametrize("cookie", [None, "", "a-toke", "a-token2"])
def test_without_the_token_there_is_no_answer(cookie):
    answer = get("/", cookie=cookie)
    assert answer.status_code == 401
    assert "inside" not in answer.text
    assert TOKEN not in answer.text
    assert get("/?token=wrong").status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "localhost.evil.example:8000", ""]
)
def test_another_name_that_points_to_this_machine_gets_no_answer_even_with_the_token(host):
    assert get("/", host=host, cookie=TOKEN).status_code == 421
    assert get(f"/?token={TOKEN}", host=host).status_code == 421
    assert get("/open", host=host).status_code == 421


def test_what_everybody_has_needs_no_token():
    assert get("/open").text == "inside"
    assert get("/open/other").status_code == 401


def test_every_answer_keeps_pages_to_themselves():
    for answer in (get("/", cookie=TOKEN), get("/"), get("/", host="evil.example")):
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


def test_tokens_are_long_and_differ_and_are_not_shown():
    assert len({new_token() for _ in range(10)}) == 10
    assert len(new_token()) >= 43
    assert TOKEN not in repr(AccessGate(PlainTextResponse(""), TOKEN, frozenset()))
