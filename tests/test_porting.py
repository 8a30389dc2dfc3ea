"""The page on old code: every block runs, or stops with the error printed below it."""

import re
from pathlib import Path

import pytest
import torch

PAGE = (Path(__file__).parents[1] / "docs" / "porting.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", PAGE, flags=re.S)


def test_each_block_of_the_page_runs_or_stops_with_the_error_below_it():
    names = {}
    with torch.random.fork_rng():
        for code, error in BLOCKS:
            if not error:
                exec(code, names)
                continue
            kind, _, text = error.strip().partition(": ")
            with pytest.raises(Exception, match=re.escape(text)) as caught:
                exec(code, names)
            assert type(caught.value).__name__ == kind
    assert sum(bool(error) for _, error in BLOCKS) == 6


def test_the_idioms_that_the_table_calls_harmless_are():
    x, critic = torch.randn(4, 2, requires_grad=True), torch.nn.Linear(2, 1)
    assert type(torch.autograd.Variable(x.detach())) is torch.Tensor
    scores = critic(x)
    old = torch.autograd.grad(
        scores, x, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True, only_inputs=True
    )[0]
    assert torch.equal(old, torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0])
    loss = critic(x.detach()).mean()
    loss.backward(torch.tensor(-1.0))
    turned = critic.weight.grad.clone()
    critic.zero_grad()
    (-critic(x.detach()).mean()).backward()
    assert torch.equal(turned, critic.weight.grad)


def test_expanding_one_eps_per_sample_from_a_row_fails_or_takes_the_wrong_axis():
    with pytest.raises(RuntimeError):
        torch.rand(8).expand_as(torch.zeros(8, 2))
    square = torch.rand(8).expand_as(torch.zeros(8, 8))
    assert torch.equal(square[0], square[1])  # one per column
