"""Whether a command did harm, and whether what it said is one clear line."""

import os.path
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.abuse.sandbox import Listing

CODES = (0, 1, 2, 130)

FINDS = ("steadkit verify", "steadkit diff", "steadkit check", "steadkit split")
"""Commands whose exit code 1 may mean that they found something, shown on standard output."""

MAX_VALUE = 200
"""Characters of a value that a message may show."""

MAX_LINE = 1000

PYTHONS_WORDS = re.compile(
    r"Traceback|not supported between|not enough values|too many values|NoneType|KeyError"
    r"|TypeError|ValueError|AttributeError|IndexError|OverflowError|AssertionError|UnicodeDecode"
    r"|UnicodeEncode|codec can't|object has no|object is not|has no attribute|invalid literal"
    r"|could not convert|unexpected keyword|positional argument|list index|string index"
    r"|surrogates not allowed|unhashable|not subscriptable|not iterable|PosixPath\(|weights_only"
    r"|<class |must be str|takes no arguments|bad operand|maximum recursion|embedded null"
    r"|out of bounds nanosecond|Exceeds the limit|signed integer|Python int too large"
    r"|has an empty name"
)
"""What Python and its libraries say to programmers."""

DETAIL = re.compile(r"\((\w+Error|\w+Exception)\b.*\)")
"""What a library says, in brackets behind what is wrong and what to do."""

NOTICE = "Not independent: "
"""How a line begins that is no error: the standard output of `eqt visualize` is its path alone."""

STAGING = re.compile(r"(^|/)\.[^/]*\.(partial|replaced)(/|$)")


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (negative: by a signal), streams, seconds, harm it did."""

    code: int
    stdout: str
    stderr: str
    seconds: float = 0.0
    is_hung: bool = False


def fault_of(command: str, words: Sequence[str], ended: Ended) -> str | None:
    """Find what is wrong in how a command ended and in what it said, if anything is."""
    if ended.is_hung:
        return f"hangs ({ended.seconds:.0f} s)"
    if ended.code < 0 and ended.code != -signal.SIGINT:
        return f"crashes with signal {-ended.code}"
    if "Traceback" in ended.stderr + ended.stdout and not _is_of_python_alone(ended):
        return "traceback"
    if ended.code not in (*CODES, -signal.SIGINT):
        return f"exit code {ended.code}"
    if any(not (c.isprintable() or c == "\n") for c in ended.stdout + ended.stderr):
        return "prints control characters"
    return _fault_of_words(command, words, ended)


def _fault_of_words(command: str, words: Sequence[str], ended: Ended) -> str | None:
    if _is_of_python_alone(ended):
        return None
    lines = [line for line in ended.stderr.splitlines() if line.strip() and not _is_usage(line)]
    lines = [line for line in lines if not line.startswith(NOTICE)]
    if found := PYTHONS_WORDS.search(DETAIL.sub("", ended.stderr)):
        return f"says {found[0]!r}"
    for word in words:
        if len(word) > MAX_VALUE and _shows_whole(word, ended.stderr):
            return f"shows {len(word)} characters of a value"
    if any(len(line) > MAX_LINE for line in lines):
        return f"says a line of {max(map(len, lines))} characters"
    if ended.code == 0:
        return "succeeds, but says something on stderr" if lines else None
    if ended.code in (130, -signal.SIGINT):
        return None if len(lines) <= 1 else "not one line"
    if len(lines) == 1 and lines[0].startswith("Error: "):
        return None
    if command in FINDS and ended.code == 1 and len(lines) <= 1 and ended.stdout:
        return None
    return "not one line that begins with Error"


def _is_of_python_alone(ended: Ended) -> bool:
    """Whether the interpreter was interrupted before our handler of Ctrl-C was there.

    How little is imported until then is for another test.
    """
    return "KeyboardInterrupt" in ended.stderr and "in run_program" not in ended.stderr


def _is_usage(line: str) -> bool:
    """Whether a line is click's hint at the usage, which goes before its message."""
    return line.startswith(("Usage: ", "Try '")) or line.startswith(" " * 7)


def _shows_whole(word: str, text: str) -> bool:
    return word[: MAX_VALUE + 1] in text


def harm_of(
    before: Listing, after: Listing, targets: Sequence[str], is_refused: bool, is_cut_off: bool
) -> str | None:
    """Find a file that was altered or written where it may not be.

    Parameters
    ----------
    before, after
        All files around the case, by their names relative to its parent.
    targets
        Where the command was told to write, relative to the same.
    is_refused
        Whether it ended with a refusal, so that nothing may be new.
    is_cut_off
        Whether what it had done may have stayed, in its staging folder.
    """
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name) or _is_free(name):
            continue
        if name in before and not _may_replace(name, before, after, targets, is_refused):
            return f"{'alters' if name in after else 'removes'} {name!r}"
        if name not in before:
            # Where a disk is full, TensorFlow leaves what it was writing among temporary files.
            if STAGING.search(name) or (is_cut_off and name.startswith("tmp/")):
                if not is_cut_off:
                    return f"leaves {name!r}"
                continue
            if not _is_target(name, targets):
                return f"writes {name!r}"
            if is_refused and not is_cut_off:
                return f"refuses, but writes {name!r}"
    return None


def _is_free(name: str) -> bool:
    """Whether it is in the user's cache, which programs may fill."""
    return name.startswith(("home/.cache", "home/.config", "home/.keras"))


def _may_replace(
    name: str, before: Listing, after: Listing, targets: Sequence[str], is_refused: bool
) -> bool:
    """Whether a file was one that the command may replace: in `out`, planted, not linked in."""
    if STAGING.search(name):
        return True
    inside = name.startswith("case/out/") and _is_target(name, targets) and not is_refused
    return inside and not _is_somebodys(name)


def _is_somebodys(name: str) -> bool:
    return os.path.basename(name) in ("notes.txt", "thesis.txt")


def _is_target(name: str, targets: Sequence[str]) -> bool:
    """Whether a file is what the command was told to write, belongs to it, or lies in it.

    >>> _is_target("out/o.csv", ["out/o.hdf5"]), _is_target("in/o.csv", ["out/o.hdf5"])
    (True, False)
    """
    for target in targets:
        folder, base = os.path.split(target)
        hidden = base[: len(base) - len(base.lstrip("."))]
        stem = hidden + base.lstrip(".").partition(".")[0]
        parents = (target, *_parents(target))
        inside = target == "." or name.startswith((f"{target}/", os.path.join(folder, stem)))
        if inside or name in parents:
            return True
    return False


def _parents(place: str) -> list[str]:
    """List the folders above a place: a command may make them."""
    listed = []
    while place := os.path.dirname(place):
        listed.append(place)
    return listed
