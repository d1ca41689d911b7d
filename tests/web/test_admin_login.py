"""The way into the operator's pages: the token, the session that begins with it, who guesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from outpour.web.admin.admin_access import SessionBegan, TokenRefused
from outpour.web.admin.admin_sessions import IDLE_S, LIFETIME_S, SESSIONS_MAX
from outpour.web.admin.wrong_tokens import FREE_TRIES, SITES_MAX, WAIT_MAX_S, WrongTokens
from outpour.web.contract import WebOptions

from .admin_site import FORM, TOKEN, Guarded
from .conftest import FakeView, Site

PAGES = ("/admin", "/admin/refusals", "/admin/history", "/admin/events")


@pytest.fixture
def guard(view: FakeView) -> Iterator[Callable[..., Guarded]]:
    made: list[Guarded] = []

    def run(options: WebOptions | None = None) -> Guarded:
        made.append(Guarded.make(view, options))
        return made[-1]

    yield run
    for one in made:
        one.site.close()


@pytest.fixture
def guarded(guard: Callable[..., Guarded]) -> Guarded:
    return guard()


def test_without_a_token_file_there_are_no_such_pages(site: Site):
    for path in (*PAGES, "/admin/login"):
        assert site.get(path).status == 404


def test_strangers_see_the_login_and_nothing_else(guarded: Guarded):
    for path in PAGES:
        answer = guarded.site.get(path)
        assert answer.status == 303
        assert answer.headers["location"].startswith("/admin/login")
        assert answer.body == b""
        for cookie in ("outpour-admin=x", f"outpour-admin-{guarded.site.port}=x"):
            assert guarded.site.get(path, cookie=cookie).status == 303
    page = guarded.site.get("/admin/login")
    assert page.status == 200
    assert "Operator" in page.text
    assert "Refusals" not in page.text


def test_the_token_opens_every_page_by_itself_and_by_a_session(guarded: Guarded):
    cookie = guarded.cookie()
    for path in PAGES:
        for headers in ({"authorization": f"Bearer {TOKEN}"}, {"cookie": cookie}):
            answer = guarded.site.get(path, **headers)
            assert answer.status == 200
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert TOKEN not in answer.text
    assert guarded.told == [SessionBegan("127.0.0.1")]


def test_the_cookie_is_for_these_pages_alone_and_for_no_script_and_no_other_site(guarded: Guarded):
    name, *words = guarded.log_in().headers["set-cookie"].split("; ")
    assert name.startswith(f"outpour-admin-{guarded.site.port}=")
    assert set(words) == {"Path=/admin", f"Max-Age={LIFETIME_S}", "HttpOnly", "SameSite=Strict"}


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        (WebOptions(trusted_proxies=("127.0.0.1/32",)), {"x_forwarded_proto": "https"}),
        (WebOptions(public_url="https://t.example/files"), {"host": "t.example"}),
    ],
)
def test_over_tls_the_cookie_is_sent_over_nothing_else(
    guard: Callable[..., Guarded], options: WebOptions, headers: dict[str, str]
):
    guarded = guard(options)
    words = guarded.log_in(**headers).headers["set-cookie"].split("; ")
    assert "Secure" in words
    assert f"Path={options.prefix}/admin" in words


def test_a_login_leads_to_the_page_that_was_asked_for_and_never_elsewhere(guarded: Guarded):
    asked = guarded.site.get("/admin/history").headers["location"]
    assert asked == "/admin/login?next=%2Fadmin%2Fhistory"
    assert 'name="next" value="/admin/history"' in guarded.site.get(asked).text
    for target, leads in (
        ("/admin/history", "/admin/history"),
        ("https://evil.example/", "/admin"),
        ("//evil.example/", "/admin"),
        ("/admin/logout", "/admin"),
        ("/admin/../torrent", "/admin"),
        ("/admin/\r\nx: y", "/admin"),
    ):
        fields = {"token": TOKEN, "next": target}
        assert guarded.post("/admin/login", fields=fields).headers["location"] == leads


def test_wrong_tokens_are_told_and_slowed_and_nobody_waits_inside(guarded: Guarded):
    for _ in range(FREE_TRIES):
        assert guarded.log_in("wrong").status == 401
    late = guarded.log_in()
    assert late.status == 429
    assert int(late.headers["retry-after"]) >= 1
    assert guarded.site.get("/admin", authorization=f"Bearer {TOKEN}").status == 429
    guarded.now[0] += 2
    assert guarded.log_in("wrong").status == 401
    guarded.now[0] += 1
    assert guarded.log_in().status == 429
    guarded.now[0] += 2
    assert guarded.log_in().status == 303
    for _ in range(FREE_TRIES - 1):
        assert guarded.log_in("wrong").status == 401
    assert guarded.log_in().status == 303
    refused = [event for event in guarded.told if isinstance(event, TokenRefused)]
    assert [(event.in_a_row, event.tries) for event in refused] == [(1, 1), (4, 3), (1, 1)]
    assert "4 times in a row" in str(refused[1])
    assert not any("wrong-token" in str(event) for event in guarded.told)


def test_a_session_that_is_open_does_not_wait_for_who_guesses_beside_it(guarded: Guarded):
    cookie = guarded.cookie()
    for _ in range(FREE_TRIES):
        guarded.log_in("wrong")
    assert guarded.log_in().status == 429
    assert guarded.site.get("/admin", cookie=cookie).status == 200


def test_the_wait_doubles_up_to_a_minute_and_the_table_is_bounded():
    wrong = WrongTokens()
    waits = []
    for _ in range(20):
        wrong.failed("a", 0.0)
        waits.append(wrong.wait_s("a", 0.0))
    assert waits[:FREE_TRIES] == [0.0, 0.0, 1.0]
    assert waits[FREE_TRIES : FREE_TRIES + 3] == [2.0, 4.0, 8.0]
    assert waits[-1] == WAIT_MAX_S
    assert wrong.wait_s("b", 0.0) == 0.0
    for number in range(2 * SITES_MAX):
        wrong.failed(str(number), 0.0)
    assert len(wrong) == SITES_MAX


def test_a_session_ends_in_time_with_its_token_and_by_logging_out(guarded: Guarded):
    cookie = guarded.cookie()
    guarded.now[0] += IDLE_S + 1
    assert guarded.site.get("/admin", cookie=cookie).status == 303
    cookie = guarded.cookie()
    for _ in range(int(LIFETIME_S // IDLE_S)):
        guarded.now[0] += IDLE_S - 1
        assert guarded.site.get("/admin", cookie=cookie).status == 200
    guarded.now[0] += IDLE_S - 1
    assert guarded.site.get("/admin", cookie=cookie).status == 303
    cookie = guarded.cookie()
    guarded.token[0] = "another-token-of-the-administrator"
    assert guarded.site.get("/admin", cookie=cookie).status == 303
    guarded.token[0] = TOKEN
    cookie = guarded.cookie()
    fields = {"form_key": guarded.form_key(cookie)}
    gone = guarded.post("/admin/logout", cookie, fields)
    assert gone.status == 303
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert guarded.site.get("/admin", cookie=cookie).status == 303


def test_one_session_too_many_ends_the_oldest(guarded: Guarded):
    first, second = guarded.cookie(), guarded.cookie()
    for _ in range(SESSIONS_MAX - 1):
        guarded.cookie()
    assert guarded.site.get("/admin", cookie=first).status == 303
    assert guarded.site.get("/admin", cookie=second).status == 200


def test_a_form_of_another_site_changes_nothing(guarded: Guarded):
    cookie = guarded.cookie()
    form_key = guarded.form_key(cookie)
    other = guarded.form_key(guarded.cookie())
    for fields, headers in (
        ({}, {}),
        ({"form_key": "x"}, {}),
        ({"form_key": other}, {}),
        ({"form_key": form_key}, {"sec_fetch_site": "cross-site"}),
        ({"form_key": form_key}, {"sec_fetch_site": "same-site"}),
    ):
        assert guarded.post("/admin/logout", cookie, fields, **headers).status == 403
        assert guarded.site.get("/admin", cookie=cookie).status == 200
    assert guarded.log_in(sec_fetch_site="cross-site").status == 403
    fields = {"form_key": form_key}
    assert guarded.post("/admin/logout", cookie, fields, sec_fetch_site="same-origin").status == 303


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("token=%ff%fe", FORM, 401),
        ("a=1&" * 1000, FORM, 400),
        ("x" * 20_000, FORM, 413),
        ("token=" + TOKEN, "text/plain", 415),
        ("--b\r\n\r\n", "multipart/form-data", 400),
        ("--b\r\nContent-Disposition: form-data; name=token\r\n\r\nx\r\n--b--\r\n",
         "multipart/form-data; boundary=b", 401),
        (f'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n{TOKEN}\r\n--b--\r\n',
         "multipart/form-data; boundary=b", 303),
        ("", "multipart/form-data; boundary=" + "b" * 5000, 400),
    ],
)  # fmt: skip
def test_strange_forms_are_refused(guarded: Guarded, body: str, content_type: str, status: int):
    assert guarded.post("/admin/login", fields=body, content_type=content_type).status == status
    assert guarded.site.get("/admin/login").status == 200
