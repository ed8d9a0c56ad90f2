"""The emulators that `qsky emulate` can serve, by name. Each is imported only when it is built."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from config.errors import InputError
from sim_devices.emulator import Emulator

if TYPE_CHECKING:
    from sim_devices.carrier import Carrier


class Served(NamedTuple):
    """An emulator and what it can tell of its true state (`sim_devices.truth_share`)."""

    emulator: Emulator
    truth_names: tuple[str, ...]
    truth: Callable[[], tuple[float, ...]]
    """Values of `truth_names` at the time of the emulator's last poll."""


GIMBAL_TRUTH = (
    "yaw_rad",
    "pitch_rad",
    "roll_rad",
    "joint_yaw_rate_rad_s",
    "joint_pitch_rate_rad_s",
    "joint_roll_rate_rad_s",
)
"""In the order of sim_devices.remote.JointReading."""


def _gimbal_sbgc32() -> Served:
    from sim_devices.gimbal_mechanics_free import FreeGimbal
    from sim_devices.gimbal_sbgc32 import Sbgc32Emulator

    joints = FreeGimbal()
    return Served(
        Sbgc32Emulator(joints),
        GIMBAL_TRUTH,
        lambda: (
            joints.yaw_rad,
            joints.pitch_rad,
            joints.roll_rad,
            joints.yaw_rate_rad_s,
            joints.pitch_rate_rad_s,
            joints.roll_rate_rad_s,
        ),
    )


def _navigation_vectornav() -> Served:
    from sim_devices.navigation_vectornav import StillNavigation, VectorNavEmulator

    return Served(VectorNavEmulator(StillNavigation()), (), tuple)


def _waveplate_ell14() -> Served:
    from sim_devices.waveplate_ell14 import Ell14Emulator

    plate = Ell14Emulator()
    return Served(plate, ("turned_rad",), lambda: (plate.turned_rad,))


def _expander_ell20() -> Served:
    from sim_devices.expander_ell20 import Ell20Emulator

    stage = Ell20Emulator()
    return Served(stage, ("position_m",), lambda: (stage.position,))


def _expander_ld4i() -> Served:
    from sim_devices.expander_ld4i import Ld4iEmulator

    lens = Ld4iEmulator()
    return Served(lens, ("power_dioptres",), lambda: (lens.position,))


def _laser_scpi() -> Served:
    from sim_devices.laser_scpi import ScpiLaserEmulator

    box = ScpiLaserEmulator()
    return Served(
        box,
        ("beacon_on", "shutter_open"),
        lambda: (float(box.beacon_on), float(box.shutter_open)),
    )


def _retarder_lcc25() -> Served:
    from sim_devices.retarder_lcc25 import Lcc25Emulator

    controller = Lcc25Emulator()
    return Served(controller, ("drive_v",), lambda: (controller.drive_v,))


STANDALONE: dict[str, Callable[[], Served]] = {
    "expander_ell20": _expander_ell20,
    "expander_ld4i": _expander_ld4i,
    "gimbal_sbgc32": _gimbal_sbgc32,
    "laser_scpi": _laser_scpi,
    "retarder_lcc25": _retarder_lcc25,
    "navigation_vectornav": _navigation_vectornav,
    "waveplate_ell14": _waveplate_ell14,
}
"""Device -> what builds it with physics of its own."""


def _gimbal_in_scenario(scenario: str, seed: int | None, start_tai_ns: int) -> Served:
    from sim_devices.gimbal_sbgc32 import Sbgc32Emulator

    joints = _carrier(scenario, seed).gimbal_mechanics(start_tai_ns)
    return Served(
        Sbgc32Emulator(joints),
        GIMBAL_TRUTH,
        lambda: (joints.yaw_rad, joints.pitch_rad, joints.roll_rad, *joints.joint_rates_rad_s),
    )


def _navigation_in_scenario(scenario: str, seed: int | None, start_tai_ns: int) -> Served:
    from sim_devices.navigation_vectornav import VectorNavEmulator

    carrier = _carrier(scenario, seed)
    latency_ns = round(carrier.scenario.world.navigation.latency_s * 1e9)
    return Served(
        VectorNavEmulator(carrier.navigation_source(start_tai_ns), latency_ns=latency_ns), (), tuple
    )


def _waveplate_in_scenario(scenario: str, seed: int | None, start_tai_ns: int) -> Served:
    return _waveplate_ell14()


def _carrier(scenario: str, seed: int | None) -> "Carrier":
    from config.loader import load_scenario
    from sim_devices.carrier import Carrier

    loaded = load_scenario(scenario)
    return Carrier(loaded, loaded.world.seed if seed is None else seed)


IN_SCENARIO: dict[str, Callable[[str, int | None, int], Served]] = {
    "gimbal_sbgc32": _gimbal_in_scenario,
    "navigation_vectornav": _navigation_in_scenario,
    "waveplate_ell14": _waveplate_in_scenario,
}
"""Device -> what builds it with the physics of (scenario, seed, time of start as TAI)."""

DESCRIPTIONS = {
    "expander_ell20": "Thorlabs Elliptec ELL20 linear stage (beam expander)",
    "expander_ld4i": "Optotune Lens Driver 4i, tunable lens (beam expander)",
    "gimbal_sbgc32": "BaseCam SimpleBGC32 gimbal board (serial API 2)",
    "laser_scpi": "beacon laser and receive shutter (SCPI)",
    "navigation_vectornav": "VectorNav VN-200/VN-300 (binary output)",
    "retarder_lcc25": "Thorlabs LCC25 liquid-crystal controller (variable retarder)",
    "waveplate_ell14": "Thorlabs Elliptec ELL14 half-wave plate",
}


def check(name: str) -> None:
    """Raises InputError for a device that nothing here emulates."""
    if name not in STANDALONE:
        raise InputError(f"unknown device {name!r}; known: {', '.join(sorted(STANDALONE))}")


def standalone(name: str) -> Served:
    """An emulator that needs no world around it. Raises InputError for an unknown name."""
    check(name)
    return STANDALONE[name]()


def in_scenario(name: str, scenario: str, seed: int | None, start_tai_ns: int) -> Served:
    """An emulator with the physics of a scenario, by name or file.

    Raises:
        InputError: unknown device, a device without a part in scenarios, or a bad scenario.
    """
    if name not in IN_SCENARIO:
        known = ", ".join(sorted(IN_SCENARIO)) or "none"
        raise InputError(
            f"--scenario: no emulator {name!r} with a scenario's physics; known: {known}"
        )
    return IN_SCENARIO[name](scenario, seed, start_tai_ns)
