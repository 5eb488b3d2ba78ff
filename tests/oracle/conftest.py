"""Without PyTorch there is nothing to compare with: the folder is left out, and tests/test_oracle.py says so."""

from __future__ import annotations

try:
    import torch  # noqa: F401
except ModuleNotFoundError:
    collect_ignore_glob = ["test_*.py"]
