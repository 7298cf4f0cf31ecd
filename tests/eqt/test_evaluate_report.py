"""The report: one page that opens, holds all it shows, and shows nothing of others' making."""

from html.parser import HTMLParser

import pytest

from eqt.evaluation import SECTIONS, Protocol, evaluate, plan
from eqt.picking.picks import Thresholds
from eqt.plots.html import paragraph, section

VOID = ("meta", "img", "br")


class Reader(HTMLParser):
    """Collects headings and addresses, and checks that what is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)


@pytest.fixture(scope="module")
def page(trained, tmp_path_factory):
    def custom(result):
        return section("<One> more", paragraph(f"{len(result.traces)} traces"))

    out = tmp_path_factory.mktemp("report") / "out"
    task = plan(trained, None, None, out)
    low = Thresholds(1e-6, 1e-6, 1e-6)
    evaluate(task, low, protocol=Protocol(resamples=20), sections=(*SECTIONS, custom))
    return (out / "report.html").read_text(encoding="utf-8")


def test_the_page_opens_and_has_its_sections(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert reader.headings == [
        "Evaluation of run",
        "What is found where it belongs",
        "The study's columns",
        "How far picks are off",
        "Precision and recall",
        "By kind of trace",
        "Do the probabilities mean what they say?",
        "The worst",
        "Some as they come",
        "<One> more",
    ]


def test_the_page_says_what_the_columns_are_counted_from(page):
    assert "These are counted from X_test_results.csv, the rows that EQTransformer" in page


def test_the_page_needs_nothing_from_elsewhere(page):
    reader = Reader()
    reader.feed(page)
    assert len(reader.addresses) >= 7
    assert all(address.startswith("data:image/png;base64,") for address in reader.addresses)
    assert not any(word in page for word in ("http:", "https:", "<script", "url(", "@import"))
