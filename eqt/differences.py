"""In which settings two networks differ."""

from dataclasses import asdict

from eqt.config import EQTConfig


def differences(one: EQTConfig, other: EQTConfig) -> list[tuple[str, object, object]]:
    """List the settings in which two networks differ, with the value of each.

    >>> from dataclasses import replace
    >>> differences(EQTConfig(), replace(EQTConfig(), picker_rnn=()))
    [('picker_rnn', ('lstm',), ())]
    """
    mine, theirs = asdict(one), asdict(other)
    return [(name, mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]]
