"""Unit quaternions as tuples (w, x, y, z), scalar first.

`q_a_from_b` turns the components of a vector in frame b into its components in frame a:
`v_a = rotate(q_a_from_b, v_b)`, and `q_a_from_c = multiply(q_a_from_b, q_b_from_c)`. Hamilton's
product (ij = k). q and -q are the same rotation.
"""

from math import acos, atan2, copysign, cos, hypot, pi, remainder, sin, sqrt

from terminal.geometry.vector import Vec

Quaternion = tuple[float, float, float, float]
Matrix = tuple[Vec, Vec, Vec]


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


def to_matrix(q_a_from_b: Quaternion) -> Matrix:
    """Rows of the matrix that multiplies a column of b components into a components."""
    w, x, y, z = q_a_from_b
    return (
        (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)),
        (2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)),
        (2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)),
    )


def slerp(q: Quaternion, r: Quaternion, fraction: float) -> Quaternion:
    """From q (fraction 0) to r (fraction 1) at a constant rate, the short way round.

    Shoemake, SIGGRAPH 1985.
    """
    cosine = q[0] * r[0] + q[1] * r[1] + q[2] * r[2] + q[3] * r[3]
    if cosine < 0.0:
        r, cosine = (-r[0], -r[1], -r[2], -r[3]), -cosine
    if cosine > 1.0 - 1e-9:
        # So near that the sines vanish; the straight line then differs by less than 1e-13 rad.
        a, b = 1.0 - fraction, fraction
    else:
        angle_rad = acos(cosine)
        a = sin((1.0 - fraction) * angle_rad) / sin(angle_rad)
        b = sin(fraction * angle_rad) / sin(angle_rad)
    return normalise(
        (a * q[0] + b * r[0], a * q[1] + b * r[1], a * q[2] + b * r[2], a * q[3] + b * r[3])
    )


def from_yaw_pitch_roll(yaw_rad: float, pitch_rad: float, roll_rad: float) -> Quaternion:
    """q_ned_from_body of the aerospace 3-2-1 angles: yaw about z, pitch about the new y, roll
    about the newest x (body x forward, y right, z down)."""
    cy, sy = cos(0.5 * yaw_rad), sin(0.5 * yaw_rad)
    cp, sp = cos(0.5 * pitch_rad), sin(0.5 * pitch_rad)
    cr, sr = cos(0.5 * roll_rad), sin(0.5 * roll_rad)
    return (
        cy * cp * cr + sy * sp * sr,
        cy * cp * sr - sy * sp * cr,
        cy * sp * cr + sy * cp * sr,
        sy * cp * cr - cy * sp * sr,
    )


def to_yaw_pitch_roll(q_ned_from_body: Quaternion) -> Vec:
    """(yaw, pitch, roll) in [-pi, pi], [-pi/2, pi/2], [-pi, pi], radians.

    Nose straight up or down leaves only yaw -+ roll defined: roll is then 0.
    """
    w, x, y, z = q_ned_from_body
    forward_north, forward_east = 1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z)
    sine, cosine = 2.0 * (w * y - x * z), hypot(forward_north, forward_east)
    # atan2 keeps its precision near the vertical, where asin loses half the digits.
    pitch_rad = atan2(sine, cosine)
    if cosine < 1e-12:
        return remainder(-2.0 * copysign(1.0, sine) * atan2(x, w), 2.0 * pi), pitch_rad, 0.0
    return (
        atan2(forward_east, forward_north),
        pitch_rad,
        atan2(2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)),
    )
