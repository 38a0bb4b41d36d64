"""The training loop, to be read from top to bottom: fit() -> train_step(), validate().

    cfg = load_config(["recipe=tiny", "paths.data_dir=data_samples", "paths.output_dir=runs/first"])
    metrics = fit(cfg)

A run folder holds config.yaml, metrics.jsonl (a line for every `train.log_every` steps and every
validation), metrics.json (the result), last.ckpt (the state of at most `train.save_every` seconds
ago), previous.ckpt (the one before it) and best.ckpt (the validation with the highest AP).
"""

from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from mf3d_tutorial.common.errors import DataError, NonFiniteError, UserError
from mf3d_tutorial.config import Config, InferenceConfig
from mf3d_tutorial.data import Batch, ScanNetScenes
from mf3d_tutorial.data.batch_sampler import SceneBatchSampler
from mf3d_tutorial.data.loader_parts import fetch
from mf3d_tutorial.evaluation.inference import predict_instances
from mf3d_tutorial.evaluation.metrics import ScanNetInstanceAP
from mf3d_tutorial.evaluation.threaded_ap import ThreadedAP
from mf3d_tutorial.model import MaskFormer3D
from mf3d_tutorial.training.distributed import (
    Sum,
    all_sum,
    broadcast,
    gather,
    on_main,
    process_group,
    rank,
    sum_over_processes,
    world_size,
)
from mf3d_tutorial.training.loading import (
    Datasets,
    build_loader,
    check_data,
    load_datasets,
    loader_processes,
)
from mf3d_tutorial.training.losses import SetCriterion, count_scenes
from mf3d_tutorial.training.model_with_loss import TERMS
from mf3d_tutorial.training.run_folder import Interrupts, RunFolder, dump_batch
from mf3d_tutorial.training.run_state import Log, Progress, Run, StepResult, as_numbers
from mf3d_tutorial.training.step_errors import explain_step_error, scene_names
from mf3d_tutorial.training.upload import upload
from mf3d_tutorial.warp import drop_graphs, graph_memory
from mf3d_tutorial.warp.device import autocast, choose_device

# Smallest scale of the loss in float16 before a run gives up. GradScaler starts at 2**16 and halves
# it at every overflow.
SMALLEST_SCALE = 2.0**-20

if TYPE_CHECKING:
    from mf3d_tutorial.viz.live import LiveViewer


def fit(cfg: Config, log: Log = print) -> dict[str, Any]:
    """Train as `cfg` says and write the run folder; what metrics.json holds is returned.

    UserError before anything is written if data, config or folder cannot be used; every scene is
    read once for that. Whatever ends the run later, a signal too, last.ckpt is written first, and
    `train.resume=auto` goes on from it.
    """
    device = choose_device(cfg.device)
    with process_group(device):
        return fit_in_group(cfg, device, log if rank() == 0 else (lambda line: None))


def fit_in_group(cfg: Config, device: torch.device, log: Log) -> dict[str, Any]:
    """The work of one process of `fit`, between joining the others and leaving them.

    A function of its own, so that DistributedDataParallel is gone when the group is left (see
    `process_group`).
    """
    if device.type == "cuda":
        # More threads would wait for the GPU's work on cores that the loader processes need.
        torch.set_num_threads(1)
    if (workers := loader_processes(cfg)) < cfg.train.num_workers:
        log(
            f"train.num_workers={cfg.train.num_workers} is more than this host has cores for:"
            f" taking {workers}"
        )
    datasets = load_datasets(cfg)
    if cfg.data.cache and rank() > 0:
        with suppress(DataError):  # process 0 finds the bad scenes and says which they are
            datasets[0].keep_in_memory()
    on_main(lambda: check_data(cfg, datasets, log))
    if cfg.data.cache:
        datasets[0].keep_in_memory()
    run = Run.create(cfg, device, len(datasets[0]))
    scenes = f"{len(datasets[0])} train and {len(datasets[1])} val scenes"
    log(f"{scenes}, {run.num_parameters / 1e6:.2f} M parameters, {world_size()} x {device.type}")
    viewer = None
    if cfg.viz.enabled and rank() == 0:
        from mf3d_tutorial.viz.live import LiveViewer

        viewer = LiveViewer(cfg, datasets[::-1], log)
    watched = closing(viewer) if viewer else nullcontext()
    with watched, Interrupts() as interrupts, RunFolder(cfg, log) as folder:
        folder.open(run)
        return train(run, folder, datasets, interrupts, viewer)


