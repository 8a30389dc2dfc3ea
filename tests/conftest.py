"""What several files of tests share."""

import pytest
import torch


@pytest.fixture(params=["float64", "float16", "meta"])
def other_default(request):
    """Another default precision, or a default device that holds no numbers: a tensor left to it would be found out."""
    if request.param == "meta":
        torch.set_default_device("meta")
    else:
        torch.set_default_dtype(getattr(torch, request.param))
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
