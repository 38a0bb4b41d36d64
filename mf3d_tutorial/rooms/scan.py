"""The virtual scanner: a hand-held depth camera walks through a room, and what it sees is fused
into one cloud.

Embree casts the rays. Everything else (sensor noise, drift, fusion, paint) is numpy on arrays of
rays or voxels.
"""

from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar, cast

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from scipy.ndimage import distance_transform_edt

from .kit import Range, draw
from .layout import Room
from .paint import LightSettings, paint
from .patterns import noise

_WIDTH, _HEIGHT = 128, 96  # pixels
Number = TypeVar("Number", float, Range)
_CHUNK = 16  # frames whose rays are in memory at once


@dataclass(frozen=True)
class ScanSettings(Generic[Number]):
    """How a domain's rooms are scanned. Metres and radians; what is a `Number` may be a range, from
    which each scan draws one."""

    voxel: list[float]  # the fusion grid's spacing: finer in small rooms
    frames: int  # and 5 more a square metre of floor, at most 140 more
    ceiling: float  # share of scans that look up to the ceiling
    focal: Number  # pixels: 112 are 60 degrees across, like the depth camera of a tablet
    reach: Number  # beyond it depth is discarded
    eye: list[float]  # height of the camera
    # places of a tripod that the camera turns on; less than 2: hand-held, on a walk
    stations: Number
    coverage: Number  # share of the walk that was recorded
    noise: Number  # of the depth, in units of the usual
    drift: Number  # standard deviation of the tracker's error in a frame
    bend: Number  # how far its slow drift bends the whole scan
    # 0: points lie on the surface where some ray met it; 1: at the mean of their cell
    smooth: Number
    rough: Number  # noise of the normals
    specks: Number  # share of points in mid-air
    holes: list[int]  # number of holes that nothing explains
    square: float  # share of scans whose axes are nearly along the walls
    origin: float  # the scan's corner lies up to so far from the origin, in x and y


_DRAWN = tuple(field.name for field in fields(ScanSettings) if field.type is Number)


