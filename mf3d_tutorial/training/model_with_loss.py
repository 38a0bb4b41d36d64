"""Model and loss as one module, for DistributedDataParallel; zeros for a process that has nothing
of a batch."""

import torch
from torch import Tensor, nn

from mf3d_tutorial.common.errors import NonFiniteError
from mf3d_tutorial.data import Batch
from mf3d_tutorial.model import MaskFormer3D
from mf3d_tutorial.training.distributed import Sum
from mf3d_tutorial.training.losses import Losses, SetCriterion

TERMS = ("loss", "cls", "bce", "dice")


class ModelWithLoss(nn.Module):
    """`losses = model_with_loss(batch, count)`: the model on a batch's scenes, and the criterion on
    what it says of them."""

    def __init__(self, model: MaskFormer3D, criterion: SetCriterion):
        super().__init__()
        self.model, self.criterion = model, criterion

    def forward(self, batch: Batch | None, count: Sum) -> Losses:
        """`count`: of all processes, the scenes of the step, and those of them that have instances.

        Zeros without a batch, NaN where matching finds NaN; both depend on every parameter, because
        the other processes wait for the gradients of each.
        """
        if batch is None:
            return dict.fromkeys(TERMS, self._of_every_parameter() * 0)
        outputs = self.model.forward_layers(batch.points, last_only=self.criterion.aux_weight == 0)
        try:
            return self.criterion(outputs, batch.targets, count.result())
        except NonFiniteError:
            return dict.fromkeys(
                TERMS, (outputs[-1][0].sum() + self._of_every_parameter()) * torch.nan
            )

    def _of_every_parameter(self) -> Tensor:
        return torch.stack([parameter.sum() for parameter in self.model.parameters()]).sum()