def train(
    run: Run,
    folder: RunFolder,
    datasets: Datasets,
    interrupts: Interrupts,
    viewer: "LiveViewer | None",
) -> dict[str, Any]:
    """The loop of `fit`, from wherever `run` is."""
    cfg, options = run.cfg, run.cfg.train
    train_loader = build_loader(cfg, datasets[0], shuffle=True, log=folder.log)
    val_loader = build_loader(cfg, datasets[1])
    progress = Progress(run, folder.log)
    # DataLoader does not know its type
    sampler = cast(SceneBatchSampler, train_loader.batch_sampler)
    sampler.start_at(run.epoch, run.epoch_steps)
    batches = fetch(train_loader)
    # The parts of each step. The loader never ends, so there is never an empty list.
    steps = iter(lambda: list(islice(batches, options.accumulate)), [])
    # An epoch that has begun is still to be validated, even if all steps are done.
    while not run.is_over or run.epoch_steps:
        run.model.train()
        for parts in progress.timed(islice(steps, sampler.steps - run.epoch_steps)):
            if run.is_over:
                break
            interrupts.check()
            run.seed_step()
            losses = train_step(run, *parts, log=folder.log)
            if run.step % options.log_every == 0:
                values = {
                    "lr": run.scheduler.get_last_lr()[0],
                    **as_numbers(losses),
                    **progress.rates(),
                }
                folder.append("train", run, values)
                check_scale(run)
            progress.report(losses)
            if viewer:
                viewer.update(run, losses)
            if folder.is_due:
                folder.save(run, "last.ckpt")
        read_results(run)
        validated = (run.epoch + 1) % options.eval_every == 0 or run.is_over
        if validated:
            interrupts.check(wait=True)
            with interrupts.let_through():
                metrics = validate_run(run, val_loader)
            folder.log(f"epoch {run.epoch + 1}: " + describe(metrics))
            if run.is_best(metrics):
                folder.save(run, "best.ckpt")
            folder.append("val", run, metrics)
        run.epoch, run.epoch_steps = run.epoch + 1, 0
        if options.schedule == "step":
            run.scheduler.step()
        if validated or folder.is_due:
            folder.save(run, "last.ckpt")
    return folder.finish(run, progress.seconds)


def train_step(run: Run, *parts: Batch | None, log: Log = print) -> dict[str, Tensor]:
    """One optimiser step on a batch, or on the `parts` of it that this process has; losses and
    gradient norm, detached.

    All or nothing: an error, a loss or a gradient that is not finite changes neither weights nor
    batch norm's statistics. (In float16 some gradients may overflow: such a step leaves the weights
    alone, and lowers the scale.) NonFiniteError, naming the scenes, after `train.max_nonfinite`
    such batches in a row.

    On a GPU the host does not wait for the step's end, but for that of the step before: a step that
    is not finite is noticed one step later (`read_results`).

    If a batch finds no room on the GPU, the backbone's CUDA graphs are dropped; if that does not
    help, it is computed in pieces, and so are all after it. `log` is told.
    """
    run.keep_statistics()
    try:
        while (losses := forward_backward_in_pieces(run, parts)) is None:
            run.restore_statistics()
            if drop_graphs(run.model):
                torch.cuda.empty_cache()
                log(
                    f"step {run.step + 1} does not fit in the GPU's memory beside the backbone's"
                    " CUDA graphs: from here on there are none, and steps may take longer"
                )
                continue
            run.pieces *= 2
            log(
                f"step {run.step + 1} does not fit in the GPU's memory: from here on each batch is"
                f" computed in {run.pieces} pieces (the same gradient in more time; batch norm sees"
                " one piece at a time)"
            )
        norm, finite = optimizer_step(run, losses["loss"])
    except BaseException as error:
        run.restore_statistics()
        if sentence := explain_step_error(run, parts, error):
            raise UserError(sentence) from error
        raise
    run.restore_statistics(unless=finite)
    run.end_step()
    run.results.append(StepResult(run.step, parts, finite))
    read_results(run, leave=1 if run.device.type == "cuda" else 0)
    return {**losses, "grad_norm": norm}


