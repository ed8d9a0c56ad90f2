"""A scenario as small as the structs allow, as plain data: tests change one thing in it."""

from typing import Any

import yaml

ROLES = (
    "gimbal",
    "navigation",
    "camera",
    "quad",
    "mirror",
    "point_ahead",
    "waveplate",
    "tagger",
    "laser",
    "classical",
)


def minimal() -> dict[str, Any]:
    """Fresh each time, so that a test may change it."""
    return {
        "name": "minimal",
        "description": "a satellite over a platform",
        "mission": {
            "window": {"kind": "fixed", "start_utc": "2016-12-19T15:18:00Z", "duration_s": 300},
            "partner": {
                "kind": "satellite",
                "name": "Micius",
                "tle": [
                    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
                    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
                ],
                "useful_days": 7.0,
            },
            "track": {
                "latitude_deg": 40.4,
                "longitude_deg": 117.6,
                "altitude_m": 20_000.0,
                "speed_m_s": 25.0,
                "course_deg": 90.0,
                "radius_m": 3000.0,
            },
            "source": {
                "wavelength_m": 810e-9,
                "pulse_rate_hz": 200e6,
                "intensities": [0.8, 0.1, 0.0],
                "intensity_probabilities": [0.5, 0.25, 0.25],
                "basis_x_probability": 0.8,
                "public_share": 0.1,
                "pattern_length": 2**20,
                "pattern_seed": 7,
            },
            "beam": {"full_divergence_rad": 33e-6},
            "security": {
                "secrecy": 1e-9,
                "correctness": 1e-15,
                "error_correction_efficiency": 1.16,
                "disclosed_x_share": 0.1,
            },
            "earth": {"ut1_minus_utc_s": -0.4},
        },
        "terminal": terminal(),
        "world": {
            "navigation": {
                "position_bias_m": 2.0,
                "position_noise_m": 0.5,
                "velocity_noise_m_s": 0.05,
                "attitude_bias_rad": 1e-3,
                "attitude_drift_rad_per_sqrt_s": 1e-5,
                "attitude_noise_rad": 1e-4,
                "latency_s": 0.01,
            },
            "platform": {
                "track_error_m": 50.0,
                "sway_rad": 0.02,
                "sway_period_s": 8.0,
                "residual": "esa_silex",
            },
            "gimbal": {
                "mounting_error_rad": 1e-3,
                "rate_lag_s": 0.02,
                "max_rate_rad_s": 1.0,
                "max_acceleration_rad_s2": 5.0,
                "gyro_bias_rad_s": 1e-4,
            },
            "beacon": {
                "camera_signal_counts": 20_000.0,
                "camera_noise_counts": 3.0,
                "quad_sum_counts": 40_000.0,
                "quad_noise_counts": 20.0,
                "reference_range_m": 600e3,
                "boresight_error_rad": 1e-6,
            },
            "mirror": {"resonance_hz": 900.0, "damping": 0.6, "delay_samples": 2},
            "partner": {
                "jitter_rad": 3.3e-6,
                "jitter_bandwidth_hz": 20.0,
                "ephemeris_error_m": [50.0, 500.0, 100.0],
                "untracked_offset_rad": 2e-5,
                "uplink_threshold": 0.1,
                "reference_axis_error_rad": 0.02,
                "clock_offset_s": 1e-7,
                "reply_latency_s": 0.05,
            },
            "polarization": {
                "plate_offset_rad": 0.02,
                "retardance_rad": 0.05,
                "intrinsic_qber": 0.005,
            },
            "atmosphere": {
                "zenith_transmittance": 0.95,
                "scintillation_index": 0.01,
                "scintillation_bandwidth_hz": 100.0,
                "background_radiance_w_m2_sr_um": 1.5e-3,
            },
            "detectors": {
                "dark_rate_hz": 50.0,
                "dead_time_s": 50e-9,
                "afterpulse_probability": 1e-3,
                "afterpulse_lifetime_s": 1e-7,
                "jitter_s": 200e-12,
                "oscillator_offset": 1e-6,
                "oscillator_white_fm": 1e-11,
                "oscillator_random_walk_fm": 1e-12,
            },
            "faults": [{"kind": "beacon_off", "at_s": 100.0, "duration_s": 3.0}],
        },
    }


def terminal() -> dict[str, Any]:
    """The terminal of `minimal`, as a profile would hold it."""
    return {
        "devices": {
            role: {
                "driver": "some_driver",
                "url": "inproc:",
                "options": {"columns": 256, "rows": 256, "pixel_rad": 25e-6}
                if role == "camera"
                else {"gain": 1.5},
            }
            for role in ROLES
        },
        "optics": {
            "aperture_m": 0.15,
            "transmittance": 0.5,
            "detector_efficiency": 0.6,
            "field_of_view_rad": 50e-6,
            "filter_bandwidth_m": 1e-9,
            "quad_spot_rad": 100e-6,
            "mirror_stroke_rad": 2e-3,
            "point_ahead_stroke_rad": 1e-4,
            "uplink_beacon_divergence_rad": 1e-3,
        },
        "mounting": {"rotation_vector_rad": [0.0, 0.0, 0.1]},
        "gimbal": {},
        "keep_out": {},
        "rates": {
            "fine_hz": 5000,
            "coarse_hz": 100,
            "modes_hz": 100,
            "pointing_hz": 50,
            "guidance_hz": 50,
            "acquisition_hz": 50,
            "camera_hz": 50,
            "point_ahead_hz": 50,
            "polarization_hz": 10,
            "timing_hz": 10,
            "link_hz": 1,
        },
        "acquisition": {
            "speed_rad_s": 0.02,
            "confirm_frames": 3,
            "drop_frames": 5,
            "threshold_sigma": 6.0,
            "settle_rad": 1e-3,
        },
        "coarse": {
            "position_gain_per_s": 3.0,
            "integral_gain_per_s2": 1.0,
            "beacon_gain_per_s": 3.0,
            "handover_rad": 5e-4,
            "handover_s": 0.5,
            "release_rad": 1e-3,
        },
        "fine": {
            "gain": 0.5,
            "min_sum_counts": 500,
            "drop_s": 0.05,
            "settled_rad": 2e-5,
            "settled_s": 0.2,
            "response": {"resonance_hz": 1000.0, "damping": 0.5, "delay_samples": 2},
        },
        "polarization": {"trim_window_s": 5.0, "trim_min_clicks": 500, "deadband_rad": 1e-3},
        "timing": {
            "search_ppm": 30.0,
            "gate_half_width_s": 1e-9,
            "false_lock_probability": 1e-6,
            "acquire_clicks": 20_000,
            "oscillator_wander": 1e-11,
            "unsure_sigma_s": 5e-10,
        },
        "safety": {
            "navigation_max_age_s": 0.2,
            "gimbal_max_age_s": 0.1,
            "quad_max_age_s": 0.01,
            "lost_after_s": 0.2,
            "reacquire_after_s": 3.0,
        },
    }


def put(data: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """`data` with the value at a key like `mission.beam.full_divergence_rad`, perhaps new."""
    *path, last = key.split(".")
    node: Any = data
    for name in path:
        node = node[int(name)] if isinstance(node, list) else node[name]
    node[int(last) if isinstance(node, list) else last] = value
    return data


def drop(data: dict[str, Any], key: str) -> dict[str, Any]:
    """`data` without a key."""
    *path, last = key.split(".")
    node: Any = data
    for name in path:
        node = node[name]
    del node[last]
    return data


def as_yaml(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False)
