"""What is to be seen from a terminal at one time."""

from terminal.geometry.earth import enu_basis, enu_from_ecef
from terminal.geometry.lift import lifted
from terminal.geometry.light_time import PointingSolution, azimuth_elevation, solve
from terminal.geometry.moon import moon_direction_ecef
from terminal.geometry.polarization_frame import (
    frame_angle_rad,
    orbit_normal_ecef,
    vertical_ecef,
)
from terminal.geometry.refraction import Refraction
from terminal.geometry.sun import sun_direction_ecef
from terminal.geometry.vector import Vec
from terminal.plan_view import View

_UP: Vec = (0.0, 0.0, 1.0)


def sighted(view: View, t_ns: int) -> PointingSolution:
    """From where the terminal is at a TAI time. Raises EphemerisError."""
    latitude_rad, longitude_rad, _ = view.own.geodetic(t_ns)
    return solve(t_ns, *view.own.state_ecef(t_ns), latitude_rad, longitude_rad, view.partner)


def sun_enu(view: View, t_ns: int) -> Vec:
    """Unit vector toward the Sun."""
    latitude_rad, longitude_rad, _ = view.own.geodetic(t_ns)
    return enu_from_ecef(enu_basis(latitude_rad, longitude_rad), sun_direction_ecef(t_ns))


def moon_enu(view: View, t_ns: int) -> Vec:
    """Unit vector toward the Moon, from where the terminal is."""
    latitude_rad, longitude_rad, _ = view.own.geodetic(t_ns)
    toward = moon_direction_ecef(t_ns, view.own.state_ecef(t_ns)[0])
    return enu_from_ecef(enu_basis(latitude_rad, longitude_rad), toward)


def seen(view: View, solution: PointingSolution) -> tuple[Vec, Vec]:
    """Arrival and launch direction as the air shows them, both or neither. Raises
    RefractionError."""
    los, launch = solution.los_enu, solution.launch_enu
    if view.refraction is None:
        return los, launch
    arriving = _bent(los, solution.range_m, view.refraction)
    aimed = _bent(launch, solution.range_m, view.sent_refraction or view.refraction)
    return (arriving, aimed) if arriving is not None and aimed is not None else (los, launch)


def frame_rad(view: View, t_ns: int, los: Vec, up_enu: Vec = _UP) -> float | None:
    """At which the partner's H axis is seen in a mount whose first axis stands along `up_enu`, from
    right toward up, in (-pi/2, pi/2]; None where it leaves no angle."""
    position, velocity = view.partner.state_ecef(t_ns)
    try:
        if view.reference_axis == "vertical":
            axis = vertical_ecef(position)
        else:
            axis = orbit_normal_ecef(position, velocity)
        latitude_rad, longitude_rad, _ = view.own.geodetic(t_ns)
        axis_enu = enu_from_ecef(enu_basis(latitude_rad, longitude_rad), axis)
        return frame_angle_rad(los, axis_enu, up_enu)
    except ValueError:
        return None


def _bent(direction_enu: Vec, range_m: float, refraction: Refraction) -> Vec | None:
    """A direction of straight lines as refraction shows it."""
    _, elevation_rad = azimuth_elevation(direction_enu)
    apparent_rad = refraction.apparent_elevation_rad(elevation_rad, range_m)
    return None if apparent_rad is None else lifted(direction_enu, apparent_rad - elevation_rad)
