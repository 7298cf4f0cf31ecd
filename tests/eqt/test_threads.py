"""How the cores are shared: told once, before TensorFlow computes."""

import subprocess
import sys

CODE = """
from eqt.threads import share_cores, shares
from steadkit.processes import cores
import tensorflow as tf
threading = tf.config.threading
assert shares() == 1
share_cores(2)
assert threading.get_intra_op_parallelism_threads() == max(1, cores() // 2)
assert threading.get_inter_op_parallelism_threads() == cores()
share_cores()
assert threading.get_intra_op_parallelism_threads() == 1
assert shares() == cores()
tf.constant(1) + 1
share_cores(1)  # too late to change anything, and no error
assert threading.get_intra_op_parallelism_threads() == 1
"""


def test_cores_are_shared_only_where_they_were_told_to():
    subprocess.run([sys.executable, "-c", CODE], check=True)
