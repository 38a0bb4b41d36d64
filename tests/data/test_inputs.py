"""Files as people bring them, made by hypothesis: every dialect gives the same scan, and none a
traceback."""

import gc
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers import write_scene
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.data import ScanNetScenes, collate
from mf3d_tutorial.data.arrays import read_npy
from mf3d_tutorial.data.pointcloud import Cloud, lzf_decompress, read_cloud, standardise

SETTINGS = settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PLY_NAMES = {"i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort", "i4": "int", "u4": "uint"}
PLY_NAMES |= {"f4": "float", "f8": "double"}
COORD_NAMES, NORMAL_NAMES = "x y z", ("nx ny nz", "normal_x normal_y normal_z")
COLOR_NAMES = ("red green blue", "r g b", "diffuse_red diffuse_green diffuse_blue")
RNG = np.random.default_rng(0)
COORD = RNG.integers(-4000, 4000, (40, 3)) / 1000
COLOR = RNG.integers(0, 256, (40, 3))
NORMAL = RNG.normal(size=(40, 3))
NORMAL /= np.linalg.norm(NORMAL, axis=1, keepdims=True)
COLOR_TYPES = {"u1": 1, "u2": 257, "f4": 1 / 255, "f8": 1}  # dtype -> what multiplies 0..255


