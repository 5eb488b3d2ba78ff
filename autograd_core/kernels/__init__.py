"""Kernels: arrays in, arrays out; a kernel never sees a Tensor.

This file imports nothing, so that ``import autograd_core`` does not load Numba: each kernel module is imported at the
first operation that needs it.
"""
