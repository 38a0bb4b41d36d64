"""Triangle meshes built from a few solid parts, each of one material.

A part is a small closed surface (box, turned solid, cushion). The axis-aligned bounds of the parts
are also the solids that placement tests against each other, so what does not overlap there cannot
interpenetrate in the mesh. Metres throughout; in an object's own frame x runs along its width, +y
is its back, z is up, the origin is on the floor.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

_FACES = np.array(
    [[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4],
     [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6], [1, 3, 5], [3, 7, 5]]
)  # fmt: skip
_CORNERS = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)


class Pose(NamedTuple):
    """Where a frame stands in another one: metres, and its heading in radians."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw: float = 0.0

    def at(self, x: float, y: float, z: float = 0.0, yaw: float = 0.0) -> "Pose":
        """What is the pose (x, y, z, yaw) in this frame, in the outer frame."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return Pose(self.x + c * x - s * y, self.y + s * x + c * y, self.z + z, self.yaw + yaw)


def grid_faces(rows: int, columns: int, closed: bool = True) -> np.ndarray:
    """(m, 3) triangles between rows of vertices; `closed` joins the last column to the first."""
    number = np.arange(rows * columns).reshape(rows, columns)
    number = np.append(number, number[:, :1], 1) if closed else number
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    return np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3)


@dataclass
class Mesh:
    """Parts as (vertices (n, 3), faces (m, 3), material). What adds a part returns the mesh."""

    parts: list[tuple[np.ndarray, np.ndarray, int]] = field(default_factory=list)
    _bounds: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list, repr=False)

    def box(self, x0, x1, y0, y1, z0, z1, material: int) -> "Mesh":
        """An upright box between these bounds, in metres."""
        low, high = np.array([x0, y0, z0], float), np.array([x1, y1, z1], float)
        self.parts.append((low + _CORNERS * (high - low), _FACES, material))
        return self

    def block(self, w, d, z0, z1, material: int, x=0.0, y=0.0) -> "Mesh":
        """A box w wide and d deep around the vertical through (x, y)."""
        return self.box(x - w / 2, x + w / 2, y - d / 2, y + d / 2, z0, z1, material)

    def pair(self, x0, x1, y0, y1, z0, z1, material: int) -> "Mesh":
        """A box and its mirror image in x = 0."""
        return self.box(-x1, -x0, y0, y1, z0, z1, material).box(x0, x1, y0, y1, z0, z1, material)

    def turned(self, x, y, profile, material: int, sides: int = 14) -> "Mesh":
        """Solid of revolution about the vertical through (x, y); `profile` lists (radius, z) from
        bottom to top."""
        angle, k, n = np.arange(sides) * (2 * np.pi / sides), np.arange(sides), len(profile) * sides
        rings = [
            np.stack([x + r * np.cos(angle), y + r * np.sin(angle), np.full(sides, z)], 1)
            for r, z in profile
        ]
        centres = np.array([[x, y, profile[0][1]], [x, y, profile[-1][1]]])
        ahead, top = (k + 1) % sides, n - sides
        bottom_face = (ahead, k, np.full(sides, n))
        top_face = (top + k, top + ahead, np.full(sides, n + 1))
        faces = [grid_faces(len(profile), sides), np.stack(bottom_face, 1), np.stack(top_face, 1)]
        self.parts.append((np.concatenate([*rings, centres]), np.concatenate(faces), material))
        return self

    def post(self, x, y, z0, z1, radius, material: int, sides: int = 8) -> "Mesh":
        """A vertical cylinder at (x, y) from z0 to z1."""
        return self.turned(x, y, [(radius, z0), (radius, z1)], material, sides)

    def soft(self, x0, x1, y0, y1, z0, z1, material: int, power: float, sides: int = 16) -> "Mesh":
        """Rounded block (superellipsoid) in the given bounds: `power` 1 is an ellipsoid, towards 0
        it becomes a box."""
        u = (np.arange(sides) + 0.5) * (2 * np.pi / sides)
        v = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
        v, u = (a.ravel() for a in np.meshgrid(v, u, indexing="ij"))
        cos_v, sin_v, cos_u, sin_u = (
            np.sign(t) * np.abs(t) ** power for t in (np.cos(v), np.sin(v), np.cos(u), np.sin(u))
        )
        unit = np.stack([cos_v * cos_u, cos_v * sin_u, sin_v], 1)
        unit /= np.abs(unit).max(0)
        low, high = np.array([x0, y0, z0], float), np.array([x1, y1, z1], float)
        self.parts.append(
            (
                (low + high) / 2 + unit * (high - low) / 2,
                grid_faces(sides // 2 + 1, sides),
                material,
            )
        )
        return self

    def quad(self, corners: list, material: int) -> "Mesh":
        """One flat rectangle."""
        self.parts.append((np.array(corners), np.array([[0, 1, 2], [0, 2, 3]]), material))
        return self

    def sheet(self, points: np.ndarray, material: int) -> "Mesh":
        """An open surface through a grid of points (r, c, 3): cloth, bent plywood."""
        rows, columns, _ = points.shape
        self.parts.append(
            (points.reshape(-1, 3), grid_faces(rows, columns, closed=False), material)
        )
        return self

    def tube(self, path: list, radius: float, material: int, sides: int = 8) -> "Mesh":
        """Round bars along a line through points, a part each."""
        for a, b in pairwise(np.array(path, float)):
            length = np.linalg.norm(b - a)
            turn, *_ = Rotation.align_vectors([(b - a) / length], [[0, 0, 1]])
            vertices, faces, _ = Mesh().post(0, 0, 0, length, radius, material, sides).parts[0]
            self.parts.append((turn.apply(vertices) + a, faces, material))
        return self

    def prism(self, outline: list, y0, y1, material: int) -> "Mesh":
        """A convex outline of (x, z) points, counter-clockwise as seen from the front, from depth
        y0 to y1."""
        n, flat = len(outline), np.array(outline, float)
        sides = [np.insert(flat, 1, y, axis=1) for y in (y0, y1)]
        front = [[0, i, i + 1] for i in range(1, n - 1)]
        around = grid_faces(2, n)
        self.parts.append(
            (
                np.concatenate(sides),
                np.concatenate([front, np.array(front)[:, ::-1] + n, around]),
                material,
            )
        )
        return self

    def scaled(self, x=1.0, y=1.0, z=1.0) -> "Mesh":
        """A stretched copy; -1 mirrors it."""
        flip = -1 if x * y * z < 0 else 1
        return Mesh([(v * [x, y, z], f[:, ::flip], m) for v, f, m in self.parts])

    def add(self, other: "Mesh", x=0.0, y=0.0, z=0.0, yaw=0.0, pitch=0.0, roll=0.0) -> "Mesh":
        """Append `other` turned by roll (about y), pitch (about x), yaw (about z), then moved to
        (x, y, z)."""
        c, s = np.cos(yaw), np.sin(yaw)
        turn = [[c, -s, 0], [s, c, 0], [0, 0, 1]] @ Rotation.from_euler(
            "XY", [pitch, roll]
        ).as_matrix()
        self.parts += [(v @ turn.T + [x, y, z], f, m) for v, f, m in other.parts]
        return self

    def solids(self, pose: Pose) -> np.ndarray:
        """(P, 8) oriented boxes of the parts: centre x, y, cos and sin of the heading, half sizes,
        z0, z1."""
        # placing asks often
        self._bounds += [(v.min(0), v.max(0)) for v, *_ in self.parts[len(self._bounds) :]]
        low, high = np.array(self._bounds).transpose(1, 0, 2)
        (x, y, _), (half_x, half_y, _) = ((low + high) / 2).T, ((high - low) / 2).T
        c, s = np.full(len(x), np.cos(pose.yaw)), np.full(len(x), np.sin(pose.yaw))
        x, y = pose.x + c * x - s * y, pose.y + s * x + c * y
        return np.stack([x, y, c, s, half_x, half_y, pose.z + low[:, 2], pose.z + high[:, 2]], 1)
