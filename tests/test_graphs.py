"""CUDA graphs of the decoder's layers against the layers themselves."""

import copy

import pytest
import torch
from helpers import assert_near
from test_model import small_model

from mf3d_tutorial.model.decoder import MaskTransformer
from mf3d_tutorial.model.graphs import LayerGraphs


def test_without_a_gpu_in_evaluation_and_unasked_the_layers_run_themselves():
    decoder = small_model().decoder.train()
    decoder.graphs.wanted = True
    queries = torch.zeros(2, 10, decoder.dim)
    steps = [(layer, ask, answer) for layer, ask, answer in decoder.graphs.of(decoder.layers, queries)]
    assert steps == [(layer, layer.ask, layer.answer) for layer in decoder.layers]
    assert decoder.graphs.steps == []


def test_a_copied_model_makes_graphs_of_its_own():
    graphs = LayerGraphs()
    graphs.wanted, graphs.key, graphs.steps = True, "shape", [print]
    twin = copy.deepcopy(graphs)
    assert (twin.wanted, twin.key, twin.steps) == (False, None, [])


def decoder_on_a_gpu(**options) -> MaskTransformer:
    torch.manual_seed(0)
    return MaskTransformer(48, 20, 4, 3, 96, **options).cuda().train()


def outputs_and_gradients(decoder: MaskTransformer, half: bool, sizes: tuple[int, ...], seed: int) -> dict:
    """Of one step on random scenes; dropout is seeded, too."""
    rng = torch.Generator("cuda").manual_seed(seed)
    features, coord = (torch.randn(sum(sizes), width, generator=rng, device="cuda") for width in (48, 3))
    features = (features.half() if half else features).requires_grad_()
    torch.manual_seed(seed)
    decoder.zero_grad()
    with torch.autocast("cuda", torch.float16, enabled=half):
        layers = decoder(features, decoder.position(coord), coord, features.split(list(sizes)))
    sum((2.0**10 * layer).square().mean() for layer in layers).backward()
    gradients = {name: parameter.grad.clone() for name, parameter in decoder.named_parameters()}
    return {"queries": layers[-1].detach().clone(), "features": features.grad, **gradients}


@pytest.mark.cuda
@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize("options", [{}, {"masked_attention": True}], ids=["plain", "masked"])
def test_graphs_give_what_the_layers_give(options, half):
    decoder = decoder_on_a_gpu(**options)
    graphed = copy.deepcopy(decoder)
    graphed.graphs.wanted = True
    for seed, sizes in enumerate([(700, 300), (500, 900), (400,), (800, 60)]):  # one batch is of another shape
        want, got = (outputs_and_gradients(one, half, sizes, seed) for one in (decoder, graphed))
        for name, value in want.items():
            if not name.endswith("cross_attention.position.bias"):  # the softmax cancels it: noise
                assert_near(got[name], value, 1e-1 if half else 1e-4)  # 0.04: a point more in a mask
        with torch.no_grad():  # weights change in place, as by an optimiser
            for parameters in zip(decoder.parameters(), graphed.parameters()):
                change = 0.01 * torch.randn_like(parameters[0])
                for parameter in parameters:
                    parameter += change
    assert len(graphed.graphs.steps) == 6


@pytest.mark.cuda
def test_dropout_in_graphs_follows_the_seed():
    decoder = decoder_on_a_gpu(dropout=0.3)
    decoder.graphs.wanted = True
    outputs_and_gradients(decoder, True, (500,), seed=1)  # records
    first, again, other = (outputs_and_gradients(decoder, True, (500,), seed=seed)["queries"] for seed in (1, 1, 2))
    torch.testing.assert_close(first, again, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(first, other, atol=1e-1)
