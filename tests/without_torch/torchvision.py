"""Stands before the real package on PYTHONPATH: what runs here runs where there is none, as in a browser."""

raise ImportError("torchvision is not here")
