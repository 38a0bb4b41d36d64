"""CUDA graphs of the decoder's layers against the layers themselves."""

import copy

import pytest
import torch
from helpers import assert_near, small_model
from torch.utils._python_dispatch import TorchDispatchMode

from mf3d_tutorial.kernels.cuda_graphs import LayerGraphs, Part, as_function, key_of
from mf3d_tutorial.model.decoder import Level, MaskTransformer


def test_without_a_recording_and_in_evaluation_the_layers_run_themselves():
    decoder, queries = small_model().decoder.train(), torch.zeros(2, 10, 8)
    layers, graphs = decoder.layers, LayerGraphs()
    plain = [None] * len(layers)
    assert graphs.graphed_or_none(layers, queries) == plain
    graphs.key, graphs.steps = key_of(queries), [print, repr] * len(layers)
    graphs.parameters = list(decoder.parameters())
    assert graphs.graphed_or_none(layers, queries) == [(print, repr)] * len(layers)
    graphs.parameters[3].grad = torch.zeros_like(graphs.parameters[3])
    assert graphs.graphed_or_none(layers, queries) == plain
    decoder.zero_grad()
    assert graphs.graphed_or_none(layers, queries[:1]) == plain
    with torch.no_grad():
        assert graphs.graphed_or_none(layers, queries) == plain
    assert graphs.graphed_or_none(decoder.eval().layers, queries) == plain


def test_a_copied_model_makes_graphs_of_its_own():
    graphs = LayerGraphs()
    graphs.key, graphs.steps = "shape", [print]
    twin = copy.deepcopy(graphs)
    assert (twin.key, twin.steps) == (None, [])


@pytest.mark.parametrize("step", ["before", "after"])
def test_weights_that_are_cast_together_give_what_autocast_gives(step):
    """Bit by bit; norms keep float32. And each weight's cast and its gradient's are gone."""
    layer, rng = small_model().decoder.train().layers[0], torch.Generator().manual_seed(0)
    cross, (queries, q) = layer.cross_attention, torch.randn(2, 2, 10, 16, generator=rng)
    if step == "before":
        part = Part(layer.self_attention_step, layer.self_attention, layer.norms[0], cross.query)
        tensors = [queries]
    else:
        part = Part(layer.feed_forward_step, *layer.norms[1:], cross.out, layer.feed_forward)
        tensors = [queries, q.unflatten(2, (cross.num_heads, -1)).bfloat16()]
    parameters, results, numbers = list(part.parameters()), [], []
    function, _ = as_function(part, tensors, torch.bfloat16)
    for call, weights in ((part, ()), (function, parameters)):
        inputs = [tensor.clone().requires_grad_() for tensor in tensors]
        with CountedCasts() as casts, torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            out = call(*inputs, *weights)
            out = (out,) if isinstance(out, torch.Tensor) else out
            gradients = torch.autograd.grad(out, [*inputs, *parameters], [slopes(x) for x in out])
        results.append((*out, *gradients))
        numbers.append(casts.number)
    norms = sum(isinstance(module, torch.nn.LayerNorm) for module in part.modules())
    assert numbers[0] - numbers[1] == 2 * (len(parameters) - 2 * norms)
    for theirs, ours in zip(*results):
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)


def slopes(x: torch.Tensor) -> torch.Tensor:
    """The gradient of a sum of `x` in which each number has a weight of its own.

    (The mean square of what a norm gives is constant, and its gradient nothing but rounding.)
    """
    return torch.cos(torch.arange(x.numel(), device=x.device)).view(x.shape).to(x.dtype)


class CountedCasts(TorchDispatchMode):
    """Counts the casts of one tensor."""

    number = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.number += function is torch.ops.aten._to_copy.default
        return function(*args, **(kwargs or {}))


def decoder_on_a_gpu(**options) -> MaskTransformer:
    torch.manual_seed(0)
    return MaskTransformer(48, 20, 4, 3, 96, **options).cuda().train()


def outputs_and_gradients(
    decoder: MaskTransformer, half: bool, sizes: tuple[int, ...], seed: int
) -> dict:
    """Of one step on random scenes; dropout is seeded, too."""
    rng = torch.Generator("cuda").manual_seed(seed)
    features, coord = (
        torch.randn(sum(sizes), width, generator=rng, device="cuda") for width in (48, 3)
    )
    features = (features.half() if half else features).requires_grad_()
    torch.manual_seed(seed)
    decoder.zero_grad()
    with torch.autocast("cuda", torch.float16, enabled=half):
        layers = decoder([Level(features, decoder.position(coord), features, sizes)], coord)
    torch.autograd.backward(layers, [slopes(layer) for layer in layers])
    gradients = {name: parameter.grad.clone() for name, parameter in decoder.named_parameters()}
    return {"queries": layers[-1].detach().clone(), "features": features.grad, **gradients}


@pytest.mark.cuda
@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize(
    "options",
    [{}, {"masked_attention": True}, {"query_init": "fps"}],
    ids=["plain", "masked", "fps"],
)
def test_graphs_give_what_the_layers_give(options, half):
    decoder = decoder_on_a_gpu(**options)
    graphed = copy.deepcopy(decoder)
    with torch.autocast("cuda", torch.float16, enabled=half):
        graphed.record_graphs(num_scenes=2, num_queries=20)
    # one batch is of another shape
    for seed, sizes in enumerate([(700, 300), (500, 900), (400,), (800, 60)]):
        want, got = (outputs_and_gradients(one, half, sizes, seed) for one in (decoder, graphed))
        for name, value in want.items():
            if not name.endswith("cross_attention.position.bias"):  # the softmax cancels it: noise
                # 0.04: a point more in a mask
                assert_near(got[name], value, 1e-1 if half else 1e-4)
        with torch.no_grad():  # weights change in place, as by an optimiser
            for parameters in zip(decoder.parameters(), graphed.parameters()):
                change = 0.01 * torch.randn_like(parameters[0])
                for parameter in parameters:
                    parameter += change
    assert len(graphed.graphs.steps) == 6


@pytest.mark.cuda
def test_gradients_of_two_backward_passes_add_up():
    decoder, (points, coord) = decoder_on_a_gpu(), torch.randn(2, 500, 48, device="cuda")
    twin = copy.deepcopy(decoder)
    decoder.record_graphs(num_scenes=1, num_queries=20)
    for one in (decoder, twin):
        for scale in (1.0, 2.0):
            features = scale * points
            layers = one(
                [Level(features, one.position(coord[:, :3]), features, (500,))], coord[:, :3]
            )
            layers[-1].backward(slopes(layers[-1]))
    for ours, theirs in zip(decoder.layers.parameters(), twin.layers.parameters()):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4, rtol=1e-2)


@pytest.mark.cuda
def test_dropout_in_graphs_follows_the_seed():
    decoder = decoder_on_a_gpu(dropout=0.3)
    with torch.autocast("cuda", torch.float16):
        decoder.record_graphs(num_scenes=1, num_queries=20)
    first, again, other = (
        outputs_and_gradients(decoder, True, (500,), seed=seed)["queries"] for seed in (1, 1, 2)
    )
    torch.testing.assert_close(first, again, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(first, other, atol=1e-1)