def _unit(vectors: np.ndarray, least: float = 1e-6) -> np.ndarray:
    """(N, 3) the same directions with length 1; less where a vector is shorter than `least`."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), least)


class Surface:
    """A room as triangles, ready for rays."""

    def __init__(self, room: Room) -> None:
        vertices, faces, material, instance = zip(*room.meshes)
        offsets, sizes = np.cumsum([0] + [len(v) for v in vertices]), [len(f) for f in faces]
        vertices = np.concatenate(vertices).astype(np.float32)
        faces = np.concatenate([f + offset for f, offset in zip(faces, offsets)]).astype(np.int32)
        self.material, self.instance = np.repeat(material, sizes), np.repeat(instance, sizes)
        a, b, c = vertices[faces].astype(float).transpose(1, 0, 2)
        self.normals = _unit(np.cross(b - a, c - a), 1e-12).astype(np.float32)
        self.rgb = np.array([rgb for _, rgb, *_ in room.kit.paints], np.float32)
        self.loss = np.array([loss for *_, loss in room.kit.paints], np.float32)
        self._embree = EmbreeScene()
        TriangleMesh(self._embree, vertices, faces)

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) distance in units of the direction's length, (N,) triangle or -1."""
        hits = self._embree.run(origins, directions, output=1)
        return hits["tfar"], hits["primID"]

    def lit(self, origins: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """(N,) bool: nothing stands between origin and target."""
        return ~(self._embree.run(origins, targets - origins, query="DISTANCE") < 0.98)


def _free_floor(room: Room) -> np.ndarray:
    """(P, 2) points on a 10 cm grid where a person's upper body and camera have room."""
    lo, hi = room.extent()
    grid = np.stack(
        np.meshgrid(*(np.arange(a, b, 0.1) for a, b in zip(lo - 0.1, hi + 0.2)), indexing="ij"), -1
    )
    points = grid.reshape(-1, 2)
    free = room.inside(points)
    tall = room.solids[
        (room.solids[:, 7] > 1.15) & (room.solids[:, 6] < 1.85) & (room.solids[:, 8] >= 0)
    ]
    for x, y, c, s, half_x, half_y, *_ in tall:
        dx, dy = points[:, 0] - x, points[:, 1] - y
        free &= (np.abs(dx * c + dy * s) > half_x) | (np.abs(dy * c - dx * s) > half_y)
    away = cast(np.ndarray, distance_transform_edt(free.reshape(grid.shape[:2])))  # by default
    room_around = away.ravel() * 0.1
    return points[room_around > min(0.3, room_around.max() * 0.8)]


def _walk(
    room: Room, rng: np.random.Generator, frames: int, look_up: bool, height: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Camera centres (F, 3) and rotations (F, 3, 3) (rows: right, down, forward) of one scan of the
    room."""
    free = _free_floor(room)
    stops, left = [int(rng.integers(len(free)))], np.full(len(free), np.inf)
    for _ in range(4 + len(free) // 250):
        left = np.minimum(left, np.hypot(*(free - free[stops[-1]]).T))
        stops.append(int(left.argmax()))
    tour, rest = [stops[0]], stops[1:]
    while rest:
        tour.append(rest.pop(int(np.hypot(*(free[rest] - free[tour[-1]]).T).argmin())))
    t = np.linspace(0, len(tour) - 1, frames)
    path = np.stack([np.interp(t, np.arange(len(tour)), free[tour, i]) for i in (0, 1)], 1)
    # furniture in the way: step aside
    near = np.square(path[:, None] - free[None]).sum(-1).argmin(1)
    eye = np.concatenate(
        [free[near] * 0.7 + path * 0.3, np.full((frames, 1), draw(rng, height))], 1
    )
    eye += rng.uniform(-0.06, 0.06, (frames, 3))
    turns = max(3, len(tour) // 2) * rng.choice([-1, 1])
    yaw = (
        rng.uniform(0, 2 * np.pi)
        + np.linspace(0, 2 * np.pi * turns, frames)
        + rng.normal(0, 0.15, frames)
    )
    pitch = (
        -0.42
        + 0.42 * np.sin(np.linspace(0, rng.uniform(9, 14) * 2 * np.pi, frames))
        + rng.normal(0, 0.08, frames)
    )
    pitch = np.where(
        rng.random(frames) < (0.2 if look_up else 0.0), rng.uniform(0.2, 0.7, frames), pitch
    )
    return eye, _heading(yaw, pitch)


def _heading(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """(F, 3, 3) rotations of cameras that look there (rows: right, down, forward)."""
    forward = np.stack([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)], 1)
    right = np.stack([np.sin(yaw), -np.cos(yaw), np.zeros(len(yaw))], 1)
    return np.stack([right, np.cross(forward, right), forward], 1)


def _turn_on_tripod(
    room: Room, rng: np.random.Generator, frames: int, stations: int, height: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """The same as `_walk` for a camera that turns on a tripod at a few places, level to level."""
    free, each, (low, high) = _free_floor(room), frames // stations, height
    eye = np.append(
        free[rng.integers(0, len(free), stations)], rng.uniform(low, high, (stations, 1)), 1
    )
    step = np.arange(each)
    yaw, pitch = 2 * np.pi * step * 4.236 / each * 4 + rng.uniform(0, 6.3), -1.0 + 1.7 * step / each
    return np.repeat(eye, each, 0), _heading(np.tile(yaw, stations), np.tile(pitch, stations))


def _depth_noise(
    z: np.ndarray, rng: np.random.Generator, amount: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the sensor makes of true depth z (F, H, W): measured depth, which pixels survive, and
    which take the colour of the pixel to their left (depth and colour images never agree exactly at
    an edge)."""
    left, up = np.roll(z, 1, 2), np.roll(z, 1, 1)
    total, weight = z.copy(), np.ones_like(z)
    # the matching window rounds small things off
    for other in (left, np.roll(z, -1, 2), up, np.roll(z, -1, 1)):
        near = np.abs(other - z) < 0.03 * z
        total += np.where(near, other, 0)
        weight += near
    edge = (np.abs(left - z) > 0.06 * z) | (np.abs(up - z) > 0.06 * z)
    chance = rng.random(z.shape, dtype=np.float32)
    measured = np.where(edge & (chance < 0.12), (z + left) / 2, total / weight)
    coarse = rng.standard_normal((len(z), _HEIGHT // 8, _WIDTH // 8), dtype=np.float32)
    wave = np.repeat(np.repeat(coarse, 8, 1), 8, 2)
    fine = rng.standard_normal(z.shape, dtype=np.float32)
    measured += np.float32(amount) * (0.001 + 0.0016 * z * z) * (0.5 * wave + 0.7 * fine)
    keep = (z > 0.3) & ~(edge & (chance > 0.65)) & (chance > 0.02 * (z - 1))
    return measured, keep, edge & (chance < 0.45)


def _shoot(
    surface: Surface,
    eye: np.ndarray,
    turn: np.ndarray,
    rng: np.random.Generator,
    settings: ScanSettings[float],
) -> dict[str, np.ndarray]:
    """Rays of a few frames -> per kept pixel: true place (n, 3), measured minus true place (n, 3),
    the triangle there, the triangle whose colour it takes, frame, and normal (n, 3) towards the
    camera."""
    u, v = np.meshgrid(np.arange(_WIDTH) - _WIDTH / 2 + 0.5, np.arange(_HEIGHT) - _HEIGHT / 2 + 0.5)
    pixel = np.stack([u / settings.focal, v / settings.focal, np.ones_like(u)], -1).reshape(-1, 3)
    rays = np.einsum("pi,fij->fpj", pixel, turn).astype(np.float32)
    origins = np.repeat(eye[:, None].astype(np.float32), len(pixel), 1)
    z, face = surface.cast(origins.reshape(-1, 3), rays.reshape(-1, 3))
    z, face = z.reshape(-1, _HEIGHT, _WIDTH), face.reshape(-1, _HEIGHT, _WIDTH)
    z = np.where((face >= 0) & (z < settings.reach), z, 0).astype(np.float32)
    measured, keep, bleeds = _depth_noise(z, rng, settings.noise)
    colour = np.where(bleeds, np.roll(face, 1, 2), face)
    keep &= (face >= 0) & (colour >= 0)
    frame = np.broadcast_to(np.arange(len(eye))[:, None, None], z.shape)[keep]
    face, colour, rays = face[keep], colour[keep], rays.reshape(*z.shape, 3)[keep]
    normal = surface.normals[face]
    facing = np.einsum("ij,ij->i", rays, normal)
    normal = np.where(facing[:, None] > 0, -normal, normal)
    drift = rng.normal(0, settings.drift, (len(eye), 3))  # the tracker's pose is never quite right
    place = eye.astype(np.float32)[frame] + rays * z[keep][:, None]
    error = drift.astype(np.float32)[frame] + rays * (measured - z)[keep][:, None]
    back = rng.random(len(face), dtype=np.float32) >= surface.loss[surface.material[face]] * 0.8
    back &= np.abs(facing) >= 0.06
    found = {
        "place": place,
        "error": error,
        "face": face,
        "colour": colour,
        "frame": frame,
        "normal": normal,
    }
    return {key: values[back] for key, values in found.items()}


def _capture(
    room: Room,
    surface: Surface,
    rng: np.random.Generator,
    settings: ScanSettings[float],
    exposure: float,
) -> dict[str, np.ndarray]:
    """All pixels of one scan, see `_shoot`, with `gain` (n, 3): the exposure and white balance of
    their frame."""
    look_up = rng.random() < settings.ceiling
    frames = settings.frames + int(min(140, 5 * room.area()))
    if settings.stations < 2:
        eye, turn = _walk(room, rng, frames, look_up, settings.eye)
    else:
        eye, turn = _turn_on_tripod(room, rng, frames, int(settings.stations), settings.eye)
    frames = max(_CHUNK, int(len(eye) * settings.coverage))
    eye, turn, starts = eye[:frames], turn[:frames], range(0, frames, _CHUNK)
    found = [
        _shoot(surface, eye[start : start + _CHUNK], turn[start : start + _CHUNK], rng, settings)
        for start in starts
    ]
    drift = np.cumsum(rng.normal(0, exposure, (frames, 1)), 0)
    drift = drift + np.cumsum(rng.normal(0, exposure / 4, (frames, 3)), 0)
    gain = np.clip(1 + drift - drift.mean(0), 0.75, 1.3).astype(np.float32)
    for start, pixels in zip(starts, found):
        pixels["gain"] = gain[start + pixels.pop("frame")]
    return {key: np.concatenate([pixels[key] for pixels in found]) for key in found[0]}


def _cells(place: np.ndarray, voxel: float) -> tuple[np.ndarray, np.ndarray]:
    """Grid cells that hold a surface: (n,) cell number of each pixel or -1, (N,) pixels in each
    cell."""
    cell = np.floor((place - place.min(0)) / voxel).astype(np.int64) + 1
    size = cell.max(0) + 2
    flat = (cell[:, 0] * size[1] + cell[:, 1]) * size[2] + cell[:, 2]
    counts = np.bincount(flat, minlength=int(size.prod()))
    used = counts >= 2  # a single pixel is more often an edge's smear than a surface
    cells = np.flatnonzero(used)
    around = np.zeros(len(cells), np.int8)
    for i, j, k in np.ndindex(3, 3, 3):
        around += used[cells + ((i - 1) * size[1] + j - 1) * size[2] + k - 1]
    cells = cells[around >= 4]  # nor are specks in mid-air
    number = np.full(len(used), -1, np.int32)
    number[cells] = np.arange(len(cells))
    return number[flat], counts[cells]


def _fuse(
    surface: Surface, pixels: dict[str, np.ndarray], voxel: float, smooth: float
) -> dict[str, np.ndarray]:
    """Average the pixels in each cell of a grid: coord (N, 3) m, base colour (N, 3) 0..255, gain
    (N, 3), normal (N, 3), and the most frequent material and instance (N,).

    Pixels meet in the cell of their true place, as a fused distance field would bring them together
    across its noise.
    """
    index, counts = _cells(pixels["place"], voxel)
    pixels, index = {key: values[index >= 0] for key, values in pixels.items()}, index[index >= 0]

    def mean(values: np.ndarray) -> np.ndarray:
        return np.stack(
            [np.bincount(index, column, len(counts)) / counts for column in values.T], 1
        )

    one = np.zeros((len(counts), 3))
    # some pixel of the cell: the vertices of a mesh do not lie on a lattice either
    one[index] = pixels["place"]
    paints, pairs = len(surface.rgb), len(surface.rgb) * (surface.instance.max() + 1)
    pair = surface.instance[pixels["face"]] * paints + surface.material[pixels["face"]]
    kinds, votes = np.unique(index * pairs + pair, return_counts=True)
    order = np.lexsort((kinds, votes, kinds // pairs))
    last = np.diff(kinds[order] // pairs, append=-1) != 0  # of each cell, the pair with most votes
    best = kinds[order][last] % pairs
    return {
        "coord": smooth * mean(pixels["place"]) + (1 - smooth) * one + mean(pixels["error"]),
        "base": mean(surface.rgb[surface.material[pixels["colour"]]]),
        "gain": mean(pixels["gain"]),
        "normal": _unit(mean(pixels["normal"])),
        "material": best % paints,
        "instance": best // paints,
    }


def _disturb(
    coord: np.ndarray, rng: np.random.Generator, settings: ScanSettings[float]
) -> np.ndarray:
    """Points (N, 3) after the tracker's slow drift and the sensor's stray returns."""
    if settings.bend:
        waves, phase = rng.normal(0, 1.2, (3, 3)), rng.uniform(0, 6.3, 3)
        coord = coord + settings.bend * np.sin(coord @ waves + phase)
    if settings.specks > 0:
        stray = rng.random(len(coord)) < settings.specks
        coord = coord + stray[:, None] * rng.normal(0, 0.15, coord.shape)
    return coord


def scan(
    room: Room, rng: np.random.Generator, ranges: ScanSettings[Range], light: LightSettings
) -> dict[str, np.ndarray]:
    """Scan a finished room: coord (N, 3) m, color (N, 3) u8, normal (N, 3), instance (N,) index
    into room.labels."""
    drawn: dict[str, Any] = {name: draw(rng, getattr(ranges, name)) for name in _DRAWN}
    settings = ScanSettings[float](**vars(ranges) | drawn)
    surface = Surface(room)
    share = 0.7 * np.clip((room.area() - 5) / 30, 0, 1) + 0.3 * rng.random()
    voxel = settings.voxel[0] + share * (settings.voxel[1] - settings.voxel[0])
    cloud = _fuse(
        surface, _capture(room, surface, rng, settings, light.exposure), voxel, settings.smooth
    )
    patchy = 0.7 * noise(cloud["coord"], 0.09, 5) + 0.3 * noise(cloud["coord"], 0.03, 6)
    loss = surface.loss[cloud["material"]]
    seen = (loss == 0) | (patchy > 0.15 + 0.5 * loss)  # black and shiny things come out in tatters
    cloud = {key: value[seen] for key, value in cloud.items()}
    color = paint(room, surface, cloud, rng, light)
    normal = _unit(cloud["normal"] + rng.normal(0, settings.rough, cloud["normal"].shape))
    coord = _disturb(cloud["coord"], rng, settings)
    return {"coord": coord, "color": color, "normal": normal, "instance": cloud["instance"]}
