"""Triangle meshes built from a few solid parts, each of one material.

A part is a small closed surface (box, turned solid, cushion, sheet). The axis-aligned bounds of the parts are also the
solids that placement tests against each other, so what does not overlap there cannot interpenetrate in the mesh.
Metres throughout; in an object's own frame x runs along its width, +y is its back, z is up, the origin is on the floor.
"""

from dataclasses import dataclass, field

import numpy as np

_FACES = np.array(
    [[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4], [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6],
     [1, 3, 5], [3, 7, 5]]
)  # fmt: skip
_CORNERS = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)


def rotation(angle: float, axis: str = "z") -> np.ndarray:
    """(3, 3) rotation by `angle` radians about one coordinate axis."""
    c, s = np.cos(angle), np.sin(angle)
    rows = {"x": [[1, 0, 0], [0, c, -s], [0, s, c]], "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]]}
    return np.array(rows.get(axis, [[c, -s, 0], [s, c, 0], [0, 0, 1]]))


@dataclass
class Mesh:
    """Parts as (vertices (n, 3), faces (m, 3), material)."""

    parts: list[tuple[np.ndarray, np.ndarray, int]] = field(default_factory=list)

    def box(self, x0, x1, y0, y1, z0, z1, material: int) -> "Mesh":
        low, high = np.array([x0, y0, z0], float), np.array([x1, y1, z1], float)
        self.parts.append((low + _CORNERS * (high - low), _FACES, material))
        return self

    def turned(self, x, y, profile, material: int, sides: int = 14) -> "Mesh":
        """Solid of revolution about the vertical through (x, y); `profile` lists (radius, z) from bottom to top."""
        angle = np.arange(sides) * (2 * np.pi / sides)
        rings = [np.stack([x + r * np.cos(angle), y + r * np.sin(angle), np.full(sides, z)], 1) for r, z in profile]
        caps = [[x, y, profile[0][1]], [x, y, profile[-1][1]]]
        faces, k, n = [], np.arange(sides), len(rings) * sides
        nxt = (k + 1) % sides
        for row in range(len(rings) - 1):
            a, b = row * sides, (row + 1) * sides
            faces += [np.stack([a + k, a + nxt, b + k], 1), np.stack([a + nxt, b + nxt, b + k], 1)]
        faces += [np.stack([nxt, k, np.full(sides, n)], 1), np.stack([b + k, b + nxt, np.full(sides, n + 1)], 1)]
        self.parts.append((np.concatenate([*rings, np.array(caps)]), np.concatenate(faces), material))
        return self

    def post(self, x, y, z0, z1, radius, material: int, top: float | None = None, sides: int = 8) -> "Mesh":
        return self.turned(x, y, [(radius, z0), (radius if top is None else top, z1)], material, sides)

    def soft(self, x0, x1, y0, y1, z0, z1, material: int, power: float = 0.35, sides: int = 16) -> "Mesh":
        """Rounded block (superellipsoid) in the given bounds: `power` 1 is an ellipsoid, towards 0 it becomes a box."""
        u = (np.arange(sides) + 0.5) * (2 * np.pi / sides)
        v = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
        bend = lambda t: np.sign(t) * np.abs(t) ** power  # noqa: E731
        v, u = (a.ravel() for a in np.meshgrid(v, u, indexing="ij"))
        ring = bend(np.cos(v))
        unit = np.stack([ring * bend(np.cos(u)), ring * bend(np.sin(u)), bend(np.sin(v))], 1)
        unit /= np.abs(unit).max(0)
        low, high = np.array([x0, y0, z0], float), np.array([x1, y1, z1], float)
        row, k = np.arange(sides // 2)[:, None] * sides, np.arange(sides)
        a, b, c, d = row + k, row + (k + 1) % sides, row + sides + k, row + sides + (k + 1) % sides
        faces = np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3)
        self.parts.append(((low + high) / 2 + unit * (high - low) / 2, faces, material))
        return self

    def sheet(self, x0, x1, z0, z1, depth: float, folds: float, material: int, y: float = 0.0) -> "Mesh":
        """Hanging cloth in the x-z plane at `y`, waving by +-`depth` with `folds` folds."""
        n = max(8, int(folds * 8))
        x = np.linspace(x0, x1, n + 1)
        front = np.stack([x, y + depth * np.sin(np.linspace(0, 2 * np.pi * folds, n + 1)), np.full(n + 1, z0)], 1)
        k = np.arange(n)
        faces = np.concatenate([np.stack([k, k + 1, k + n + 1], 1), np.stack([k + 1, k + n + 2, k + n + 1], 1)])
        self.parts.append((np.concatenate([front, front + [0, 0, z1 - z0]]), faces, material))
        return self

    def add(self, other: "Mesh", x=0.0, y=0.0, z=0.0, yaw=0.0, pitch=0.0, roll=0.0) -> "Mesh":
        """Append `other` turned by roll (about y), pitch (about x), yaw (about z), then moved to (x, y, z)."""
        turn = rotation(yaw) @ rotation(pitch, "x") @ rotation(roll, "y")
        self.parts += [(v @ turn.T + [x, y, z], f, m) for v, f, m in other.parts]
        return self

    def solids(self) -> np.ndarray:
        """(P, 2, 3) low and high corner of each part."""
        return np.array([(v.min(0), v.max(0)) for v, _, _ in self.parts]).reshape(-1, 2, 3)

    def bounds(self) -> np.ndarray:
        """(2, 3) low and high corner of the whole."""
        solids = self.solids()
        return np.stack([solids[:, 0].min(0), solids[:, 1].max(0)])
