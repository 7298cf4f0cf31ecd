"""How the cores are shared: told once, before TensorFlow computes."""

import subprocess
import sys

CODE = """
from eqt.threads import configure_threads, n_shards
from steadkit.processes import count_cores
import tensorflow as tf
threading = tf.config.threading
assert n_shards() == 1
configure_threads(2)
assert threading.get_intra_op_parallelism_threads() == max(1, count_cores() // 2)
assert threading.get_inter_op_parallelism_threads() == count_cores()
configure_threads()
assert threading.get_intra_op_parallelism_threads() == 1
assert n_shards() == count_cores()
tf.constant(1) + 1
configure_threads(1)  # too late to change anything, and no error
assert threading.get_intra_op_parallelism_threads() == 1
"""


def test_cores_are_shared_only_where_they_were_told_to():
    subprocess.run([sys.executable, "-c", CODE], check=True)
