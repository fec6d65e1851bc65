"""Layers that take the place of torch's while a model is trained.

They import torch alone.
"""
