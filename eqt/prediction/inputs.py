"""Inputs of a prediction (stub until merged)."""

from collections import Counter
from dataclasses import dataclass

from steadkit.records.waveform_files import index_files, list_waveform_files
from steadkit.records.waveform_files import read_pieces as read_records

__all__ = ["read_records"]


@dataclass(frozen=True)
class RecordFilter:
    start: int | None = None
    end: int | None = None
    stations: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def find_records(inputs, record_filter, skipped: Counter[str]):
    return index_files(list_waveform_files(inputs), skipped)


def record_filter(start, end, patterns, exclude):
    return RecordFilter()
