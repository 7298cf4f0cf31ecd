"""Parser of conditions: a bounded syntax tree in canonical form."""

import ast
import re
import warnings

from steadkit.errors import InputError
from steadkit.types import parse_number

MAX_CHARACTERS = 2000
MAX_DEPTH = 60

GRAMMAR = "use columns, numbers, 'text', comparisons, and, or, not, in (...), + - * /"


def parse_tree(text: str) -> ast.expr:
    """Parse a condition by Python's grammar, within bounds; nothing is executed."""
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"condition of {len(text)} characters: use at most {MAX_CHARACTERS}")
    excerpt = text[:60]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as SyntaxWarning
            source = re.sub(r"[\r\n]", " ", text).strip()
            tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or "too deep, or no text"
        advice = f"equality is ==; {GRAMMAR}"
        raise InputError(f"condition {excerpt!r} cannot be read ({reason}): {advice}") from error
    if _depth(tree) > MAX_DEPTH:
        raise InputError(f"condition {excerpt!r}... is nested too deeply: write it flatter")
    _check_numbers(tree, source)
    return tree


def _check_numbers(tree: ast.expr, source: str) -> None:
    """Refuse numbers that only Python accepts: 1_000, 0x10, and 400 digits."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            try:
                parse_number(ast.get_source_segment(source, node) or "")
            except ValueError as error:
                raise InputError(f"condition {source[:60]!r}: {error}") from error


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        depth += 1
    return depth


def canonical(tree: ast.expr) -> ast.expr:
    """Return the canonical form: ``== None`` as ``is None``, ``["a"]`` as ``("a",)``."""
    identity = {ast.Eq: ast.Is, ast.NotEq: ast.IsNot}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for position, op in enumerate(node.ops):
            right = node.comparators[position]
            if _is_none(right) or _is_none(sides[position]):
                node.ops[position] = identity.get(type(op), type(op))()
            if isinstance(op, ast.In | ast.NotIn) and not isinstance(right, ast.Name):
                elements = getattr(right, "elts", [right])
                node.comparators[position] = ast.Tuple(elements, ast.Load())
    return tree


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def names_in(tree: ast.expr) -> list[str]:
    """Return the names in a tree, with repeats."""
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
