"""What explorer and page say about a point, a query, a failure: sentences made from an
`Inspection`."""

import html

import numpy as np

from mf3d_tutorial.viz.entries import Entry
from mf3d_tutorial.viz.failures import ABOUT
from mf3d_tutorial.viz.inspection import Inspection, Row


def object_name(inspection: Inspection, m: int) -> str:
    """Class and number of instance `m`, as "chair 3"."""
    return f"{inspection.labels.names[inspection.true_labels[m]]} {m}"


def about_query(inspection: Inspection, query: int) -> str:
    """Class, score and partner of a query; of one that is not shown, how sure it is that it sees no
    object."""
    d, k, names = inspection.decoded, inspection.place_of(query), inspection.labels.names
    if k < 0:
        chance = inspection.logits[query].float().softmax(-1)
        return (
            f"query {query}: not shown (no object {chance[-1]:.2f}, best class"
            f" {names[chance[:-1].argmax()]})"
        )
    m = d.judgement.partner[k]
    pair = f"matched with {object_name(inspection, m)}" if m >= 0 else d.judgement.kinds[k]
    return (
        f"query {query}: {names[d.labels[k]]} {d.scores[k]:.2f}, {pair}, IoU"
        f" {d.judgement.best[k]:.2f}"
    )


def about_point(inspection: Inspection, n: int) -> str:
    """Which instance point `n` belongs to, which queries claim it, and how probable the strongest
    masks are there."""
    d, m = inspection.decoded, inspection.truth[n]
    truth = object_name(inspection, m) if m >= 0 else "no object"
    claims = [about_query(inspection, int(d.queries[k])) for k in np.flatnonzero(d.masks[:, n])]
    chance = inspection.masks[:, n].float().sigmoid().nan_to_num().cpu().numpy()
    top = ", ".join(f"{q} ({chance[q]:.2f})" for q in np.argsort(-chance, kind="stable")[:3])
    return (
        f"point {n}: {truth}. Shown here: {'; '.join(claims) or 'nothing'}. Strongest mask queries:"
        f" {top}."
    )


def why(inspection: Inspection, row: Row) -> str:
    """Why a row of the table is what it is: the query, its class, its mask and its score, as one
    line."""
    if row.instance < 0:
        return _why_alone(inspection, row)
    query = row.query if row.query >= 0 else inspection.closest(row.instance)
    name, d = object_name(inspection, row.instance), inspection.decoded
    k = row.place if row.place >= 0 else inspection.place_of(query)
    inside = (
        (inspection.masks[query] > inspection.mask_threshold).cpu().numpy() if k < 0 else d.masks[k]
    )
    points = inside.astype(np.float32) @ inspection.weights
    shared = points[row.instance]
    size = points.sum()
    whole = inspection.weights[:, [row.instance]].sum()
    mask = (
        f"its mask covers {shared / max(whole, 1):.0%} of the object, and"
        f" {shared / max(size, 1):.0%} of the mask lies on it"
    )
    said = (
        f"{_classes(inspection, query, row.label)}; {mask}, IoU"
        f" {shared / max(whole + size - shared, 1):.2f}"
    )
    if row.query >= 0:
        verdict = _verdict(inspection, row, shared / max(whole, 1), shared / max(size, 1))
        return f"{name} is {row.kind}. Query {query}: {said}; score {row.score:.2f}{verdict}"
    partner = d.judgement.partner[k] if k >= 0 else -1
    if k < 0:
        threshold = f"{inspection.score_threshold:.2f}"
        reason = f"its score is not above {threshold}. Some query should say {row.label}"
    elif partner >= 0:
        reason = f"it is matched with {object_name(inspection, partner)}"
    else:
        fault = _fault(shared / max(whole, 1), shared / max(size, 1))
        reason = f"the IoU is not above {ABOUT}. The mask {fault}"
    return f"{name} is missed. Nearest is query {query}: {said}; {reason}"