def read_results(run: Run, leave: int = 0) -> None:
    """Read whether the steps were finite, but for the last `leave` ones; NonFiniteError after
    `train.max_nonfinite` in a row that were not."""
    while len(run.results) > leave:
        result = run.results.popleft()
        run.nonfinite = 0 if result.is_finite() else run.nonfinite + 1
        if run.nonfinite >= run.cfg.train.max_nonfinite:
            kept = dump_batch(run, result.parts, result.step)
            raise NonFiniteError(
                f"loss or gradient were not finite in {run.nonfinite} steps in a row, the last one"
                f" (step {result.step}) on {scene_names(result.parts)}, kept in {kept}: lower"
                " train.lr, or set train.precision=32"
            )


def forward_backward_in_pieces(run: Run, parts: Sequence[Batch | None]) -> dict[str, Tensor] | None:
    """`forward_backward` of each part in `run.pieces`; None if the GPU has no room for them, and
    smaller ones are possible, or CUDA graphs can be dropped.

    Not with several processes: the others would wait in vain for this one's gradients.
    """
    pieces = [piece for part in parts for piece in (part.split(run.pieces) if part else [None])]
    try:
        return forward_backward(run, pieces)
    except torch.OutOfMemoryError:
        smallest = all(len(piece.names) < 2 for piece in pieces if piece)
        if world_size() > 1 or (smallest and not graph_memory(run.model)):
            raise
    run.optimizer.zero_grad()
    torch.cuda.empty_cache()
    return None


def forward_backward(run: Run, parts: Sequence[Batch | None]) -> dict[str, Tensor]:
    """Compute the gradients of all parts; the losses of the whole batch, over all processes."""
    voxel_size = run.cfg.model.backbone_voxel_size
    instances = [number for part in parts if part for number in part.counts]
    # read after the forward pass, so that no process waits here for another one
    count = Sum([len(instances), sum(number > 0 for number in instances)])
    parts = [upload(part, run.device, voxel_size) if part else None for part in parts]
    run.optimizer.zero_grad()
    model_with_loss = run.model_with_loss
    parallel = isinstance(model_with_loss, DistributedDataParallel)
    sums = torch.zeros(len(TERMS), device=run.device)
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        # A part without scenes is skipped, unless it is the last one, in which all processes add up
        # their gradients.
        if part is None and not (last and parallel):
            continue
        with model_with_loss.no_sync() if parallel and not last else nullcontext():
            with autocast(run.device, run.precision):
                losses = model_with_loss(part, count)  # the model, then the criterion
            # times the number of processes, because DistributedDataParallel takes the mean
            run.scaler.scale(losses["loss"] * world_size()).backward()
        sums += torch.stack([losses[name].detach() for name in TERMS])
    run.scenes += int(count.result()[0])
    return dict(zip(TERMS, sum_over_processes(sums)))


def optimizer_step(run: Run, loss: Float[Tensor, ""]) -> tuple[Float[Tensor, ""], Bool[Tensor, ""]]:
    """Clip the gradients and move the weights, if they are finite; their norm, and whether the step
    counts.

    Fused AdamW skips its update where `found_inf` is 1, the attribute that `GradScaler.step` uses.
    It is set on the GPU, so that the host need not wait to read `norm` before it starts the
    optimiser.
    """
    run.scaler.unscale_(run.optimizer)
    norm = nn.utils.clip_grad_norm_(run.parameters, run.cfg.train.max_grad_norm)
    finite = torch.stack([loss, loss + norm]).isfinite()
    run.weights_valid = False
    run.optimizer.found_inf = 1 - finite[1].float()  # pyright: ignore[reportAttributeAccessIssue]  GradScaler sets it too
    run.optimizer.step()
    del run.optimizer.found_inf  # pyright: ignore[reportAttributeAccessIssue]  GradScaler sets it too
    # In float16 an overflow of gradients alone is nothing unusual: the scale is lowered, and the
    # step counts.
    return norm, finite[0 if run.scaler.is_enabled() else 1]


