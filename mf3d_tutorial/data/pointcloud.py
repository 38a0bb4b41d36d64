"""Point clouds and meshes as other programs write them: ply, pcd, npz, or a scene folder of npy
files.

cloud = read_cloud("scan.ply")
cloud, said = standardise(cloud)      # metres, z up; `said` tells what was found
"""

import os
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Bool, Float, Int, Num, UInt8
from scipy.spatial import KDTree

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.data.arrays import read_npy
from mf3d_tutorial.data.cleaning import (
    UNITS,
    check_points,
    doubt,
    seeming_units,
    strays,
    unit_color,
    unit_normals,
)
from mf3d_tutorial.data.placement import near_origin

_PLY_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_PLY_TYPES |= {"float": "f4", "double": "f8"}
_ARRAYS = ("coord", "color", "normal", "faces", "superpoint")
_COLUMNS = {
    "coord": [("x", "y", "z")],
    "color": [
        ("red", "green", "blue"),
        ("r", "g", "b"),
        ("diffuse_red", "diffuse_green", "diffuse_blue"),
    ],
    "normal": [("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z")],
}


@dataclass
class Cloud:
    """The points of one file, with None for each array that it does not hold."""

    coord: Num[np.ndarray, "N 3"]
    color: Num[np.ndarray, "N 3"] | None = None  # uint8 0..255 or float
    normal: Num[np.ndarray, "N 3"] | None = None
    faces: Int[np.ndarray, "M 3"] | None = None  # triangles; other polygons are left out
    superpoint: Int[np.ndarray, " N"] | None = None
    # points that are ignored; `standardise` looks for them
    stray: Bool[np.ndarray, " N"] | None = None


def read_cloud(path: str | Path) -> Cloud:
    """The scan at `path`, by its ending; DataError, naming the file, if it cannot be read."""
    path = Path(path)
    read = _read_arrays if path.is_dir() else READERS.get(path.suffix.lower())
    if read is None:
        raise DataError(
            f"{path} is neither a scene folder nor one of {', '.join(READERS)}: convert it"
        )
    try:
        return read(path)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a damaged header raises nearly anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"{path} cannot be read ({reason}): check that it is complete and in the"
            " format of its file extension"
        ) from error


def read_ply(path: Path) -> Cloud:
    """A PLY file's vertices and faces, ascii or binary of either byte order. DataError naming what
    cannot be read."""
    with open(path, "rb") as file:
        if file.readline(16).strip() != b"ply":
            raise DataError(f"{path} is not a PLY file: its first line is not 'ply'")
        form, elements = None, []  # of (name, count, fields of a numpy dtype)
        for words in _header(path, file, b"end_header"):
            if words[0] == "format":
                form = words[1]
                if form not in ("ascii", "binary_little_endian", "binary_big_endian"):
                    raise DataError(
                        f"{path}: its format line says {form}, which is not a format of PLY files"
                    )
            elif words[0] == "element":
                elements.append((words[1], int(words[2]), []))
            elif words[0] == "property":
                types = [
                    np.dtype(_PLY_TYPES.get(word, word)) for word in words[1:-1] if word != "list"
                ]
                if words[1] == "list" and elements[-1][0] == "vertex":
                    raise DataError(
                        f"{path}: its vertices have the list property {words[-1]}: export it again"
                        " without it"
                    )
                if words[1] == "list":  # taken for triangles until read
                    elements[-1][2].extend(
                        [(f"count {words[-1]}", types[0]), (f"triangle {words[-1]}", types[1], 3)]
                    )
                else:
                    elements[-1][2].append((words[-1], types[0]))
        if form is None:
            raise DataError(f"{path} has no format line: it is truncated, or not a PLY file")
        tables = {}
        for name, count, fields in elements:
            if count == 0:
                continue
            dtype = np.dtype(fields).newbyteorder(">" if form == "binary_big_endian" else "<")
            table = _table(path, file, dtype, count, form == "ascii", name)
            if not len(table):
                # polygons of other sizes: what follows is not needed, if the vertices came first
                break
            tables[name] = table
    if "vertex" not in tables:
        raise DataError(f"{path} has no vertices, or faces before its vertices: export it again")
    faces = _triangles(tables["face"]) if "face" in tables else None
    return _from_table(path, tables["vertex"], faces)