def _verdict(inspection: Inspection, row: Row, covered: float, share: float) -> str:
    """What a failed prediction should have been, as the end of a sentence. covered: the share of
    the object in the mask; share: of the mask on the object."""
    if row.kind == "wrong class":
        return f". The mask fits: the class should be {row.label}"
    if row.kind == "merged":
        j = inspection.decoded.judgement
        inside = np.flatnonzero((j.cover[row.place] > 0.5) & (j.share[row.place] > 0.1))
        names = ", ".join(object_name(inspection, m) for m in inside.tolist())
        return f". The mask should be split: it holds {names}"
    if row.kind == "loose":
        return f". The mask {_fault(covered, share)}" + f"; the class should be {row.label}" * (
            row.label != row.found_label
        )
    return ""


def _fault(covered: float, share: float) -> str:
    """What is wrong with a mask: see `_verdict`."""
    return "leaves out much of the object" if covered < share else "reaches beyond the object"


def _why_alone(inspection: Inspection, row: Row) -> str:
    """Of a prediction without a partner."""
    d, k = inspection.decoded, row.place
    if row.kind == "predicted":
        return (
            f"{row.found_label}: query {row.query}, score {row.score:.2f}, {d.masks[k].sum():,}"
            " points"
        )
    best = int(d.judgement.iou[k].argmax()) if len(inspection.target) else -1
    unlabelled = (inspection.truth[d.masks[k]] < 0).mean()
    nearest = (
        f"IoU {row.iou:.2f} with {object_name(inspection, best)}"
        if row.iou > 0
        else "it touches no object"
    )
    said = (
        f"query {row.query}: {_classes(inspection, row.query, row.found_label)}, score"
        f" {row.score:.2f}"
    )
    better = np.flatnonzero(d.judgement.partner == best) if row.kind == "doubled" else []
    should = (
        f"{object_name(inspection, best)} is matched with query {d.queries[better[0]]}: this one"
        " should say no object"
        if len(better)
        else "it should say no object"
    )
    return (
        f"{row.kind}, {said}; {nearest}; {unlabelled:.0%} of its points belong to no object."
        f" {should[0].upper()}{should[1:]}"
    )


def _classes(inspection: Inspection, query: int, truth: str) -> str:
    """The probabilities that decide: the best class, the true one, and "no object"."""
    if not inspection.layers:
        return f"class: {truth}"
    chance = inspection.logits[query].float().softmax(-1).cpu().numpy()
    names = inspection.labels.names
    best = names[chance[:-1].argmax()]
    true = "" if best == truth else f", {truth} {chance[inspection.labels.index(truth)]:.2f}"
    return f"class: {best} {chance[:-1].max():.2f}{true}, no object {chance[-1]:.2f}"


def about_entry(inspection: Inspection, entry: Entry, panel: str) -> str:
    """What hover says in a panel of the points of a legend entry, as a Plotly template; a point
    adds its index, and if many objects share the entry, the number of its own."""
    row, name = entry.row, html.escape(entry.heading)
    if row is None:
        if entry.shared:
            own = "(query %{customdata[1]})" if panel == "prediction" else "%{customdata[1]}"
            return f"<b>{name} {own}</b><br>point %{{customdata[0]}}<extra></extra>"
        return f"<b>{html.escape(entry.name)}</b><br>point %{{customdata}}<extra></extra>"
    lines = [
        (
            f"<b>{name} {row.instance}</b>: {row.kind}"
            if row.instance >= 0
            else f"<b>{name}</b>: {row.kind}"
        )
    ]
    if row.query >= 0:
        lines.append(
            f"query {row.query} says {html.escape(row.found_label)}, score {row.score:.2f}"
        )
        iou = inspection.decoded.judgement.iou[entry.places[0]]
        best = row.instance if row.instance >= 0 else int(iou.argmax()) if iou.any() else -1
        matched = "matched with" if row.instance >= 0 else "no match, best with"
        if best >= 0:
            lines.append(
                f"{matched} {html.escape(object_name(inspection, best))}, IoU {row.iou:.2f}"
            )
    if inspection.layers:
        query = row.query if row.query >= 0 else inspection.closest(row.instance)
        said = html.escape(_classes(inspection, query, row.label or row.found_label))
        lines.append(said if row.query >= 0 else f"nearest is query {query}, {said}")
    return "<br>".join([*lines, "point %{customdata}<extra></extra>"])
