"""A worker starts without torch's compiler; one that is wanted still works."""

import subprocess
import sys

TRAIN = """
import sys
import torch
from sweeper.schema import AdamW, Sgd
from sweeper.worker.optimizers import build_optimizer

def train(settings):
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 3)
    optimizer = build_optimizer(settings, model.parameters(), torch.device("cpu"))
    for _ in range(3):
        optimizer.zero_grad(set_to_none=True)
        model(torch.ones(2, 3)).square().sum().backward()
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
    return model.weight.detach().clone()

adamw = AdamW(name="adamw", lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
sgd = Sgd(name="sgd", lr=0.1, momentum=0.9, weight_decay=0.0, nesterov=False)
before = [train(adamw), train(sgd)]
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", TRAIN + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_training_resuming_and_checkpointing_load_no_compiler() -> None:
    run("assert not {'torch._dynamo', 'sympy', 'torch.distributed.fsdp'} & sys.modules.keys()")


def test_a_step_is_torchs_own_bit_for_bit() -> None:
    run(
        "from sweeper.worker import optimizers\n"
        "optimizers.without_dynamo = lambda kind: kind\n"
        "torchs = [train(adamw), train(sgd)]\n"
        "assert 'torch._dynamo' in sys.modules\n"
        "assert all(torch.equal(a, b) for a, b in zip(before, torchs, strict=True))"
    )
