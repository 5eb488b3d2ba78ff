"""Whether the tests in tests/oracle, which compare every operation with PyTorch, are part of the run."""

from __future__ import annotations

import pytest


@pytest.mark.torch
def test_pytorch_serves_as_oracle() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the tests in tests/oracle were left out")
    assert torch.ones(2).sum().item() == 2
