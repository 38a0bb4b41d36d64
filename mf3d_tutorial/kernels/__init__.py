"""Triton kernels for CUDA: what PyTorch can do only scene by scene, or by writing (queries x
points) to memory.

Each computes what plain PyTorch computes on the CPU (model/attention.py, training/losses.py); tests
compare the two. Triton comes with the CUDA build of torch; its modules here are imported where a
tensor is on CUDA, and only there.
"""
