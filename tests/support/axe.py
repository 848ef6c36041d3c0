"""Check of a page with axe-core, the rules of the WCAG."""

from typing import Any

import pytest

THEMES = [
    pytest.param({"color_scheme": "dark"}, id="dark"),
    pytest.param({"color_scheme": "light"}, marks=pytest.mark.long, id="light"),
]
"""The dark page, and the light one, which differs in its colours alone; `test_tokens` looks at the contrast of both."""


def violations(page: Any) -> list[tuple[str, list[str]]]:
    """Return the rules that the page breaks, each with the first elements that do; skip the test without axe."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe is not installed").Axe()
    # A button half-way between two colours has the contrast of neither.
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("() => !document.getAnimations().some((each) => each instanceof CSSTransition)")
    report = axe.run(page, options={"resultTypes": ["violations"]})
    return [(each["id"], [node["html"][:90] for node in each["nodes"]][:4]) for each in report.response["violations"]]
