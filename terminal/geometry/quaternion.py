"""Unit quaternions as tuples (w, x, y, z), scalar first.

`q_a_from_b` turns the components of a vector in frame b into its components in frame a:
`v_a = rotate(q_a_from_b, v_b)`, and `q_a_from_c = multiply(q_a_from_b, q_b_from_c)`. Hamilton's
product (ij = k). q and -q are the same rotation.
"""

from math import atan2, copysign, cos, sin, sqrt

from terminal.geometry.vector import Vec

Quaternion = tuple[float, float, float, float]


def multiply(q: Quaternion, r: Quaternion) -> Quaternion:
    """Rotation r, then rotation q."""
    qw, qx, qy, qz = q
    rw, rx, ry, rz = r
    return (
        qw * rw - qx * rx - qy * ry - qz * rz,
        qw * rx + qx * rw + qy * rz - qz * ry,
        qw * ry - qx * rz + qy * rw + qz * rx,
        qw * rz + qx * ry - qy * rx + qz * rw,
    )


def conjugate(q: Quaternion) -> Quaternion:
    """The inverse rotation: q_b_from_a of q_a_from_b."""
    return q[0], -q[1], -q[2], -q[3]


def rotate(q_a_from_b: Quaternion, vector_b: Vec) -> Vec:
    """Components in a of a vector given in b: v + 2 w (u x v) + 2 u x (u x v) for q = (w, u)."""
    w, x, y, z = q_a_from_b
    vx, vy, vz = vector_b
    tx = 2.0 * (y * vz - z * vy)
    ty = 2.0 * (z * vx - x * vz)
    tz = 2.0 * (x * vy - y * vx)
    return (
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    )


def normalise(q: Quaternion) -> Quaternion:
    """`q` at length one. Raises ValueError for a quaternion of length zero, or not finite."""
    w, x, y, z = q
    length = sqrt(w * w + x * x + y * y + z * z)
    if not 0.0 < length < float("inf"):
        raise ValueError(f"{q} is no rotation")
    return w / length, x / length, y / length, z / length


def from_rotation_vector(rotation_vector_rad: Vec) -> Quaternion:
    """Rotation about the vector's direction by its length, right-handed.

    For `a <- b` the vector is how the axes of b lie turned against those of a.
    """
    x, y, z = rotation_vector_rad
    angle_rad = sqrt(x * x + y * y + z * z)
    # sin(a/2)/a by its series where the quotient is 0/0; the next term is below 1 ulp there.
    factor = sin(0.5 * angle_rad) / angle_rad if angle_rad > 1e-8 else 0.5
    return cos(0.5 * angle_rad), factor * x, factor * y, factor * z


def to_rotation_vector(q: Quaternion) -> Vec:
    """Inverse of `from_rotation_vector`, of length 0 to pi."""
    w, x, y, z = q
    half_sine = sqrt(x * x + y * y + z * z)
    if half_sine == 0.0:
        return 0.0, 0.0, 0.0
    factor = copysign(2.0, w) * atan2(half_sine, abs(w)) / half_sine
    return factor * x, factor * y, factor * z
