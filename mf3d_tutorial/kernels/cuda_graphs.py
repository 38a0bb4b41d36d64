"""CUDA graphs of what decoder layers do with their queries alone.

The host takes longer to start those small kernels one by one than the GPU to run them. Their shapes
are the same in every step, whatever the scenes, so all kernels of a layer before its
cross-attention (or after it) are recorded once and then started by one call; the same for their
gradients. The numbers are those of the layers without graphs.

A graph writes its results, and the parameters' gradients, into the same memory each time. So graphs
are for a loop in which each forward pass is followed by its backward pass before the next one
begins, and have to be asked for (`model.decoder.record_graphs`), before other threads use the GPU:
that would spoil the recording. Weights may be changed and loaded in place, but not replaced by
other tensors.
"""

import gc
import warnings
from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

Step = Callable[..., Any]  # of tensors; gives one or several


@runtime_checkable
class Layer(Protocol):
    """A decoder layer, as far as graphs care: a ModuleList does not say what it holds."""

    self_attention: nn.Module
    cross_attention: Any
    feed_forward: nn.Module
    norms: nn.ModuleList
    self_attention_step: Step
    feed_forward_step: Step


class Part(nn.Module):
    """A function of some modules, as a module."""

    def __init__(self, function: Step, *parts: nn.Module):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, *tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The function's result for these tensors."""
        return self.function(*tensors)


class Cast(torch.autograd.Function):
    """Tensors in another type, all by one kernel; so are their gradients on the way back."""

    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The arguments and the result are those of the class."""
        ctx.dtype = tensors[0].dtype
        return cast_together(tensors, dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in the type of the tensors."""
        return None, *cast_together(gradients, ctx.dtype)


def cast_together(tensors: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """The tensors in this type."""
    casts = tuple(torch.empty_like(tensor, dtype=dtype) for tensor in tensors)
    torch._foreach_copy_(casts, tensors)
    return casts


class LayerGraphs:
    """The two steps of each decoder layer, before and after it attends to the scene, as graphs for
    queries of one shape, once recorded."""

    def __init__(self):
        self.key, self.steps, self.parameters = None, [], []

    def __deepcopy__(self, memo: dict) -> "LayerGraphs":
        return LayerGraphs()  # a copied model has other parameters

    def graphed_or_none(
        self, layers: nn.ModuleList, queries: Float[Tensor, "B Q D"]
    ) -> list[tuple[Step, Step]] | list[None]:
        """Each layer's two steps as graphs; None for each layer, which then runs them plainly, if
        there are no graphs for such queries or no gradients are asked for.

        There are none either while parameters have gradients of another backward pass: a graph
        would write over them.
        """
        wanted = self.key == key_of(queries) and layers.training and torch.is_grad_enabled()
        if wanted and all(parameter.grad is None for parameter in self.parameters):
            return list(zip(self.steps[::2], self.steps[1::2]))
        return [None] * len(layers)

    def record(self, layers: nn.ModuleList, queries: Float[Tensor, "B Q D"]) -> None:
        """Make the graphs, for the autocast that is on now and layers in training."""
        gc.collect()  # graphs of a model that is gone are freed only by this
        each = cast("list[Layer]", layers)
        parts, inputs = [], []
        half, dtype = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
        with (
            torch.autocast("cuda", dtype, enabled=half, cache_enabled=False),
            warnings.catch_warnings(),
        ):
            layers.train()
            with torch.no_grad():
                after_self_attention, q = each[0].self_attention_step(queries)
            for layer in each:
                cross = layer.cross_attention
                parts.append(
                    Part(
                        layer.self_attention_step, layer.self_attention, layer.norms[0], cross.query
                    )
                )
                parts.append(
                    Part(layer.feed_forward_step, *layer.norms[1:], cross.out, layer.feed_forward)
                )
                inputs += [[queries], [after_self_attention, q]]
            functions, examples = zip(
                *(
                    as_function(part, tensors, dtype if half else torch.float32)
                    for part, tensors in zip(parts, inputs)
                )
            )
            # PyTorch warns of this in the trial runs before it records.
            warnings.filterwarnings("ignore", "The AccumulateGrad node's stream", UserWarning)
            with torch.cuda.device(queries.device):
                # Without this the capture stream stays on the GPU that was used first.
                torch.cuda.graph.default_capture_stream = None
                graphs = torch.cuda.make_graphed_callables(functions, examples)
        self.key, self.parameters = key_of(queries), list(layers.parameters())
        self.steps = [with_parameters(graph, part) for graph, part in zip(graphs, parts)]


def key_of(queries: Tensor) -> tuple:
    """The shape, type, device and autocast that a recorded graph needs to fit."""
    autocast = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    return queries.shape, queries.dtype, queries.device, autocast


def as_function(
    part: Part, tensors: list[Tensor], dtype: torch.dtype
) -> tuple[Step, tuple[Tensor, ...]]:
    """A part as a function of tensors and its parameters, and examples of these.

    `dtype`: the autocast's type. Autocast would cast each weight by itself; here those that it
    casts, all but the norms', come to it in that type already.

    The parameters' examples share their memory, and so are up to date when a graph is replayed.
    Were they the parameters themselves, their gradients would from then on be summed up on the
    stream of the recording.
    """
    names = [name for name, _ in part.named_parameters()]
    norms = [module for module in part.modules() if isinstance(module, nn.LayerNorm)]
    kept = {id(parameter) for norm in norms for parameter in norm.parameters()}
    change = [i for i, parameter in enumerate(part.parameters()) if id(parameter) not in kept]

    def function(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        parameters = list(inputs[len(tensors) :])
        if dtype is not torch.float32:
            for i, weight in zip(change, Cast.apply(dtype, *(parameters[i] for i in change))):
                parameters[i] = weight
        return functional_call(part, dict(zip(names, parameters)), inputs[: len(tensors)])

    examples = [torch.zeros(x.shape, dtype=x.dtype, device=x.device) for x in tensors]
    examples += [parameter.detach() for parameter in part.parameters()]
    return function, tuple(example.requires_grad_() for example in examples)


def with_parameters(graph: Step, part: Part) -> Step:
    """The graph as a function of its inputs alone; the part's parameters follow by themselves."""
    parameters = list(part.parameters())
    return lambda *tensors: graph(*tensors, *parameters)
