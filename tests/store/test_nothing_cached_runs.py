"""Cache files are data: nothing in them ever runs.

Whatever is in one is refused, and the plan derived anew, or it is a plan
whose numbers may be wrong, and then it is rendered and runs to its end.
"""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plans
import pytest
from backends import run
from hypothesis import given
from hypothesis import strategies as st
from keras_stablef.generator.pieces.cover import AnyPlan
from keras_stablef.generator.pipeline import to_source
from keras_stablef.generator.pipeline import to_wide_source
from keras_stablef.generator.store import store
from keras_stablef.generator.store.plan_json import MAX_INTEGER
from keras_stablef.generator.store.plan_json import dumped
from stored_payloads import CODE
from stored_payloads import LISTED
from stored_payloads import NUMBERS
from stored_payloads import OTHERS
from stored_payloads import TEXTS
from stored_payloads import ran
from stored_payloads import slow_is_fine

pytestmark = pytest.mark.once
X = np.array([-2.0, 0.0, 0.5, 3.0], np.float32)
ASKED = ("f", "float32", 0)


@pytest.fixture(autouse=True)
def nothing_runs() -> Iterator[None]:
    yield
    assert not ran()


def file_of(data: Any) -> bytes:
    """A cache file with a right checksum, which anybody can make."""
    body = json.dumps(data).encode("utf-8", "surrogatepass")
    checksum = hashlib.sha256(body).hexdigest().encode()
    return b'{"sha256":"' + checksum + b'","plan":' + body + b"}\n"


def computed(plan: AnyPlan) -> np.ndarray:
    """The body of a plan at some inputs, as a derived op gets it."""
    text = to_source("x", ("-oo", "oo"), "Test.", [plan], tidy=False).text
    namespace: dict[str, Any] = {"__name__": "rendered"}
    exec(compile(text, "rendered", "exec"), namespace)
    twin = to_wide_source("x", [plan], tidy=False)
    if twin is not None:  # run by nobody here, but printed of the same texts
        exec(compile(twin.text, "rendered", "exec"), {"__name__": "rendered"})
    return run(namespace["BODIES"]["float32"][0], X)


def read_back(kind: str, data: Any) -> AnyPlan | None:
    plan = plans.plan(kind)
    return store._read(file_of(data), (plan.name, plan.dtype, plan.order))


def document(kind: str) -> Any:
    return json.loads(dumped(plans.plan(kind)))


def texts(data: Any, pattern: str) -> list[tuple[plans.Place, str]]:
    """Of each kind of leaf that is such a text one, with its place."""
    found = {
        tuple(key for key in place if isinstance(key, str)): (place, value)
        for place, value in plans.leaves(data)
        if isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL)
    }
    return list(found.values())


def test_files_by_hand_are_read() -> None:
    """So those below are refused for what they hold."""
    for kind in plans.KINDS:
        assert read_back(kind, document(kind)) == plans.plan(kind)


CACHED = [*LISTED, CODE, f"exp if {CODE} else ops.exp", "x\n    " + CODE]


@pytest.mark.parametrize("kind", plans.KINDS)
def test_every_text_of_a_cache_file(kind: str) -> None:
    """Each kind of leaf that is a text: refused, or a comment of one line."""
    data = document(kind)
    shapes = texts(data, ".*")
    want = computed(plans.plan(kind))
    taken = set()
    for place, value in shapes:
        for payload in CACHED:
            plans.put(data, place, payload)
            plan = read_back(kind, data)
            if plan is not None:
                prose = {"formula", "formulas", "proof", "note"}
                assert prose & {*place[-2:]}, payload
                if payload not in taken:
                    taken.add(payload)
                    np.testing.assert_array_equal(computed(plan), want)
        plans.put(data, place, value)
    assert read_back(kind, data) == plans.plan(kind)
    assert len(shapes) > 10


@pytest.mark.parametrize("kind", plans.KINDS)
def test_every_fraction_of_a_cache_file(kind: str) -> None:
    """One that is no float, in each place: refused, or it runs."""
    data = document(kind)
    shapes = texts(data, r"-?\w+/\w+")
    for place, value in shapes:
        plans.put(data, place, "-1/3")
        plan = read_back(kind, data)
        if plan is not None:
            with np.errstate(all="ignore"):
                computed(plan)
        plans.put(data, place, value)
    assert shapes


def twisted(draw: st.DrawFn, old: Any) -> Any:
    """Something of another kind or size in the place of a leaf."""
    if isinstance(old, list) and draw(st.booleans()):
        return draw(st.sampled_from([[], old[:1], old[::-1], old + old]))
    edges = [0, 1, -1, 2, 64, 65, 126, 127, 1000, MAX_INTEGER, -MAX_INTEGER]
    texts = ["0/1", "1/1", "-1/3", "1/0", "ffffff/1000000", "1" * 9999 + "/1"]
    texts += ["inf", "-inf", "nan", "0x1.0p+0", "0x1.0p+9999", "-0x1.8p+60"]
    texts += ["x", "t", "y", "exp", "abs", "minimum", "float64", "Op", "Var"]
    kinds = [st.sampled_from(v) for v in (edges, texts, NUMBERS, OTHERS)]
    # A copy: the next change may be one of its own parts.
    return copy.deepcopy(draw(st.one_of(*kinds, TEXTS)))


@st.composite
def files_by_hand(draw: st.DrawFn) -> tuple[str, Any]:
    kind = draw(st.sampled_from(plans.KINDS))
    data = document(kind)
    for _ in range(draw(st.integers(1, 2))):
        places = list(plans.leaves(data))
        place, old = draw(st.sampled_from(places))
        plans.put(data, place, twisted(draw, old))
    return kind, data


@slow_is_fine(max_examples=300)
@given(made=files_by_hand())
def test_cache_files_by_hand(made: tuple[str, Any]) -> None:
    """Whatever is taken is a plan: it is rendered, and runs to its end."""
    kind, data = made
    began = time.process_time()
    plan = read_back(kind, data)
    if plan is not None:
        with np.errstate(all="ignore"):
            computed(plan)
    assert not ran()
    assert time.process_time() - began < 30


class Evil:
    """Runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return exec, (CODE,)


def test_old_files_are_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pickles, under the old names and under the new ones."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(folder))
    calls: list[int] = []

    def make() -> AnyPlan:
        calls.append(1)
        return plans.folded()

    store.remembered(ASKED, ("key",), make)
    (path,) = folder.iterdir()
    evil = pickle.dumps(Evil())
    pickle.loads(evil)
    assert ran()
    body = hashlib.sha256(evil).digest() + evil
    for data in (evil, body, b'{"sha256":"' + body):
        path.with_suffix(".plan").write_bytes(data)
        path.write_bytes(data)
        assert store.remembered(ASKED, ("key",), make) == plans.folded()
        assert not ran()
    assert len(calls) == 4  # each was replaced
