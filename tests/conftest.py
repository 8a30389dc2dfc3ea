"""What several files of tests share."""

import hypothesis
import pytest
import torch

# The same examples in every run, so that a test turns red by a change and not by chance; pytest's
# --hypothesis-profile=default draws new ones. A busy machine may take its time.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


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
