"""Mutated inputs: each must be refused in one line or lead to a correct result.

Run whole with ``PYTHONPATH=tests python -m campaigns.mutations --mutants 2000``; the tests run a
little. A mutant is a sound data set (HDF5, CSV and manifest, the HDF5 written in one of five
styles) with one fault: bytes damaged, a hostile name, an object that is not what it should be.
One command meets each mutant, in a process of its own with a watchdog and a limit on its memory.

===============  ==============================================================
`inputs`         the sound data sets, in five styles of HDF5
`damage`         faults of bytes, for any file
`texts`          faults of the CSV and of the manifest
`objects`        faults of the objects in an HDF5 file
`worker`         a process that runs commands in children and watches them
`judge`          whether what a command wrote and said is right
`campaign`       many mutants, one after another
===============  ==============================================================
"""
