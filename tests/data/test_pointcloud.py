"""Reading and writing ply, pcd and npz, against trimesh; units, up axis and normals; and what is
refused."""

import numpy as np
import pytest
import trimesh
from helpers import write_mesh, write_scene

from mf3d_tutorial.common.errors import DataError
from mf3d_tutorial.data.pointcloud import (
    Cloud,
    estimate_normals,
    mesh_normals,
    read_cloud,
    standardise,
    write_ply,
)

COLORS = np.array([[255, 0, 10], [1, 2, 3]], np.uint8)
COORD = np.array([[0.5, -1.25, 3], [4, 5, 6.75]], np.float32)
PACKED = COLORS.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
@pytest.mark.parametrize("faces", [True, False], ids=["mesh", "points"])
def test_a_ply_is_read_as_trimesh_wrote_it(tmp_path, encoding, faces):
    mesh = write_mesh(tmp_path / "a.ply", faces=faces, encoding=encoding)
    cloud = read_cloud(tmp_path / "a.ply")
    np.testing.assert_allclose(cloud.coord, mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(cloud.color, mesh.visual.vertex_colors[:, :3])
    if faces:
        np.testing.assert_array_equal(cloud.faces, mesh.faces)
    else:
        assert cloud.faces is None


def test_what_is_written_is_read_by_trimesh_and_by_us(tmp_path):
    mesh = write_mesh(tmp_path / "a.ply")
    for coord in (mesh.vertices, mesh.vertices.astype(np.float32)):
        write_ply(tmp_path / "b.ply", coord, mesh.visual.vertex_colors[:, :3], mesh.faces)
        other = trimesh.load(tmp_path / "b.ply", process=False)
        ours = read_cloud(tmp_path / "b.ply")
        for vertices, faces in ((other.vertices, other.faces), (ours.coord, ours.faces)):
            np.testing.assert_array_equal(vertices, coord)
            np.testing.assert_array_equal(faces, mesh.faces)
        assert ours.coord.dtype == coord.dtype
        np.testing.assert_array_equal(other.visual.vertex_colors[:, :3], ours.color)
    write_ply(tmp_path / "b.ply", coord, ours.color, None)
    np.testing.assert_array_equal(trimesh.load(tmp_path / "b.ply").vertices, coord)


def ply(*properties: str, form: str = "ascii", rest: str = "", body: bytes = b"") -> bytes:
    lines = [
        "ply",
        f"format {form} 1.0",
        "comment of a test",
        "element vertex 2",
        *(f"property {p}" for p in properties),
    ]
    return "\n".join([*lines, *rest.splitlines(), "end_header", ""]).encode() + body


def test_big_endian_doubles_normals_and_float_colours_are_read(tmp_path):
    names = ("x", "y", "z", "nx", "ny", "nz", "r", "g", "b")
    values = np.random.default_rng(0).uniform(0, 1, (2, 9)).astype(">f8")
    body = ply(
        *(f"double {name}" for name in names), form="binary_big_endian", body=values.tobytes()
    )
    (tmp_path / "a.PLY").write_bytes(body)
    cloud = read_cloud(tmp_path / "a.PLY")
    for part, array in zip(
        (slice(0, 3), slice(3, 6), slice(6, 9)), (cloud.coord, cloud.normal, cloud.color)
    ):
        np.testing.assert_array_equal(array, values[:, part])


XYZ = ("float x", "float y", "float z")


def test_polygons_that_are_no_triangles_are_left_out(tmp_path):
    rest = "element face 2\nproperty list uchar int vertex_index"
    (tmp_path / "a.ply").write_bytes(
        ply(*XYZ, rest=rest, body=b"0 0 0\n1 1 1\n3 0 1 0\n4 0 1 1 0\n")
    )
    cloud = read_cloud(tmp_path / "a.ply")
    assert cloud.faces is None
    assert cloud.coord.tolist() == [[0, 0, 0], [1, 1, 1]]


def pcd(data: str, body: bytes, fields: str = "x y z rgb", types: str = "F F F F") -> bytes:
    count = len(fields.split())
    lines = [
        "# .PCD v0.7",
        "VERSION 0.7",
        f"FIELDS {fields}",
        f"SIZE {'4 ' * count}",
        f"TYPE {types}",
    ]
    lines += [
        f"COUNT {'1 ' * count}",
        "WIDTH 2",
        "HEIGHT 1",
        "VIEWPOINT 0 0 0 1 0 0 0",
        "POINTS 2",
        f"DATA {data}",
        "",
    ]
    return "\n".join(lines).encode() + body


@pytest.mark.parametrize("kind", ["F", "U"])
@pytest.mark.parametrize("data", ["ascii", "binary"])
def test_a_pcd_is_read_with_its_packed_colours(tmp_path, data, kind):
    table = np.zeros(2, [("xyz", "<f4", 3), ("rgb", "<u4")])
    table["xyz"], table["rgb"] = COORD, PACKED
    packed = PACKED.view(np.float32) if kind == "F" else PACKED
    lines = [" ".join([*map(str, xyz.tolist()), str(rgb)]) for xyz, rgb in zip(COORD, packed)]
    body = table.tobytes() if data == "binary" else "\n".join(lines).encode()
    fields = "x y z rgb" if kind == "F" else "x y z rgba"
    (tmp_path / "a.pcd").write_bytes(pcd(data, body, fields, f"F F F {kind}"))
    cloud = read_cloud(tmp_path / "a.pcd")
    np.testing.assert_array_equal(cloud.coord, COORD)
    np.testing.assert_array_equal(cloud.color, COLORS)


def test_a_pcd_may_have_normals_and_padding(tmp_path):
    values = np.arange(16, dtype="<f4").reshape(2, 8)
    fields = "x y z _ normal_x normal_y normal_z _"
    (tmp_path / "a.pcd").write_bytes(pcd("binary", values.tobytes(), fields, "F " * 8))
    cloud = read_cloud(tmp_path / "a.pcd")
    np.testing.assert_array_equal(cloud.normal, values[:, 4:7])
    assert cloud.color is None


def test_a_scene_folder_and_an_archive_say_the_same(tmp_path):
    folder = write_scene(tmp_path / "scene", superpoint=np.arange(60, dtype=np.int32))
    arrays = {path.stem: np.load(path) for path in folder.iterdir()}
    np.savez(tmp_path / "scene.npz", **arrays)
    for path in (folder, tmp_path / "scene.npz"):
        cloud = read_cloud(path)
        for name in ("coord", "color", "normal", "superpoint"):
            np.testing.assert_array_equal(getattr(cloud, name), arrays[name])


REFUSED = {
    "a.obj": (b"", "a.obj is neither a scene folder nor one of .ply, .pcd, .npz"),
    "a.ply": (b"solid stl", "a.ply is not a PLY file: its first line is not 'ply'"),
    "b.ply": (b"", "b.ply is not a PLY file"),
    "c.ply": (
        b"ply\nformat ascii 1.0\nelement vertex 2\n",
        "c.ply has no end_header line: it is truncated",
    ),
    "d.ply": (ply(*XYZ, body=b"0 0 0\n"), "d.ply is truncated: it holds 1 of 2 vertex records"),
    "e.ply": (
        ply(*XYZ, form="binary_little_endian", body=bytes(23)),
        "e.ply is truncated: it holds 1 of 2 vertex records",
    ),
    "f.ply": (
        ply(*XYZ, body=b"0 0 0\n0 zero 0\n"),
        "f.ply cannot be read (could not convert string 'zero'",
    ),
    "g.ply": (
        ply("float x", "float y", body=b"0 0\n0 0\n"),
        "g.ply has no x, y and z: its columns are x, y",
    ),
    "h.ply": (ply("quad x", *XYZ[1:]), "h.ply cannot be read (data type 'quad' not understood)"),
    "i.ply": (
        ply(*XYZ, body=b"0 0 0\n0 nan 0\n"),
        "i.ply has 1 points whose coordinates are NaN or infinite",
    ),
    "j.ply": (ply(*XYZ).replace(b"vertex 2", b"vertex 0"), "j.ply has no vertices"),
    "k.ply": (
        ply(*XYZ, body=b"0 0 0\n1 1 1\n").replace(b"vertex", b"corner"),
        "k.ply has no vertices",
    ),
    "l.ply": (
        ply(
            *XYZ,
            rest="element face 1\nproperty list uchar int vertex_indices",
            body=b"0 0 0\n1 1 1\n3 0 1 2\n",
        ),
        "l.ply: faces holds 0 to 2, with 2 points",
    ),
    "m.ply": (
        ply(
            *XYZ,
            rest="element face 9\nproperty list uchar int vertex_indices",
            body=b"0 0 0\n1 1 1\n3 0 1 1\n",
        ),
        "m.ply is truncated: it holds 1 of 9 face records",
    ),
    "n.ply": (
        ply(*XYZ).replace(b"vertex 2", b"vertex many"),
        "n.ply cannot be read (invalid literal for int()",
    ),
    "a.pcd": (
        pcd("binary_compressed", b""),
        "a.pcd is truncated: it holds 0 of 0 compressed bytes",
    ),
    "b.pcd": (pcd("binary", bytes(31)), "b.pcd is truncated: it holds 1 of 2 point records"),
    "c.pcd": (
        pcd("ascii", b"").replace(b"POINTS", b"PINTS"),
        "c.pcd is truncated: it holds 0 of 2 point records",
    ),
    "d.pcd": (b"VERSION 0.7\n", "d.pcd has no DATA line"),
    "a.npz": (b"PK\x03\x04", "a.npz cannot be read"),
    "b.npz": ({"points": COORD}, "b.npz has no coord: it has points"),
    "c.npz": (
        {"coord": COORD[:, :2]},
        "c.npz: coord has shape (2, 2), where (N, 3) is expected",
    ),
    "d.npz": (
        {"coord": COORD, "color": COLORS[:1]},
        "d.npz: color has shape (1, 3), where (2, 3) is expected",
    ),
    "e.npz": ({"coord": COORD, "superpoint": np.array([-1, 0])}, "e.npz: superpoint holds -1 to 0"),
    "f.npz": ({"coord": np.array([["a"] * 3])}, "f.npz: coord is <U1"),
    "g.npz": (
        {"coord": np.array([[None] * 3])},
        "g.npz cannot be read (Object arrays cannot be loaded",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, name):
    content, reason = REFUSED[name]
    path = tmp_path / name
    if isinstance(content, dict):
        np.savez(path, **content)
    else:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_cloud(path)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mesh_cut_anywhere_is_refused(tmp_path):
    for encoding in ("ascii", "binary_little_endian"):
        write_mesh(tmp_path / "whole.ply", side=3, encoding=encoding)
        whole = (tmp_path / "whole.ply").read_bytes()
        for length in range(0, len(whole) - 2, 5):
            (tmp_path / "cut.ply").write_bytes(whole[:length])
            with pytest.raises(DataError, match=r"cut\.ply"):
                read_cloud(tmp_path / "cut.ply")


# --- units, up axis, normals -----------------------------------------------------------------


def room(points: int = 4000, seed: int = 0) -> Cloud:
    """A box of 4 x 5 x 2.5 m, z up: floor, walls and a few points at the height of a ceiling."""
    rng = np.random.default_rng(seed)
    coord = rng.uniform(0, 1, (points, 3)) * [4, 5, 2.5]
    side = rng.choice(5, points, p=[0.4, 0.15, 0.15, 0.15, 0.15])
    for number, (axis, value) in enumerate([(2, 0), (0, 0), (0, 4), (1, 0), (1, 5)]):
        coord[side == number, axis] = value
    return Cloud(coord.astype(np.float32), normal=np.tile(np.float32([0, 0, 1]), (points, 1)))


@pytest.mark.parametrize("unit", ["m", "mm"])
@pytest.mark.parametrize("up", ["z", "y"])
def test_units_and_up_axis_are_found(unit, up):
    cloud = expected = room()
    if up == "y":  # what phone apps write: x right, y up, z to the viewer
        turn = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)
        cloud = Cloud(cloud.coord @ turn.T, normal=cloud.normal @ turn.T)
    cloud = Cloud(cloud.coord * (1000 if unit == "mm" else 1), normal=cloud.normal)
    found, said = standardise(cloud)
    np.testing.assert_allclose(found.coord, expected.coord, atol=1e-5)
    np.testing.assert_allclose(found.normal, expected.normal)
    assert found.coord.dtype == np.float32
    assert said == f"4,000 points, 4.0 x 5.0 x 2.5 m, taken to be in {unit} with {up} up"


def test_units_and_up_axis_can_be_set():
    found, said = standardise(room(), units="cm", up="y")
    np.testing.assert_allclose(np.ptp(found.coord, axis=0), [0.04, 0.025, 0.05], atol=1e-3)
    assert "in cm with y up" in said


def test_coordinates_far_from_the_origin_keep_their_millimetres():
    cloud = room()
    far, _ = standardise(Cloud(cloud.coord.astype(np.float64) + [500_000.0, 4_500_000.0, 100.0]))
    np.testing.assert_allclose(far.coord, cloud.coord, atol=1e-5)


def test_normals_of_a_mesh_and_of_points_are_those_of_a_sphere():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=2.0)
    np.testing.assert_allclose(
        mesh_normals(ball.vertices, ball.faces), ball.vertices / 2, atol=6e-3
    )
    inward = estimate_normals(ball.vertices)
    assert (-(inward * ball.vertices / 2).sum(1)).min() > 0.99
