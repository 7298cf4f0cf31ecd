"""A reader and a writer of the oldest part of the HDF5 format, without HDF5's library.

STEAD's files are the oldest and plainest kind of HDF5: a symbol table, and per trace an object
header (version 1) with 35 attributes whose texts lie in global heaps. HDF5's library spends most
of a copy on those attributes, places the same content differently from one version to the next,
and crashes or loops for ever on some damaged heaps. So what is copied a million times is read
and written here, by the published format; names are still looked up with h5py, which read every
mutated B-tree that we tried without a crash, and unusual storage is left to h5py.

Source: The HDF Group, HDF5 File Format Specification Version 2.0, sections II.A (superblock),
III.A-D (B-trees, groups, heaps) and IV.A (object headers).

=================  ===========================================================
`object_header`    messages of an object header, read with every bound checked
`readahead`        read-ahead of parts of a file
`global_heap`      global heap collections, which hold the texts of attributes
`datatypes`        datatypes of attributes: numpy's, the file's, the valid ones
`attributes`       canonical form of attributes, from a file or from Python
`attribute_table`  attributes of many datasets with one schema, as arrays
`templates`        vectorized parser of object headers with one layout
`data_addresses`   addresses of the data of many datasets
`symbol_table`     names of a group and their object headers
`direct_io`        writes that bypass the page cache, in the background
`writer`           new file: data, headers, heaps, and the group of their names
=================  ===========================================================
"""

from steadkit.hdf5.attribute_table import AttributeTable, group_by_schema, row_table
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
    parse_storage,
    read_object_header,
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
    "parse_storage",
    "read_attributes",
    "read_object_header",
    "row_table",
]
