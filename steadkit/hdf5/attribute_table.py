"""Attributes of many datasets with one schema, as arrays: what is copied a million times."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
from blake3 import blake3

from steadkit.hdf5.attributes import ATTRIBUTES_DIGEST, Attributes, AttributeSchema, decode_all
from steadkit.hdf5.global_heap import REFERENCE, WORD, padding_mask
from steadkit.hdf5.object_header import round_up_8


@dataclass(frozen=True, eq=False)
class AttributeTable:
    """Attributes of one schema, a row a dataset.

    Parameters
    ----------
    schema
        Names and types, which all rows share.
    bodies
        Shape (rows, bytes), uint8: the messages as `Attributes.body` has them.
    lengths
        Shape (rows, texts), int64: the bytes of each text.
    texts
        Words of 8 bytes: the texts of the first row, then of the second and so on, each padded
        with zeros.
    """

    schema: AttributeSchema
    bodies: np.ndarray
    lengths: np.ndarray
    texts: np.ndarray

    def __len__(self) -> int:
        return len(self.bodies)

    def digests(self) -> list[bytes]:
        """Return the digest of each row, as `Attributes.digest` does."""
        return [
            # Texts are concatenated without padding, as in the digest of one trace: both must give
            # the same bytes.
            blake3(body + texts).digest(ATTRIBUTES_DIGEST)
            for body, texts in zip(self._bodies(), self._plain_texts(), strict=True)
        ]

    def attributes(self, row: int) -> Attributes:
        """Return the attributes of one row."""
        content, texts, position = self._plain_texts()[row], [], 0
        for length in self.lengths[row].tolist():
            texts.append(content[position : position + length])
            position += length
        return Attributes(self.schema, self._bodies()[row], texts)

    def values(self, names: Container[str]) -> dict[str, list[object]]:
        """Decode some attributes, a value a row, as `Attributes.decode` does."""
        values_by_name: dict[str, list[object]] = {}
        content, ends = self._plain(), np.cumsum(self.lengths.ravel()).reshape(self.lengths.shape)
        # Walked field by field in the order of the schema, as the value of a field has no other
        # address.
        position = n_texts = 0
        for field in self.schema.fields:
            position += len(field.head)
            texts = slice(n_texts, n_texts + (field.size // REFERENCE.size if field.element else 0))
            name = field.name.decode(errors="replace")
            if name in names:
                field_bytes = np.ascontiguousarray(self.bodies[:, position : position + field.size])
                stops = ends[:, texts]
                spans = (stops - self.lengths[:, texts]).ravel().tolist(), stops.ravel().tolist()
                field_texts = [content[a:b] for a, b in zip(*spans, strict=True)]
                values_by_name[name] = decode_all(field, field_bytes, field_texts)
            position, n_texts = position + round_up_8(field.size), texts.stop
        return values_by_name

    def _bodies(self) -> list[bytes]:
        return _split(self.bodies.tobytes(), np.full(len(self), self.bodies.shape[1]))

    def _plain_texts(self) -> list[bytes]:
        """Return the texts of each row, concatenated without padding."""
        return _split(self._plain(), self.lengths.sum(axis=1))

    def _plain(self) -> bytes:
        content: bytes = (
            self.texts.view(np.uint8)
            .reshape(-1, WORD)[padding_mask(self.lengths.ravel())]
            .tobytes()
        )
        return content


Datasets = Sequence[tuple[np.ndarray, AttributeTable]]
"""Pairs of data addresses and the table of attributes of the datasets at them."""


def _split(content: bytes, lengths: np.ndarray) -> list[bytes]:
    ends = np.cumsum(lengths)
    starts = ends - lengths
    return [content[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def row_table(attributes: Attributes) -> AttributeTable:
    """Return a table of one row."""
    schema, body, texts = attributes
    padded = b"".join(text + bytes(-len(text) % WORD) for text in texts)
    return AttributeTable(
        schema,
        np.frombuffer(body, np.uint8).reshape(1, -1),
        np.array([[len(text) for text in texts]], np.int64),
        np.frombuffer(padded, "<u8"),
    )


def group_by_schema(datasets: Datasets) -> Datasets:
    """Concatenate the tables of each schema."""
    # One table for each schema, as headers of one length are laid out as one array.
    by_schema: dict[AttributeSchema, list[tuple[np.ndarray, AttributeTable]]] = {}
    for address, table in datasets:
        by_schema.setdefault(table.schema, []).append((address, table))
    return [
        (
            np.concatenate([address for address, _ in group]),
            AttributeTable(
                schema,
                np.concatenate([table.bodies for _, table in group]),
                np.concatenate([table.lengths for _, table in group]),
                np.concatenate([table.texts for _, table in group]),
            ),
        )
        for schema, group in by_schema.items()
    ]
