"""Annotations are checked while tests run (conftest.py): what would pass unnoticed is refused."""

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from mf3d_tutorial.data.placement import near_origin
from mf3d_tutorial.data.targets import Target
from mf3d_tutorial.evaluation.inference import mask_quality
from mf3d_tutorial.model.decoder import PositionEncoding
from mf3d_tutorial.training.losses import count_scenes, mask_losses
from mf3d_tutorial.warp import segment_csr

LABELS, INSTANCE = torch.zeros(2, dtype=torch.long), torch.tensor([0, 1, 1, -1])


def test_right_shapes_pass():
    assert count_scenes([Target(LABELS, INSTANCE)]) == (1, 1)
    assert near_origin(np.zeros((4, 3))).shape == (4, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: near_origin(np.zeros((4, 2))),  # a column is missing
        lambda: Target(LABELS.float(), INSTANCE),  # labels are no integers
        lambda: mask_quality(torch.zeros(3, 4), counts=torch.ones(1, dtype=torch.long)),  # not N
        lambda: PositionEncoding()(torch.zeros(4, 2)),
        lambda: mask_losses([torch.zeros(1, 2, 4, 1)], [], []),  # one axis too many
        lambda: segment_csr(torch.zeros(4, 2, 2), torch.tensor([0, 4])),
    ],
    ids=["data", "dataclass", "evaluation", "model", "training", "warp"],
)
def test_what_an_annotation_does_not_allow_is_refused(call):
    with pytest.raises(TypeCheckError):
        call()
