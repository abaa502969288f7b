"""Pages about functions: what is on them, and that nothing on them runs."""

from __future__ import annotations

import html
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import browser
from browser import seen
from keras_stablef.generator.cli import main
from keras_stablef.generator.errors import GeneratorError
from keras_stablef.generator.formula.catalogue import load_catalogue
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pages.page import Facts
from keras_stablef.generator.pages.page import Line
from keras_stablef.generator.pages.page import function_page
from keras_stablef.generator.pages.page import index_page
from keras_stablef.generator.words import floatline
from keras_stablef.generator.words import typeset

import keras_stablef as ks
from keras_stablef import _report

pytestmark = pytest.mark.once
SECTIONS = ("bounds", "graph", "errors", "pieces", "certificate", "speed")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floatline, "POINTS", 60)
    monkeypatch.setattr(floatline, "SEAMS", 4)


class Page(HTMLParser):
    """Ids, tags and addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.events: list[str] = []
        self.feed(text)

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            if name in ("href", "src"):
                self.addresses.append(value or "")
            if name.startswith("on"):
                self.events.append(name)


# An op, the dtype asked for, what its page says, and the formats drawn.
REPORTS = [
    (lambda: ks.ops.stablef, None, ("Mean of the", "1.9425", "in float32")),
    (
        lambda: ks.ops.log1prel.derivative(),
        "bfloat16",
        ("log1prel'", "of f' and f'' in bfloat16", "derivative()"),
    ),
    (
        lambda: ks.stabilize("2*x+1", (-1, 3), name="line"),
        "float64",
        (
            "line",
            "-1 ≤ x ≤ 3",
            "ks.stabilize('2*x+1', ('-1', '3'), name='line')",
        ),
    ),
]


@pytest.mark.parametrize(("op", "dtype", "said"), REPORTS)
def test_a_page_says_all(
    op: Any,
    dtype: str | None,
    said: tuple[str, ...],
    tmp_path: Path,
    quick: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = tmp_path / "performance.json"
    monkeypatch.setattr("keras_stablef._report.MEASURED", absent)
    made = op()
    made.report(tmp_path / "a.html", dtype)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    page = Page(text)
    assert {*SECTIONS, "source", "name"} <= page.ids
    assert "script" not in page.tags and not page.events
    assert all(a.startswith("data:") for a in page.addresses)
    for words in (*said, made.expression, "Not measured here"):
        assert words in html.unescape(text), words


def test_pages_lie_where_pages_can_lie(tmp_path: Path) -> None:
    for path, expected in (
        (tmp_path / "a.txt", r"ends in \.html.*received"),
        (tmp_path / "no" / "a.html", "expected a folder"),
        (None, "expected a path"),
    ):
        with pytest.raises(GeneratorError, match=expected):
            ks.ops.stablef.report(path)
    with pytest.raises(ValueError, match=r"expected one of.*float32"):
        ks.ops.stablef.report(tmp_path / "a.html", "float31")
    assert list(tmp_path.iterdir()) == []


def test_speed_is_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = '{"part": "catalogue", "name": "f", "backend": "jax", "mode": "jit",'
    row += ' "dtype": "float32", "cpu": 0.5, "cpu spread": %s}'
    monkeypatch.setattr(_report, "MEASURED", tmp_path / "a.json")
    read = _report._speed
    assert read("f") == []
    for text, found in (
        (f"[{row}]" % "0.25", [("jax", "jit", "float32", 0.5, 0.25)]),
        (f"[{row}]" % "NaN", []),
        (f"[{row}" % "0.25", []),
        ("[3]", []),
        ("{}", []),
    ):
        (tmp_path / "a.json").write_text(text)
        assert read("f") == found and read("g") == []


HOSTILE = "</style><script>alert(1)</script><img src=x onerror=a()>'\"{{7*7}}"


def facts(**given: Any) -> Facts:
    plain: dict[str, Any] = {
        "order": 0,
        "bounds": {HOSTILE: [1.0, 1.0, 1.0]},
        "errors": b"",
        "assumed": [(HOSTILE, HOSTILE)],
        "speed": [(HOSTILE, HOSTILE, HOSTILE, 1.0, 0.5)],
        "source": (HOSTILE, HOSTILE),
    }
    names = ("title", "meaning", "reference", "how", "where", "caption")
    texts = dict.fromkeys((*names, "certificate", "claim", "version"), HOSTILE)
    return Facts(**{**texts, **plain, **given})


def test_no_text_becomes_markup() -> None:
    """Wherever it comes from; names and formulas are checked before that."""
    op = ks.ops.stablef
    spec = make_spec(op.expression)
    plans = [op.function.plan("float32", k) for k in range(3)]
    lines = [Line(spec, HOSTILE, HOSTILE, [1.0, 1.0, 1.0])]
    for text in (
        function_page(spec, facts(), plans, HOSTILE),
        index_page(lines, HOSTILE, HOSTILE, HOSTILE),
    ):
        page = Page(text)
        assert "script" not in page.tags and not page.events
        assert "alert(1)" in text and "<script" not in text and "{{7" in text
        assert text.count("</style>") == 1
    for name in ("<script>", "a'b"):
        with pytest.raises(GeneratorError):
            ks.stabilize("x+1", name=name)


# A formula, what its typeset form has, and has not.
TYPESET = [
    (
        "1/(1-exp(-x)) - 1/x",
        0,
        ["<mfrac>", "<mi>e</mi>", "\N{MINUS SIGN}"],
        ["&", ">-<"],
    ),
    ("log(1+x)/x", 2, ["<mi>log</mi>"], ["Invisible"]),
    ("sqrt(a**2+1)", 0, ["<msqrt>", "<mi>x</mi>"], ["<mi>a</mi>"]),
    ("pi*x", 0, ["π"], ["&"]),
]


@pytest.mark.parametrize(("formula", "order", "has", "lacks"), TYPESET)
def test_formulas_are_typeset(
    formula: str, order: int, has: list[str], lacks: list[str]
) -> None:
    text = typeset.mathml(make_spec(formula), order)
    assert text is not None
    assert all(part in text for part in has)
    assert not any(part in text for part in lacks)


@pytest.fixture
def pages(
    tmp_path: Path, quick: Any, capsys: pytest.CaptureFixture[str]
) -> Path:
    """The catalogue's, by the command, in a folder that is made."""
    folder = tmp_path / "made" / "pages"
    assert main(["report", "--out", str(folder)]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [Path(line).name for line in listed[-1:]] == ["index.html"]
    return folder


# What is asked in the browser: pictures that show nothing, and formulas,
# sections and tables without a size.
QUESTION = """(() => {
  const empty = [...document.images].filter(i => !i.naturalWidth).length;
  const lost = [...document.querySelectorAll("section,table,math,h1")].filter(
    e => { const r = e.getBoundingClientRect();
           return !(r.width > 3 && r.height > 3); }).length;
  return {empty, lost, images: document.images.length,
          maths: document.querySelectorAll("math").length,
          sections: document.querySelectorAll("section").length,
          wide: document.documentElement.scrollWidth,
          links: [...document.links].map(a => a.href)
                 .filter(h => !h.startsWith("data:"))};
})()"""


@pytest.mark.slow
@pytest.mark.skipif(browser() is None, reason="no Chromium: apt-get install it")
def test_in_a_browser(pages: Path, tmp_path: Path) -> None:
    """Nothing is missing, nothing is asked for, every link leads somewhere."""
    names = {f"{entry.name}.html" for entry in load_catalogue()}
    for name in ("index.html", "stablef.html", "phi3.html"):
        found = seen(pages / name, tmp_path / "profile", QUESTION)
        sent = [r for r in found.requests if not r.startswith("data:")]
        assert sent == [(pages / name).as_uri()]
        assert found.complaints == []
        told = found.found
        assert told["empty"] == told["lost"] == 0
        assert told["wide"] <= 1200
        links = {link.rpartition("/")[2] for link in told["links"]}
        if name == "index.html":
            assert told["images"] == told["maths"] == len(names)
            assert links == names
        else:
            assert told["images"] == 2 and told["maths"] == 3
            assert told["sections"] == len(SECTIONS) + 1
            assert links == {"index.html"}
        assert all((pages / link).is_file() for link in links)
        assert shades(found.picture) > 50


def shades(picture: bytes) -> int:
    """How many colours a picture has: of a white page, one."""
    from matplotlib.image import imread

    pixels = np.asarray(imread(io.BytesIO(picture), format="png"))
    kept = np.round(pixels[..., :3] * 255).astype(np.uint32)
    return len(np.unique(kept @ np.array([65536, 256, 1], np.uint32)))


def test_the_policy_is_on_every_page() -> None:
    head = Path(__file__).parents[2] / "templates" / "report_head.html.j2"
    text = head.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None and policy[1].startswith("default-src 'none'")
