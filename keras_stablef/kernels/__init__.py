"""Triton kernels of the functions that ship, a module for each.

Generated beside `keras_stablef.generated`, with the same statements; loaded by
`keras_stablef._triton`, where there is Triton and a tensor on CUDA asks.
"""