@st.composite
def plys(draw) -> tuple[bytes, bool, bool]:
    """The bytes of a ply of 40 points, and whether they have colours and normals."""
    form = draw(st.sampled_from(["ascii", "binary_little_endian", "binary_big_endian"]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    order = ">" if form == "binary_big_endian" else "<"
    groups = [(COORD_NAMES, draw(st.sampled_from(["f4", "f8"])), COORD)]
    if color := draw(st.sampled_from([None, *COLOR_TYPES])):
        groups.append((draw(st.sampled_from(COLOR_NAMES)), color, COLOR * COLOR_TYPES[color]))
    if normal := draw(st.sampled_from([None, "f4", "f8", "i1"])):
        scaled = np.round(NORMAL * 127) if normal == "i1" else NORMAL
        groups.append((draw(st.sampled_from(NORMAL_NAMES)), normal, scaled))
    if draw(st.booleans()):
        groups.append(("alpha", "u1", np.full((40, 1), 255)))
    if draw(st.booleans()):
        groups.append(
            ("confidence scalar_label", draw(st.sampled_from(["f4", "i2", "u4"])), np.ones((40, 2)))
        )
    groups = draw(st.permutations(groups))
    columns = [
        (name, kind, values[:, k])
        for names, kind, values in groups
        for k, name in enumerate(names.split())
    ]
    table = np.empty(40, [(name, order + kind) for name, kind, _ in columns])
    for name, _, values in columns:
        table[name] = values
    head = [
        "ply",
        f"format {form} 1.0",
        "comment made by a scanner, element vertex 7",
        "obj_info num_cols 40",
    ]
    head += [
        f"element vertex {len(table)}",
        *(f"property {PLY_NAMES[kind]} {name}" for name, kind, _ in columns),
    ]
    faces = draw(st.sampled_from([None, "triangles", "quads", "texture"]))
    corners = 4 if faces == "quads" else 3
    face = np.zeros(
        2, [("n", "u1"), ("v", order + "i4", corners), ("m", "u1"), ("t", order + "f4", 6)]
    )
    face["n"], face["m"], face["v"] = corners, 6, np.arange(corners)
    if faces:
        head += ["element face 2", "property list uchar int vertex_indices"]
        head += ["property list uchar float texcoord"] * (faces == "texture")
        face = face if faces == "texture" else face[["n", "v"]]
    body = table.tobytes() + (
        b"".join(row.tobytes() for row in np.rec.array(face.tolist(), _packed(face)))
        if faces
        else b""
    )
    if form == "ascii":
        rows = [" ".join(repr(value) for value in row) for row in table.tolist()]
        rows += [_words(row) for row in face.tolist()] if faces else []
        body = (end.join(rows) + end).encode()
    return end.join([*head, "end_header", ""]).encode() + body, bool(color), bool(normal)


def _packed(face: np.ndarray) -> np.dtype:
    return np.dtype(
        [
            (
                name,
                face.dtype[name].str if not face.dtype[name].shape else face.dtype[name].base.str,
                face.dtype[name].shape,
            )
            for name in face.dtype.names
        ]
    )


def _words(row: tuple) -> str:
    return " ".join(
        " ".join(map(str, part)) if hasattr(part, "__len__") else str(part) for part in row
    )


@SETTINGS
@given(plys())
def test_every_dialect_of_ply_gives_the_same_scan(tmp_path, made):
    content, color, normal = made
    (tmp_path / "a.ply").write_bytes(content)
    cloud, _ = standardise(read_cloud(tmp_path / "a.ply"), units="m", up="z")
    np.testing.assert_allclose(cloud.coord, COORD, atol=1e-5)
    assert (cloud.color is not None, cloud.normal is not None) == (color, normal)
    if color:
        np.testing.assert_allclose(cloud.color, COLOR / 255, atol=1e-3)
    if normal:
        np.testing.assert_allclose(cloud.normal, NORMAL, atol=0.01)


@st.composite
def pcds(draw) -> tuple[bytes, bool]:
    """The bytes of a pcd of 40 points, and whether they have colours."""
    form = draw(st.sampled_from(["ascii", "binary", "binary_compressed"]))
    coord = draw(st.sampled_from([4, 8]))
    columns = [(name, f"<f{coord}", "F", COORD[:, k]) for k, name in enumerate("xyz")]
    packed = (COLOR @ [65536, 256, 1]).astype(np.uint32)
    color = draw(st.sampled_from([None, "rgb F", "rgb U", "rgba U", "rgba I"]))
    if color:
        name, kind = color.split()
        code = {"F": "<f4", "U": "<u4", "I": "<i4"}[kind]
        columns.append((name, code, kind, packed.view(code)))
    if draw(st.booleans()):
        columns += [(f"normal_{axis}", "<f4", "F", NORMAL[:, k]) for k, axis in enumerate("xyz")]
    if draw(st.booleans()):
        columns.append(("intensity", "<u2", "U", np.arange(40)))
    table = np.empty(40, [(name, code) for name, code, _, _ in columns])
    for name, _, _, values in columns:
        table[name] = values
    lines = [
        "# .PCD v0.7 - Point Cloud Data file format",
        "VERSION .7",
        "FIELDS " + " ".join(c[0] for c in columns),
    ]
    lines += [
        "SIZE " + " ".join(c[1][2:] for c in columns),
        "TYPE " + " ".join(c[2] for c in columns),
    ]
    lines += ["COUNT" + " 1" * len(columns)] * draw(st.booleans())
    lines += ["WIDTH 8", "HEIGHT 5", "VIEWPOINT 0 0 0 1 0 0 0"]
    lines += ["POINTS 40"] * draw(st.booleans()) + [f"DATA {form}", ""]
    rows = [
        " ".join(np.array2string(table[k][name], floatmode="unique") for name in table.dtype.names)
        for k in range(40)
    ]
    body = "\n".join(rows).encode() if form == "ascii" else table.tobytes()
    if form == "binary_compressed":
        plain = b"".join(table[name].tobytes() for name in table.dtype.names)
        packed = lzf(plain)
        body = np.array([len(packed), len(plain)], "<u4").tobytes() + packed
    return "\n".join(lines).encode() + body, bool(color)


def lzf(plain: bytes) -> bytes:
    """Compressed by LZF, simply: the longest repetition of 3 bytes or more within the last 8192."""
    packed, at, waiting = bytearray(), 0, b""

    def flush() -> None:
        for start in range(0, len(waiting), 32):
            part = waiting[start : start + 32]
            packed.extend([len(part) - 1, *part])

    while at < len(plain):
        back = at - plain.rfind(plain[at : at + 3], max(at - 8192, 0), at + 2)
        length = 0
        if 0 < back <= at and len(plain) - at >= 3:
            while length < 264 and at + length < len(plain):
                if plain[at + length] != plain[at - back + length]:
                    break
                length += 1
        if length < 3:
            waiting, at = waiting + plain[at : at + 1], at + 1
            continue
        flush()
        waiting, at = b"", at + length
        high, low = divmod(back - 1, 256)
        packed.extend([length - 2 << 5 | high] if length < 9 else [7 << 5 | high, length - 9])
        packed.append(low)
    flush()
    return bytes(packed)


@SETTINGS
@given(st.lists(st.sampled_from([b"a", b"ab", b"abc" * 99, bytes(range(200))])).map(b"".join))
def test_lzf_is_undone(plain):
    assert lzf_decompress(lzf(plain), len(plain)) == plain


def test_lzf_by_hand():
    assert lzf_decompress(b"\x02abc\x80\x02\x00d", 10) == b"abcabcabcd"
    for damaged in (b"\x02abc\x80\x03\x00d", b"\x02abc\x80", b"\x02abc", b"\xe0"):
        with pytest.raises(ValueError, match="compressed data are damaged"):
            lzf_decompress(damaged, 10)


@SETTINGS
@given(pcds())
def test_every_dialect_of_pcd_gives_the_same_scan(tmp_path, made):
    content, color = made
    (tmp_path / "a.pcd").write_bytes(content)
    cloud, _ = standardise(read_cloud(tmp_path / "a.pcd"), units="m", up="z")
    np.testing.assert_allclose(cloud.coord, COORD, atol=1e-5)
    if color:
        np.testing.assert_allclose(cloud.color, COLOR / 255, atol=1e-6)


@SETTINGS
@given(
    coord=st.sampled_from(["f2", "f4", ">f8", "i4"]),
    color=st.sampled_from(["u1", ">u2", "i8", "f2", "f8"]),
    label=st.sampled_from(["i1", "u1", ">i4", "u8"]),
    fortran=st.booleans(),
    archive=st.booleans(),
)
def test_every_dtype_and_order_of_arrays_gives_the_same_scene(
    tmp_path, coord, color, label, fortran, archive
):
    whole = np.arange(40) % 5 if coord != "i4" else np.arange(40)
    positions = np.stack([whole, whole // 2, whole * 0], 1)
    arrays = {"coord": positions.astype(coord), "color": COLOR.astype(color)}
    labels = {"segment20": whole % 7, "instance": whole % 7}
    arrays |= {name: values.astype(label) for name, values in labels.items()}
    if fortran:
        arrays = {name: np.asfortranarray(array) for name, array in arrays.items()}
    if archive:
        np.savez(tmp_path / "a.npz", coord=arrays["coord"], color=arrays["color"])
        cloud, _ = standardise(read_cloud(tmp_path / "a.npz"), units="m", up="z")
        np.testing.assert_allclose(cloud.coord, positions, atol=1e-6)
        np.testing.assert_allclose(cloud.color, COLOR / 255, atol=1e-3)
        return
    write_scene(tmp_path / "train/a", 40, **arrays, normal=None, segment200=None)
    scene = ScanNetScenes(tmp_path, "train", voxel_size=None)[0]
    np.testing.assert_allclose(scene.coord, positions, atol=1e-6)
    np.testing.assert_allclose(scene.color, COLOR / 255, atol=1e-3)
    assert (scene.segment.tolist(), scene.instance.tolist()) == (
        (whole % 7).tolist(),
        (whole % 7).tolist(),
    )


def refusal(use: Callable[[], object]) -> str:
    """The sentence of the DataError that `use` raises; "" without one."""
    try:
        use()
    except DataError as error:
        return str(error)
    return ""


@SETTINGS
@given(data=st.data())
def test_no_damage_to_a_file_ends_in_a_traceback(tmp_path, data):
    """A few bytes are changed, cut or put in: the result is a scan, or one sentence that names the
    file."""
    ending = data.draw(st.sampled_from(["ply", "pcd"]))
    content = bytearray(data.draw(plys() if ending == "ply" else pcds())[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = Path(tmp_path, f"a.{ending}")
    path.write_bytes(content)
    sentence = refusal(lambda: standardise(read_cloud(path)))
    assert "\n" not in sentence
    assert re.search(r"^$|a\.(ply|pcd)|^its (color|normal) holds", sentence)


@SETTINGS
@given(
    points=st.integers(1, 6),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 500.0, 1e6]),
    shift=st.sampled_from([0.0, -7.5, 5e5]),
    label=st.sampled_from([-1, 0, 19]),
)
def test_tiny_scenes_make_batches(tmp_path, points, scale, shift, label):
    """One point, points that coincide, a scan far away: a batch, or one sentence."""
    coord = COORD[:points] * scale + shift
    write_scene(tmp_path / "train/a", points, coord=coord, segment20=np.full(points, label))
    scenes = ScanNetScenes(tmp_path, "train")
    if sentence := refusal(lambda: scenes[0]):
        assert re.search("use a larger voxel size|seems to be in", sentence)
        return
    batch = collate([scenes[0]])
    assert batch.points.coordinate_tensor.isfinite().all()
    assert len(batch.targets[0].instance) == len(batch.points.coordinate_tensor)


ODD_FOLDERS = ["._scene.ply", ".DS_Store", "notes.txt"]


def test_a_vertex_with_a_list_is_refused_by_its_name(tmp_path):
    head = [
        "ply",
        "format ascii 1.0",
        "element vertex 1",
        *(f"property float {axis}" for axis in "xyz"),
    ]
    head += ["property list uchar int visible_in", "end_header", "0 0 0 2 7 8", ""]
    (tmp_path / "a.ply").write_text("\n".join(head))
    with pytest.raises(
        DataError,
        match=r"a\.ply: its vertices have the list property visible_in: export it again without",
    ):
        read_cloud(tmp_path / "a.ply")


ASCII = """ply
format ascii 1.0
element vertex 3
property float X
property float Y
property float Z
property uchar Red
property uchar Green
property uchar Blue
end_header
"""


@pytest.mark.parametrize(
    "rows", ["0 0 0 {}\n\n1 0 0 {}\n \n2 0 0 {}", "0 0 0 {}\n1 0 0 {}\n2 0 0 {}"]
)
@pytest.mark.parametrize("color", ["255 0 51", "255.0 0.0 51.0", "1.0 0 0.2"])
def test_blank_lines_capitals_and_colours_written_as_floats_are_read(tmp_path, rows, color):
    (tmp_path / "a.ply").write_text(ASCII + rows.format(color, color, color))
    cloud, _ = standardise(read_cloud(tmp_path / "a.ply"))
    assert cloud.coord[:, 0].tolist() == [0, 1, 2]
    np.testing.assert_allclose(cloud.color, [[1, 0, 0.2]] * 3)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("vertex 3", "vertex -1", "its header announces -1 vertex records"),
        (
            "vertex 3",
            "vertex 99999999999999999",
            "is truncated: it holds 0 of 99999999999999999 vertex",
        ),
        ("format ascii 1.0\n", "", "has no format line"),
        ("ascii", "binary_middle_endian", "its format line says binary_middle_endian"),
    ],
)
def test_headers_that_cannot_be_are_refused(tmp_path, old, new, reason):
    text = ASCII.replace(old, new).replace("ascii", "binary_little_endian")
    (tmp_path / "a.ply").write_text(text)
    with pytest.raises(DataError, match=rf"a\.ply:? {reason}"):
        read_cloud(tmp_path / "a.ply")


@pytest.mark.parametrize("key", ["FIELDS", "SIZE", "TYPE", "DATA"])
def test_a_pcd_without_a_line_is_refused_by_its_name(tmp_path, key):
    lines = ["FIELDS x y z", "SIZE 4 4 4", "TYPE F F F", "POINTS 1", "DATA ascii", "0 0 0", ""]
    (tmp_path / "a.pcd").write_text("\n".join(x for x in lines if not x.startswith(key)))
    with pytest.raises(DataError, match=rf"a\.pcd has no {key} line"):
        read_cloud(tmp_path / "a.pcd")


def test_what_macos_leaves_beside_a_scan_is_skipped_with_a_word(tmp_path, capsys):
    from mf3d_tutorial.predict import find_scans

    for name in ("scan.ply", *ODD_FOLDERS):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    assert find_scans(tmp_path) == [tmp_path / "scan.ply"]
    assert "skipped, as the name begins with a dot: ._scene.ply" in capsys.readouterr().out


def test_one_point_is_a_scan():
    cloud, said = standardise(Cloud(np.array([[500.0, 3, 2]])))
    assert cloud.coord.shape == (1, 3)
    assert said.startswith("1 points")


def test_of_a_scene_folder_only_its_own_arrays_are_read(tmp_path):
    """Not what macOS notes beside them, and not what else lies there, readable or not."""
    np.save(tmp_path / "coord.npy", COORD)
    (tmp_path / "._coord.npy").write_bytes(b"\0\5\x16\7")
    np.save(tmp_path / "poses.npy", np.array([{}], object), allow_pickle=True)
    np.save(tmp_path / "stray.npy", np.ones(3))
    cloud = read_cloud(tmp_path)
    np.testing.assert_array_equal(cloud.coord, COORD)
    assert cloud.stray is None


def test_threads_may_parse_headers_at_the_same_time(tmp_path):
    """Python 3.11 refuses about one in 100 of them under this stress, and few without it."""

    def switch(*_: object) -> None:
        sum(range(50))  # time for another thread to take over

    path = write_scene(tmp_path / "scene", points=5) / "coord.npy"
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(switch)
    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as pool:
            arrays = list(pool.map(read_npy, [path] * 1500))
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        gc.callbacks.remove(switch)
    assert all(array.shape == (5, 3) for array in arrays)
