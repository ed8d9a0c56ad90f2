"""The angle between the sender's polarisation axes and the analyser's, from geometry alone.

Free space keeps the direction of the field, so the sender's H axis arrives as what remains of its
reference axis across the line of sight. Looking out along the boresight, the analyser's H axis is
"right" and its V axis "up"; the angle psi grows from right toward up. A fold mirror or a wave plate
behind the boresight turns the frame further: that belongs to the optics.
"""

from math import atan2, hypot, pi

from terminal.geometry.earth import enu_basis, geodetic_from_ecef, inertial_velocity
from terminal.geometry.vector import Vec, cross, dot, unit

_SMALLEST_PROJECTION = 1e-6


def frame_angle_rad(los_enu: Vec, partner_reference_enu: Vec, analyser_up_enu: Vec) -> float:
    """Angle psi in (-pi/2, pi/2] at which the sender's H axis is seen in the analyser.

    los_enu: unit vector from the terminal toward the partner. partner_reference_enu: unit vector,
    the sender's reference axis. analyser_up_enu: the analyser's up axis; what it has along the line
    of sight is ignored. All in one frame. The sign of an axis means nothing, hence the half turn.

    Raises ValueError where an axis lies along the line of sight and leaves no angle.
    """
    right = cross(los_enu, analyser_up_enu)
    across = cross(los_enu, partner_reference_enu)
    if min(hypot(*right), hypot(*across)) < _SMALLEST_PROJECTION:
        raise ValueError("a polarisation axis lies along the line of sight: no frame angle")
    right = unit(right)
    up = cross(right, los_enu)
    angle_rad = atan2(dot(partner_reference_enu, up), dot(partner_reference_enu, right))
    if angle_rad > 0.5 * pi:
        return angle_rad - pi
    return angle_rad + pi if angle_rad <= -0.5 * pi else angle_rad


def orbit_normal_ecef(position_ecef: Vec, velocity_ecef: Vec) -> Vec:
    """The sender's reference axis `orbit_normal`: unit vector along r x v, v against the stars.

    Position in m and velocity relative to the turning Earth in m/s, as an ephemeris gives them.
    """
    return unit(cross(position_ecef, inertial_velocity(position_ecef, velocity_ecef)))


def vertical_ecef(position_ecef: Vec) -> Vec:
    """The sender's reference axis `vertical`: unit vector up, normal to the ellipsoid."""
    latitude_rad, longitude_rad, _ = geodetic_from_ecef(position_ecef)
    return enu_basis(latitude_rad, longitude_rad)[2]
