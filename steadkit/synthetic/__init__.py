"""A miniature STEAD made by code from a seed, from seismology and not from noise.

Earthquakes with a mechanism and a spectrum are recorded through a layered crust by stations that
each have a place, an instrument, a ground and a noise of their own:

===============  ==============================================================
`velocity`       when P and S arrive
`source`         what an earthquake radiates
`stations`       who listens
`seismicity`     which earthquakes there are, and who hears them
`waves`          the noiseless seismogram
`ambient`        the noise
`rows`           the 35 columns
`traces`         all of it together, with the issues that real data have
===============  ==============================================================
"""

from steadkit.synthetic.traces import earthquakes, noise

__all__ = ["earthquakes", "noise"]
