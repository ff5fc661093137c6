"""Products on the processor and through torch."""

import numpy as np
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.matmul import matmul, matmul_on

GENERATOR = np.random.default_rng(0)
LEFT, RIGHT = GENERATOR.normal(size=(70, 33)).astype(np.float32), GENERATOR.normal(size=(33, 9)).astype(np.float32)


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_products_are_those_in_double_precision(device: str) -> None:
    with matmul_on(device):
        found = matmul(LEFT, RIGHT)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, LEFT.astype(np.float64) @ RIGHT, rtol=1e-4, atol=1e-5)


def test_torch_computes_where_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    seen: list[str] = []
    original = torch.Tensor.to

    def watched(tensor: torch.Tensor, device: str) -> torch.Tensor:
        seen.append(device)
        return original(tensor, device)

    monkeypatch.setattr(torch.Tensor, "to", watched)
    matmul(LEFT, RIGHT)
    assert seen == []
    with matmul_on("cpu"):
        matmul(LEFT, RIGHT)
    assert seen == ["cpu", "cpu"]
    matmul(LEFT, RIGHT)
    assert len(seen) == 2


def test_a_factor_read_from_the_wrong_side() -> None:
    with matmul_on("cpu"):
        np.testing.assert_allclose(matmul(RIGHT.T, LEFT.T), (LEFT @ RIGHT).T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_devices_that_are_not_there(device: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Device '{device}' cannot be used"), matmul_on(device):
        pass
