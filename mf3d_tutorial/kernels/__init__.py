"""For CUDA: Triton kernels, for what PyTorch can do only scene by scene, or by writing (queries x
points) to memory; and CUDA graphs of the decoder's layers.

Each kernel computes what plain PyTorch computes on the CPU (model/attention.py,
training/losses.py); tests compare the two. Triton comes with the CUDA build of torch; modules here
that need it are imported where a tensor is on CUDA, and only there.
"""
