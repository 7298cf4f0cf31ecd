"""Faults of bytes: flipped, cut, inserted, set to zero, swapped, and numbers that are too large."""

import random
from collections.abc import Callable, Sequence

Ranges = Sequence[tuple[int, int]]

IN_STRUCTURE = 0.9
"""How often a fault falls among headers and names, which are far smaller than the samples."""

NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)
"""What a size or an address becomes."""


def place(content: bytes | bytearray, ranges: Ranges, chance: random.Random) -> int:
    """Choose a byte, mostly in the given ranges."""
    if not ranges or chance.random() > IN_STRUCTURE:
        return chance.randrange(len(content))
    weights = [end - start for start, end in ranges]
    ((start, end),) = chance.choices(list(ranges), weights)
    return chance.randrange(start, end)


def flip_bits(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """Flip one bit, or a few."""
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        damaged[place(content, ranges, chance)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def random_bytes(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """Overwrite some bytes by random ones."""
    start = place(content, ranges, chance)
    new = chance.randbytes(chance.choice((1, 4, 16, 64)))
    return (content[:start] + new + content[start + len(new) :])[: len(content)]


def odd_numbers(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """Overwrite what may be a number by one at the edge of what can be written."""
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 3))):
        size = chance.choice((1, 2, 4, 8))
        start = place(content, ranges, chance) // size * size
        number = chance.choice(NUMBERS) % 256**size
        damaged[start : start + size] = number.to_bytes(size, "little")
    return bytes(damaged[: len(content)])


def zero_run(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """Set a run of bytes to zero, as a bad sector or a hole would."""
    start = place(content, ranges, chance)
    length = min(chance.choice((8, 64, 512, 4096)), len(content) - start)
    return content[:start] + bytes(length) + content[start + length :]


def cut_out(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """Leave some bytes out, so that all that follows moves up."""
    start = place(content, ranges, chance)
    return content[:start] + content[start + chance.choice((1, 8, 100, 4096)) :]


def cut_short(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """End the file early."""
    return content[: place(content, ranges, chance)]


def insert(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """Insert bytes, so that all that follows moves down."""
    start = place(content, ranges, chance)
    return content[:start] + chance.randbytes(chance.choice((1, 8, 100))) + content[start:]


def swap_blocks(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """Let two blocks of equal length change places."""
    size = min(chance.choice((8, 40, 512, 4096)), max(1, len(content) // 3))
    one, other = sorted(place(content, ranges, chance) for _ in range(2))
    other = max(other, one + size)
    first, second = content[one : one + size], content[other : other + size]
    if len(second) < size:
        return first + content[len(first) :]
    return content[:one] + second + content[one + size : other] + first + content[other + size :]


def repeat_block(content: bytes, ranges: Ranges, chance: random.Random) -> bytes:
    """Write a block over another one, so that two things claim to be the same."""
    size = min(chance.choice((8, 40, 512, 4096)), len(content))
    source, target = (place(content, ranges, chance) for _ in range(2))
    block = content[source : source + size]
    return (content[:target] + block + content[target + len(block) :])[: len(content)]


DAMAGE: dict[str, Callable[[bytes, Ranges, random.Random], bytes]] = {
    "bits flipped": flip_bits,
    "random bytes": random_bytes,
    "odd numbers": odd_numbers,
    "zeros": zero_run,
    "bytes cut out": cut_out,
    "cut short": cut_short,
    "bytes inserted": insert,
    "blocks swapped": swap_blocks,
    "block repeated": repeat_block,
}
"""All faults of bytes, by what they do."""