def _triangles(table: np.ndarray) -> Int[np.ndarray, "M 3"] | None:
    """The triangles of a table of faces; None if it holds none."""
    names = [
        name
        for name in table.dtype.names or ()
        if name in ("triangle vertex_indices", "triangle vertex_index")
    ]
    return table[names[0]].astype(np.int64) if names else None


def read_pcd(path: Path) -> Cloud:
    """A PCD file's points: ascii, binary or compressed. DataError naming what cannot be read."""
    with open(path, "rb") as file:
        header = {
            words[0]: words[1:]
            for words in _header(path, file, b"DATA", keep=True)
            if words[0][0] != "#"
        }
        header.setdefault("FIELDS", header.get("COLUMNS", []))  # COLUMNS is the name in old files
        if "POINTS" not in header and {"WIDTH", "HEIGHT"} <= set(header):
            header["POINTS"] = [str(int(header["WIDTH"][0]) * int(header["HEIGHT"][0]))]
        for key in ("FIELDS", "SIZE", "TYPE", "POINTS", "DATA"):
            if not header.get(key):
                raise DataError(f"{path} has no {key} line: export it again")
        form = header["DATA"][0]
        if form not in ("ascii", "binary", "binary_compressed"):
            raise DataError(
                f"{path}: its DATA line says {form}, which is not a format of PCD files"
            )
        sizes = header.get("COUNT", ["1"] * len(header["FIELDS"]))
        fields = [  # numbered where a name comes twice, as "_" does
            (
                name if name not in header["FIELDS"][:i] else f"{name}{i}",
                f"<{kind.lower()}{size}",
                int(times),
            )
            for i, (name, kind, size, times) in enumerate(
                zip(header["FIELDS"], header["TYPE"], header["SIZE"], sizes)
            )
        ]
        dtype = np.dtype([field if field[2] > 1 else field[:2] for field in fields])
        count = int(header["POINTS"][0])
        if form == "binary_compressed":
            table = _compressed_table(path, file, dtype, count)
        else:
            table = _table(path, file, dtype, count, form == "ascii", "point")
    return _from_table(path, table)


def _compressed_table(path: Path, file: BinaryIO, dtype: np.dtype, count: int) -> np.ndarray:
    """`count` records of a binary_compressed pcd: the size of what follows and of what it becomes,
    and one field after the other, compressed by LZF."""
    packed, size = np.frombuffer(file.read(8).ljust(8, b"\0"), "<u4").tolist()
    content = file.read(packed)
    if len(content) < packed or size != count * dtype.itemsize:
        raise DataError(
            f"{path} is truncated: it holds {len(content)} of {packed} compressed bytes, for"
            f" {size} of {count * dtype.itemsize}; copy or export it again"
        )
    plain = lzf_decompress(content, size)
    table, start = np.empty(count, dtype), 0
    for name in dtype.names or ():
        field = dtype[name]
        table[name] = np.frombuffer(plain, field, count, start)
        start += count * field.itemsize
    return table


