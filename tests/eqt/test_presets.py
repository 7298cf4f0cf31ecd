"""The named networks count what the study and the paper say."""

import pytest

from eqt.config import EQTConfig
from eqt.model import build_model
from eqt.presets import PRESETS, preset
from steadkit.errors import InputError

STUDY = {
    "merged": {"EQT", "BCLOS", "BC", "Partial Vanilla", "BO"},
    "micro": {
        "EQT",
        "nb_filters_changed_EQTUtils",
        "kernel_size_changed",
        "nb_filters_changed_trainer",
    },
    "mini": {"EQT", "Salvation", "Genesis", "Vanilla", "GRU", "4x4", "2LSTM"},
    "published": {"original", "conservative"},
}


@pytest.mark.parametrize("name", PRESETS)
def test_every_row_counts_what_it_says(name):
    assert build_model(PRESETS[name].config).count_params() == PRESETS[name].parameters


@pytest.mark.parametrize("suite", STUDY)
def test_the_suites(suite):
    assert {name for name, row in PRESETS.items() if suite in row.trained_on} == STUDY[suite]


def test_every_row_says_what_differs_in_one_line():
    lines = [row.differs for row in PRESETS.values()]
    assert all(lines)
    assert not any("\n" in line for line in lines)


def test_the_reference_is_the_published_network():
    assert PRESETS["EQT"].config == PRESETS["original"].config == EQTConfig()


def test_unknown_name():
    with pytest.raises(InputError, match=r"unknown model 'EQTX': use one of original, .*2LSTM"):
        preset("EQTX")
