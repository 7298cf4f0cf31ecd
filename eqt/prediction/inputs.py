"""Inputs of a prediction."""

from steadkit.records.waveform_files import read_pieces as read_records

__all__ = ["read_records"]