def lzf_decompress(content: bytes, size: int) -> bytes:
    """The `size` bytes that LZF made `content` of; ValueError if they are others.

    A control byte below 32 is followed by that many plain bytes and one. In any other, the upper
    three bits tell how many bytes, and two, are repeated (7: the next byte adds to it); the lower
    five and the byte that follows tell from how far back.
    """
    plain, at, end = bytearray(), 0, len(content)
    try:
        while at < end:
            control = content[at]
            at += 1
            if control < 32:
                plain += content[at : at + control + 1]
                at += control + 1
                continue
            length = (control >> 5) + 2
            if length == 9:
                length += content[at]
                at += 1
            back = ((control & 31) << 8) + content[at] + 1
            at += 1
            start = len(plain) - back
            if start < 0 or len(plain) > size:
                break
            part = plain[start : start + length]
            # The repeated bytes may overlap with those that they become.
            plain += (part * (length // len(part) + 1))[:length]
    except IndexError:
        pass
    if len(plain) != size:
        raise ValueError("its compressed data are damaged")
    return bytes(plain)


def _header(path: Path, file: BinaryIO, last: bytes, keep: bool = False):
    """The words of every line down to the one that begins with `last`, which is given too if
    `keep`."""
    for line in islice(iter(partial(file.readline, 4096), b""), 1000):
        words = line.decode("latin-1").split()
        if line.startswith(last):
            if keep:
                yield words
            return
        if words:
            yield words
    raise DataError(
        f"{path} has no {last.decode()} line: it is truncated, or not in the format of its"
        " file extension"
    )


def _table(
    path: Path, file: BinaryIO, dtype: np.dtype, count: int, ascii: bool, name: str
) -> np.ndarray:
    """`count` records of `dtype`; none if they hold polygons that are no triangles. DataError if
    there are fewer."""
    lists = [field for field in dtype.names or () if field.startswith("count ")]
    polygons = bool(lists)
    if count < 0:
        raise DataError(f"{path}: its header announces {count} {name} records: export it again")
    lines, rows = [], np.empty(0, dtype)
    if ascii:
        lines = list(islice(filter(bytes.strip, file), count))
        if polygons and lines and len(lines[-1].split()) <= int(lines[-1].split()[0]):
            lines.pop()  # the file ends within this line
    else:
        # not `count`, which a damaged header may make huge
        rest = (os.fstat(file.fileno()).st_size - file.tell()) // max(dtype.itemsize, 1)
        rows = np.fromfile(file, dtype, min(count, rest))
    broken = polygons and not ascii and any((rows[field] != 3).any() for field in lists)
    there = len(lines) if ascii else len(rows)
    if there < count and not broken:
        raise DataError(
            f"{path} is truncated: it holds {there} of {count} {name} records; copy or"
            " export it again"
        )
    if ascii:
        try:
            rows = _parsed(lines, dtype, polygons)
        except ValueError:
            if not polygons:
                raise
            broken = True
    return rows[:0] if broken else rows


def _parsed(rows: list[bytes], dtype: np.dtype, exact: bool) -> np.ndarray:
    """The table that lines of text hold. Unless it must be `exact`, a column of integers may hold
    floats, such as colours of 0..1: it becomes one of floats."""
    try:
        return np.loadtxt(rows, dtype, comments=None, ndmin=1)
    except ValueError:
        kinds = [dtype[name] for name in dtype.names or ()]
        if exact or any(kind.shape for kind in kinds):
            raise
    table = np.loadtxt(rows, np.float64, comments=None, ndmin=2)
    if table.shape[1] != len(kinds):
        raise ValueError(f"{table.shape[1]} numbers a line, where {len(kinds)} are expected")
    whole = [
        kind.kind == "f"
        or (column == np.clip(np.trunc(column), np.iinfo(kind).min, np.iinfo(kind).max)).all()
        for kind, column in zip(kinds, table.T)
    ]
    wide = [
        (name, kind if fits else np.dtype("f8"))
        for name, kind, fits in zip(dtype.names or (), kinds, whole)
    ]
    return np.rec.fromarrays(list(table.T), dtype=np.dtype(wide)).view(np.ndarray)


def _checked(arrays: dict[str, np.ndarray], where: Path) -> Cloud:
    """A cloud of these arrays; DataError if they do not belong together or hold what cannot be."""
    count = len(arrays["coord"])
    for name, shape in (
        ("coord", (count, 3)),
        ("color", (count, 3)),
        ("normal", (count, 3)),
        ("superpoint", (count,)),
    ):
        array = arrays.get(name)
        kinds = "iu" if name == "superpoint" else "fiu"
        if array is not None and array.dtype.kind not in kinds:
            wanted = "integers" if name == "superpoint" else "numbers"
            raise DataError(f"{where}: {name} is {array.dtype}, where {wanted} are expected")
        if array is not None and array.shape != shape:
            expected = "(N, 3)" if name == "coord" else str(shape)
            raise DataError(
                f"{where}: {name} has shape {array.shape}, where {expected} is expected"
            )
    check_points(arrays["coord"], where)
    for name, high in (("faces", count), ("superpoint", np.inf)):
        array = arrays.get(name)
        if array is not None and array.size and not (array.min() >= 0 and array.max() < high):
            raise DataError(
                f"{where}: {name} holds {array.min()} to {array.max()}, with {count} points"
            )
    return Cloud(**arrays)


def _from_table(path: Path, table: np.ndarray, faces: np.ndarray | None = None) -> Cloud:
    lower = [name.lower() for name in table.dtype.names or ()]
    if len(set(lower)) == len(lower):
        table = table.view()
        table.dtype.names = tuple(lower)
    names = table.dtype.names or ()
    found = {}
    for key, choices in _COLUMNS.items():
        for choice in choices:
            if set(choice) <= set(names):
                found[key] = np.stack([table[name] for name in choice], axis=1)
                break
    if "coord" not in found:
        raise DataError(f"{path} has no x, y and z: its columns are {', '.join(names)}")
    # PCL packs the colour into the bits of one float or integer
    for name in {"rgb", "rgba"} & set(names):
        packed = np.ascontiguousarray(table[name]).view("<u4")
        found["color"] = np.stack(
            [packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=1
        ).astype(np.uint8)
    return _checked(found if faces is None else {**found, "faces": faces}, path)


def _read_arrays(path: Path) -> Cloud:
    """From an npz archive or a folder of npy files with the names of the scene layout."""
    if path.is_dir():
        names = [file.stem for file in sorted(path.glob("*.npy")) if file.name[0] != "."]
        arrays = {name: read_npy(path / f"{name}.npy") for name in names if name in _ARRAYS}
    else:
        with np.load(path) as archive:
            names = list(archive)
            arrays = {name: archive[name] for name in names if name in _ARRAYS}
    if "coord" not in arrays:
        raise DataError(f"{path} has no coord: it has {', '.join(names) or 'nothing'}")
    return _checked(arrays, path)


READERS = {".ply": read_ply, ".pcd": read_pcd, ".npz": _read_arrays}


def write_ply(
    path: Path,
    coord: Float[np.ndarray, "N 3"],
    color: UInt8[np.ndarray, "N 3"],
    faces: Int[np.ndarray, "M 3"] | None,
) -> None:
    """A binary ply of coloured points, or of a mesh if there are faces."""
    kind, code = ("double", "<f8") if coord.dtype == np.float64 else ("float", "<f4")
    vertex = np.empty(len(coord), [("coord", code, 3), ("color", "u1", 3)])
    vertex["coord"], vertex["color"] = coord, color
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(coord)}"]
    lines += [f"property {kind} {axis}" for axis in "xyz"]
    lines += [f"property uchar {channel}" for channel in ("red", "green", "blue")]
    if faces is not None:
        face = np.empty(len(faces), [("count", "u1"), ("triangle", "<i4", 3)])
        face["count"], face["triangle"] = 3, faces
        lines += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    with open(path, "wb") as file:
        file.write("\n".join([*lines, "end_header", ""]).encode())
        vertex.tofile(file)
        if faces is not None:
            face.tofile(file)


def mesh_normals(
    coord: Float[np.ndarray, "N 3"], faces: Int[np.ndarray, "M 3"]
) -> Float[np.ndarray, "N 3"]:
    """Normal of each vertex: of its triangles' normals, weighted by area, the mean; zero where
    there is none."""
    one, two = coord[faces[:, 1]] - coord[faces[:, 0]], coord[faces[:, 2]] - coord[faces[:, 0]]
    cross = np.cross(one, two)
    length = np.sqrt((cross**2).sum(1, keepdims=True)) + 1e-8
    weighted = np.repeat(cross / length * (length * 0.5), 3, axis=0)
    normal = np.zeros_like(coord)
    for axis in range(3):
        np.add.at(normal[:, axis], faces.reshape(-1), weighted[:, axis])
    return normal / (np.sqrt((normal**2).sum(1, keepdims=True)) + 1e-8)


def estimate_normals(
    coord: Float[np.ndarray, "N 3"], neighbors: int = 16
) -> Float[np.ndarray, "N 3"]:
    """Normal of the plane through each point's nearest neighbours, turned to the middle of the
    scan."""
    tree, normal = KDTree(coord, leafsize=16), np.empty(coord.shape, np.float32)
    middle = (coord.min(0) + coord.max(0)) / 2
    count = min(neighbors, len(coord))
    for start in range(0, len(coord), 100_000):
        part = slice(start, start + 100_000)
        _, near = tree.query(coord[part], count)
        offset = coord[near.reshape(-1, count)]
        offset = offset - offset.mean(1, keepdims=True)
        _, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", offset, offset))
        outward = ((middle - coord[part]) * axes[:, :, 0]).sum(1, keepdims=True) < 0
        normal[part] = np.where(outward, -axes[:, :, 0], axes[:, :, 0])
    return normal


def standardise(cloud: Cloud, units: str = "auto", up: str = "auto") -> tuple[Cloud, str]:
    """The cloud in float32 metres with z up, RGB in 0..1 and unit normals, and a line for each
    thing that was decided.

    units: m, cm, mm, ft or in; auto is `seeming_units`. up: y or z; auto takes y if clearly more
    points (1.2 times) lie in the lowest 5 cm of y than of z: that is where the floor is. Stray
    points are marked, and moved to the border of the others' box. Coordinates beyond 100 m are
    moved to the origin by whole metres, because float32 would round them. DataError if colours or
    normals hold what cannot be.
    """
    low = np.percentile(cloud.coord[:: len(cloud.coord) // 200_000 + 1], 1, axis=0)
    units = seeming_units(cloud.coord) if units == "auto" else units
    floor = (cloud.coord < low + 0.05 / UNITS[units]).mean(0)
    if up == "auto":
        up = "y" if floor[1] > 1.2 * floor[2] else "z"
    coord = cloud.coord.astype(np.float64) * UNITS[units]
    stray, said_stray = strays(coord)
    coord = near_origin(coord.clip(coord[~stray].min(0), coord[~stray].max(0)))
    color, said_color = (None, "") if cloud.color is None else unit_color(cloud.color, "its color")
    normal, said_normal = (
        (None, "") if cloud.normal is None else unit_normals(cloud.normal, "its normal")
    )
    if up == "y":
        axes, signs = [0, 2, 1], np.array([1, -1, 1], np.float32)
        coord = coord[:, axes] * signs
        normal = None if normal is None else normal[:, axes] * signs
    extent = np.ptp(coord, axis=0)
    size = " x ".join(f"{length:.1f}" for length in extent)
    said = [f"{len(coord):,} points, {size} m, taken to be in {units} with {up} up"]
    if doubt(coord):
        *first, last = UNITS
        said.append(
            "that is no usual size of a room: if the unit is wrong, set units to"
            f" {', '.join(first)} or {last}"
        )
    said += [sentence for sentence in (said_stray, said_color, said_normal) if sentence]
    return replace(cloud, coord=coord, color=color, normal=normal, stray=stray), "\n  ".join(said)
