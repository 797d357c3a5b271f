"""A browser without scripts: it follows links and fills in forms."""

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pytest

VOID_ELEMENTS = {"meta", "link", "input", "br", "img", "hr"}
BROWSER_HEADERS = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Form:
    """A form as the page has it; `fields` can be changed before it is sent."""

    action: str
    method: str
    encoding: str
    fields: dict[str, str]


class Page(HTMLParser):
    """What of a page can be read or used."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = text
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.controls: list[dict[str, Any]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.refresh = False
        self._select = ""
        self.feed(text)
        assert not self.open, f"not closed: {self.open}"

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        assert not any(name.startswith("on") or name == "style" for name in values), f"inline code in <{tag}>"
        assert tag != "style", "inline code"
        assert tag != "script" or values.get("src", "").startswith("/static/"), "inline code"
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "label" and "for" in values:
            self.labels.add(values["for"])
        if tag == "meta" and values.get("http-equiv") == "refresh":
            self.refresh = True
        if tag == "form":
            encoding = values.get("enctype", "application/x-www-form-urlencoded")
            self.forms.append(Form(values["action"], values["method"], encoding, {}))
        self._control(tag, values)

    def _control(self, tag, values):
        if tag in ("input", "select") and values.get("type") != "hidden":
            self.controls.append(values | {"inside label": "label" in self.open})
        if tag == "input" and (values.get("type") not in ("checkbox", "radio") or "checked" in values):
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        if tag == "select":
            self._select = values["name"]
        if tag == "option" and ("selected" in values or self._select not in self.forms[-1].fields):
            self.forms[-1].fields[self._select] = values["value"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "title" not in self.open:
            self.words.append(data)

    def form(self, action: str) -> Form:
        (found,) = [form for form in self.forms if action in form.action]
        return found


class Visitor:
    """Keeps the page it is on, as `page`, and its address, as `path`."""

    def __init__(self, client) -> None:
        self.client, self.path, self.status = client, "", 0

    def visit(self, path: str) -> Page:
        self._arrive(self.client.get(path, headers=BROWSER_HEADERS, follow_redirects=True))
        return self.page

    def send(self, form: Form, **changes: Any) -> Page:
        fields = {name: value for name, value in (form.fields | changes).items() if value is not None}
        if form.method == "get":
            answer = self.client.get(form.action.split("#")[0], query_string=fields, headers=BROWSER_HEADERS)
        else:
            answer = self.client.post(
                form.action, data=fields, content_type=form.encoding, headers=BROWSER_HEADERS, follow_redirects=True
            )
        self._arrive(answer)
        return self.page

    def _arrive(self, answer) -> None:
        assert answer.mimetype == "text/html"
        self.path, self.status = answer.request.path, answer.status_code
        self.page = Page(answer.text)
        assert len(self.page.ids) == len(set(self.page.ids)), "an id is there twice"
        for control in self.page.controls:
            assert control["inside label"] or control.get("id") in self.page.labels, f"no label: {control}"


@pytest.fixture
def visitor(client) -> Visitor:
    return Visitor(client)