def check_scale(run: Run) -> None:
    """NonFiniteError once float16's gradients have overflowed so often that their scale is next to
    nothing."""
    if run.scaler.is_enabled() and run.scaler.get_scale() < SMALLEST_SCALE:
        raise NonFiniteError(
            f"gradients overflow float16 in every step up to step {run.step}: set"
            " train.precision=32, or lower train.lr"
        )


def validate_run(run: Run, loader: DataLoader) -> dict[str, Any]:
    """`validate` the run's averaged weights, or the trained ones if it has no average; the same in
    all processes."""
    model = run.averaged or run.model
    broadcast(model.buffers())  # batch norm's statistics, of which each process keeps its own
    options = run.criterion, run.device, run.precision, run.cfg.inference
    try:
        return validate(model, loader, *options)
    except torch.OutOfMemoryError:
        if world_size() > 1 or not drop_graphs(run.model):
            raise
    torch.cuda.empty_cache()
    return validate(model, loader, *options)


@torch.no_grad()
def validate(
    model: MaskFormer3D,
    loader: DataLoader,
    criterion: SetCriterion,
    device: torch.device,
    precision: str = "32",
    inference: InferenceConfig | None = None,
) -> dict[str, Any]:
    """Mean losses and ScanNet AP over a loader's scenes, of `model` as it is in evaluation.

    AP is computed on every point of a scene, each with the prediction of the point that stands for
    its voxel. `inference`: how outputs become instances, if not by the defaults.
    """
    was_training = model.training
    model.eval()
    dataset = cast(ScanNetScenes, loader.dataset)  # DataLoader does not know its type
    metric = ScanNetInstanceAP(dataset.labels)
    sums = torch.zeros(5, dtype=torch.float64)  # of cls, bce, dice; scenes; scenes with instances
    inference = inference or InferenceConfig()
    with ThreadedAP(metric, dataset.voxel_size if inference.largest_component else None) as ap:
        for batch in filter(None, fetch(loader)):
            batch = batch.to(device)
            with autocast(device, precision):
                logits, masks = model(batch.points)
                losses = as_numbers(criterion((logits, masks), batch.targets, count=(1, 1)))
            sums += torch.tensor(
                [losses["cls"], losses["bce"], losses["dice"], *count_scenes(batch.targets)]
            )
            sizes = batch.points.offsets.diff().tolist()
            coords = batch.points.coordinate_tensor.cpu().split(sizes)
            for output, coord, original in zip(zip(logits, masks), coords, batch.originals):
                found = predict_instances(
                    *output, top_k=inference.top_k, matrix_nms=inference.matrix_nms
                )
                ap.add(found, coord, original)
    model.train(was_training)
    gathered = gather(metric.tables)
    metric.tables = {
        c: [table for tables in gathered for table in tables[c]] for c in metric.tables
    }
    cls, bce, dice, scenes, with_instances = all_sum(sums.tolist())
    means = {
        "cls": cls / scenes,
        "bce": bce / max(with_instances, 1),
        "dice": dice / max(with_instances, 1),
    }
    loss = sum(getattr(criterion.weights, name) * mean for name, mean in means.items())
    return {
        **metric.compute(),
        "val_loss": loss,
        **{f"val_{name}": mean for name, mean in means.items()},
    }


def describe(metrics: dict[str, Any]) -> str:
    """One line: AP, AP50, AP25, and the loss of the last layer."""
    numbers = {"AP": "ap", "AP50": "ap50", "AP25": "ap25", "val loss": "val_loss"}
    return "  ".join(f"{title} {metrics[key]:.3f}" for title, key in numbers.items())
