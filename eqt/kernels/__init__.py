"""Fast versions of the layers of `eqt.layers`, each equal to its plain layer by a test.

===============  ==============================================================
`xla`            XLA compilation, and the switches that select plain layers
`convolution`    packed convolution; upsampling and convolution in one operation
`recurrent`      LSTM with explicit backpropagation through time
`attention`      additive attention with explicit gradient
`fused_ops`      batch normalisation and Adam as single TensorFlow operations
`batch_halves`   both halves of a batch in parallel on a CPU
===============  ==============================================================

Only these modules use private interfaces of Keras and raw TensorFlow operations. Where they do not
apply, on the other backends of Keras for instance, a layer computes its plain formula.
"""
