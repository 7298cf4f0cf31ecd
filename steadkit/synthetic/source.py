"""Earthquake source: moment, Brune's spectrum, and radiation pattern of a double couple.

Brune (1970), Tectonic stress and the spectra of seismic shear waves, JGR 75; Aki and Richards,
Quantitative Seismology, 2nd edition, equations 4.89 to 4.91 for the pattern.
"""

import math
from typing import Final, NamedTuple

import numpy as np

DENSITY: Final = 2700.0
"""Of the rock at the source, in kg/m^3."""

VP: Final = 6300.0
VS: Final = 3640.0
"""Velocities at the source, in m/s."""

FREE_SURFACE: Final = 2.0
"""Amplification of the free surface: twice the incident amplitude."""

P_CORNER: Final = 1.3
"""Ratio of the corner frequencies of P and S (Madariaga 1976)."""

MEAN_PATTERN: Final = {"P": math.sqrt(4 / 15), "S": math.sqrt(2 / 5)}
"""Root mean square of the radiation pattern over the sphere."""


class Mechanism(NamedTuple):
    """Strike, dip and rake in degrees."""

    strike: float
    dip: float
    rake: float


def moment(magnitude: float | np.ndarray) -> float | np.ndarray:
    """Seismic moment in N m (Hanks and Kanamori 1979)."""
    return 10 ** (1.5 * magnitude + 9.1)


def corner_frequency(magnitude: float | np.ndarray, stress_drop: float) -> float | np.ndarray:
    """Corner of the S spectrum in Hz, for a stress drop in Pa.

    Examples
    --------
    >>> round(corner_frequency(3.0, 3e6), 2)
    7.49
    """
    return 0.37 * VS * (16 * stress_drop / (7 * moment(magnitude))) ** (1 / 3)


def plateau(wave: str, magnitude: float | np.ndarray, km: float | np.ndarray) -> np.ndarray:
    """Long-period level in m s of the displacement ``km`` away, before the radiation pattern."""
    velocity = VP if wave == "P" else VS
    spreading = 4 * math.pi * DENSITY * velocity**3 * np.asarray(km) * 1000
    return FREE_SURFACE * moment(magnitude) / spreading


def brune(frequencies: np.ndarray, corner: float) -> np.ndarray:
    """Omega-square displacement spectrum with a plateau of one."""
    return 1 / (1 + (frequencies / corner) ** 2)


def draw_mechanism(rng: np.random.Generator) -> Mechanism:
    """Draw a double couple of random orientation: fault poles uniform on the sphere."""
    dip = math.degrees(math.acos(rng.uniform(0, 1)))
    strike, rake = rng.uniform(0, 360), rng.uniform(-180, 180)
    return Mechanism(round(strike, 1), round(dip, 1), round(rake, 1))


def radiation(mechanism: Mechanism, takeoff: float, azimuth: float) -> tuple[float, float, float]:
    """Pattern of P, SV and SH for a ray leaving at angles in radians, ``takeoff`` from down.

    Examples
    --------
    A vertical strike-slip fault that strikes north pushes to the northeast, pulls to the northwest.

    >>> strike_slip = Mechanism(0, 90, 0)
    >>> [round(radiation(strike_slip, math.pi / 2, math.radians(a))[0], 3) for a in (45, 315)]
    [1.0, -1.0]
    """
    strike, dip, rake = (math.radians(angle) for angle in mechanism)
    turn = azimuth - strike
    sin_i, cos_i, sin_2i, cos_2i = (f(k * takeoff) for k in (1, 2) for f in (math.sin, math.cos))
    sin_t, cos_t, sin_2t, cos_2t = (f(k * turn) for k in (1, 2) for f in (math.sin, math.cos))
    # The four faces of a double couple: strike slip and dip slip, each on a fault of any dip.
    strike_vertical = math.cos(rake) * math.sin(dip)
    strike_flat = math.cos(rake) * math.cos(dip)
    dip_half = math.sin(rake) * math.sin(2 * dip)
    dip_turned = math.sin(rake) * math.cos(2 * dip)
    p = (
        strike_vertical * sin_i**2 * sin_2t
        - strike_flat * sin_2i * cos_t
        + dip_half * (cos_i**2 - sin_i**2 * sin_t**2)
        + dip_turned * sin_2i * sin_t
    )
    sv = (
        dip_turned * cos_2i * sin_t
        - strike_flat * cos_2i * cos_t
        + 0.5 * strike_vertical * sin_2i * sin_2t
        - 0.5 * dip_half * sin_2i * (1 + sin_t**2)
    )
    sh = (
        strike_flat * cos_i * sin_t
        + strike_vertical * sin_i * cos_2t
        + dip_turned * cos_i * cos_t
        - 0.5 * dip_half * sin_i * sin_2t
    )
    return p, sv, sh
