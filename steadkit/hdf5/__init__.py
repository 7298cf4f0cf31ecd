"""A plain part of the HDF5 file format, read and written without HDF5's library.

STEAD's files are the oldest and plainest kind of HDF5: a symbol table, and per trace an object
header (version 1) with 35 attributes whose texts lie in global heaps. HDF5's library spends most
of a copy on those attributes, places the same content differently from one version to the next,
and crashes or loops for ever on some damaged heaps. So what is copied a million times is read
and written here, by the published format; names are still looked up with h5py, whose B-trees
stood every mutation we tried, and unusual storage is left to h5py.

Source: The HDF Group, HDF5 File Format Specification Version 2.0, sections II.A (superblock),
III.A-D (B-trees, groups, heaps) and IV.A (object headers).

===============  ==============================================================
`messages`       the messages of an object header, read with every bound checked
`windows`        parts of a file read ahead
`words`          bytes as words of 8
`heaps`          where the texts of attributes lie
`attributes`     attributes in one canonical form, from a file or from Python
`tables`         the attributes of many datasets that are alike
`templates`      headers that are alike, read many at once
`layout`         headers and texts of many datasets laid out at once
`disk`           bytes written into an open file
`files`          a new file: data, headers, heaps, and the group that names them
===============  ==============================================================
"""

from steadkit.hdf5.attribute_table import AttributeTable, group_by_schema, table_of
from steadkit.hdf5.attributes import ATTRIBUTES_DIGEST, Attributes, encode, read_attributes
from steadkit.hdf5.direct_io import PAGE, DirectWriter
from steadkit.hdf5.global_heap import GlobalHeap
from steadkit.hdf5.object_header import (
    DamageError,
    FileReader,
    Header,
    NewStyleError,
    Storage,
    UnsupportedError,
    read_header,
    storage_of,
)
from steadkit.hdf5.readahead import ReadAhead
from steadkit.hdf5.templates import HeaderBatch, HeaderTemplates
from steadkit.hdf5.writer import Hdf5Writer

__all__ = [
    "ATTRIBUTES_DIGEST",
    "PAGE",
    "AttributeTable",
    "Attributes",
    "DamageError",
    "DirectWriter",
    "FileReader",
    "GlobalHeap",
    "Hdf5Writer",
    "Header",
    "HeaderBatch",
    "HeaderTemplates",
    "NewStyleError",
    "ReadAhead",
    "Storage",
    "UnsupportedError",
    "encode",
    "group_by_schema",
    "read_attributes",
    "read_header",
    "storage_of",
    "table_of",
]
