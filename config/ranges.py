"""What physics or present hardware allows: wide bounds that a value in the wrong unit falls out of.

33 for 33e-6 rad passes every check of sign; it can't pass here. The bounds say nothing about what
is good, only about what can't be meant. Where a lower bound would catch nothing it is 0.
"""

from typing import NamedTuple


class Range(NamedTuple):
    """Bounds of one number, or of each element of a tuple."""

    key: str
    low: float
    high: float
    mistaken: str
    """The unit that a value outside is most likely in."""


RANGES = (
    Range("mission.window.duration_s", 1.0, 7200.0, "ms"),
    Range("mission.partner.useful_days", 0.01, 60.0, "seconds"),
    Range("mission.partner.track.altitude_m", -500.0, 50e3, "feet"),
    Range("mission.partner.track.speed_m_s", 0.0, 1000.0, "km/h"),
    Range("mission.track.altitude_m", -500.0, 50e3, "feet"),
    Range("mission.track.speed_m_s", 0.0, 1000.0, "km/h"),
    Range("mission.source.wavelength_m", 3e-7, 3e-6, "nm"),
    Range("mission.source.pulse_rate_hz", 1e5, 1e11, "MHz"),
    Range("mission.source.intensities", 0.0, 5.0, "photons per second"),
    Range("mission.beam.full_divergence_rad", 1e-7, 0.05, "urad"),
    Range("mission.receiver.aperture_m", 5e-3, 5.0, "mm"),
    Range("mission.receiver.field_of_view_rad", 1e-7, 0.05, "urad"),
    Range("mission.receiver.filter_bandwidth_m", 1e-13, 1e-7, "nm"),
    Range("mission.receiver.gate_half_width_s", 1e-12, 1e-5, "ns or ps"),
    Range("mission.classical_reply_timeout_s", 1e-3, 120.0, "ms"),
    Range("mission.partner.sigma_m", 1e-3, 1e6, "mm"),
    Range("mission.partner.sigma_growth_m_per_day", 0.0, 1e6, "km a day"),
    Range("terminal.optics.aperture_m", 5e-3, 5.0, "mm"),
    Range("terminal.optics.field_of_view_rad", 1e-7, 0.05, "urad"),
    Range("terminal.optics.filter_bandwidth_m", 1e-13, 1e-7, "nm"),
    Range("terminal.optics.quad_spot_rad", 1e-7, 0.05, "urad"),
    Range("terminal.optics.mirror_stroke_rad", 1e-6, 0.2, "urad"),
    Range("terminal.optics.point_ahead_stroke_rad", 1e-6, 0.05, "urad"),
    Range("terminal.optics.uplink_beacon_divergence_rad", 1e-7, 0.2, "urad"),
    Range("terminal.mounting.rotation_vector_rad", -6.3, 6.3, "degrees"),
    Range("terminal.optics.beacon_wavelength_m", 3e-7, 3e-6, "nm"),
    Range("terminal.mounting.lever_arm_m", -100.0, 100.0, "mm"),
    Range("terminal.mounting.sigma_rad", 1e-7, 0.5, "degrees or mrad"),
    Range("terminal.gimbal.yaw_min_rad", -130.0, 0.0, "degrees"),
    Range("terminal.gimbal.yaw_max_rad", 0.0, 130.0, "degrees"),
    Range("terminal.gimbal.max_rate_rad_s", 1e-4, 20.0, "degrees/s"),
    Range("terminal.gimbal.max_acceleration_rad_s2", 1e-3, 1e3, "degrees/s^2"),
    Range("terminal.keep_out.sun_rad", 0.0, 1.6, "degrees"),
    Range("terminal.keep_out.sun_avoid_rad", 0.0, 1.6, "degrees"),
    Range("terminal.keep_out.moon_rad", 0.0, 1.6, "degrees"),
    Range("terminal.rates.fine_hz", 10.0, 200e3, "kHz"),
    Range("terminal.acquisition.acceleration_rad_s2", 1e-5, 100.0, "degrees/s^2"),
    Range("terminal.acquisition.attitude_drift_rad_per_sqrt_s", 0.0, 0.05, "degrees or mrad"),
    Range("terminal.acquisition.rate_sigma_rad_s", 0.0, 0.05, "degrees/s or urad/s"),
    Range("terminal.acquisition.timing_sigma_s", 0.0, 60.0, "ms"),
    Range("terminal.acquisition.beacon.gate_rad", 1e-6, 0.1, "urad"),
    Range("terminal.acquisition.beacon.drift_rad_s", 0.0, 0.1, "urad/s or degrees/s"),
    Range("terminal.acquisition.beacon.search_exposure_s", 1e-7, 1.0, "ms or us"),
    Range("terminal.acquisition.beacon.min_exposure_s", 1e-7, 1.0, "ms or us"),
    Range("terminal.acquisition.beacon.max_exposure_s", 1e-7, 1.0, "ms or us"),
    Range("terminal.acquisition.beacon.modulation_hz", 0.0, 1e4, "kHz"),
    Range("terminal.acquisition.jitter_rad", 0.0, 0.05, "degrees or mrad"),
    Range("terminal.acquisition.overlap", 0.0, 0.9, "percent"),
    Range("terminal.acquisition.stare_s", 0.1, 3600.0, "ms"),
    Range("terminal.acquisition.return_s", 0.1, 600.0, "ms"),
    Range("terminal.acquisition.speed_rad_s", 1e-6, 2.0, "urad/s or degrees/s"),
    Range("terminal.acquisition.settle_rad", 1e-7, 0.5, "urad or degrees"),
    Range("terminal.coarse.handover_rad", 1e-7, 0.05, "urad"),
    Range("terminal.coarse.release_rad", 1e-7, 0.1, "urad"),
    Range("terminal.coarse.gimbal_lag_s", 0.0, 1.0, "ms"),
    Range("terminal.coarse.handover_s", 0.0, 60.0, "ms"),
    Range("terminal.fine.drop_s", 0.0, 10.0, "ms"),
    Range("terminal.fine.settled_rad", 1e-8, 0.01, "urad"),
    Range("terminal.fine.settled_s", 0.0, 60.0, "ms"),
    Range("terminal.polarization.trim_window_s", 0.01, 600.0, "ms"),
    Range("terminal.polarization.deadband_rad", 0.0, 0.2, "degrees"),
    Range("terminal.timing.search_ppm", 0.01, 1000.0, "parts of one, or ppb"),
    Range("terminal.timing.gate_half_width_s", 1e-12, 1e-5, "ns or ps"),
    Range("terminal.timing.oscillator_wander", 0.0, 1e-6, "ppm"),
    Range("terminal.timing.unsure_sigma_s", 1e-13, 1e-5, "ns or ps"),
    Range("terminal.safety.navigation_max_age_s", 0.0, 30.0, "ms"),
    Range("terminal.safety.gimbal_max_age_s", 0.0, 10.0, "ms"),
    Range("terminal.safety.quad_max_age_s", 0.0, 10.0, "ms"),
    Range("terminal.safety.lost_after_s", 0.0, 60.0, "ms"),
    Range("terminal.safety.reacquire_after_s", 0.0, 600.0, "ms"),
    Range("world.navigation.position_bias_m", 0.0, 1e4, "mm"),
    Range("world.navigation.position_noise_m", 0.0, 1e4, "mm"),
    Range("world.navigation.velocity_noise_m_s", 0.0, 50.0, "mm/s"),
    Range("world.navigation.attitude_bias_rad", 0.0, 0.2, "degrees or mrad"),
    Range("world.navigation.attitude_drift_rad_per_sqrt_s", 0.0, 0.05, "degrees or mrad"),
    Range("world.navigation.attitude_noise_rad", 0.0, 0.2, "degrees or mrad"),
    Range("world.navigation.latency_s", 0.0, 2.0, "ms"),
    Range("world.navigation.jump_m", 0.0, 1e7, "mm"),
    Range("world.navigation.jump_rad", 0.0, 3.2, "degrees"),
    Range("world.navigation.time_back_s", 0.0, 1e4, "ms"),
    Range("world.platform.track_error_m", 0.0, 1e5, "mm"),
    Range("world.platform.sway_rad", 0.0, 0.7, "degrees or mrad"),
    Range("world.platform.sway_period_s", 0.05, 1e4, "ms"),
    Range("world.gimbal.mounting_error_rad", 0.0, 0.2, "degrees or mrad"),
    Range("world.gimbal.rate_lag_s", 1e-5, 2.0, "ms"),
    Range("world.gimbal.max_rate_rad_s", 1e-4, 20.0, "degrees/s"),
    Range("world.gimbal.max_acceleration_rad_s2", 1e-3, 1e3, "degrees/s^2"),
    Range("world.gimbal.gyro_bias_rad_s", 0.0, 0.02, "degrees/s or urad/s"),
    Range("world.gimbal.yaw_limit_rad", 0.01, 130.0, "degrees"),
    Range("world.gimbal.yaw_encoder_scale", 0.0, 0.1, "percent"),
    Range("world.gimbal.pitch_encoder_scale", 0.0, 0.1, "percent"),
    Range("world.gimbal.axes_nonorthogonality_rad", 0.0, 0.1, "degrees or mrad"),
    Range("world.gimbal.flexure_rad", 0.0, 0.1, "degrees or mrad"),
    Range("world.beacon.reference_range_m", 1.0, 1e8, "mm"),
    Range("world.beacon.boresight_error_rad", 0.0, 0.01, "urad"),
    Range("world.mirror.resonance_hz", 10.0, 1e6, "kHz"),
    Range("world.mirror.damping", 1e-4, 5.0, "percent"),
    Range("world.partner.jitter_rad", 0.0, 0.01, "urad"),
    Range("world.partner.jitter_bandwidth_hz", 1e-3, 1e5, "mHz"),
    Range("world.partner.ephemeris_error_m", 0.0, 1e6, "mm"),
    Range("world.partner.untracked_offset_rad", 0.0, 0.2, "urad"),
    Range("world.partner.reference_axis_error_rad", 0.0, 0.8, "degrees"),
    Range("world.partner.clock_offset_s", 0.0, 1.0, "ns or us"),
    Range("world.partner.reply_latency_s", 0.0, 60.0, "ms"),
    Range("world.partner.time_bias_s", 0.0, 60.0, "ms"),
    Range("world.partner.search.pointing_error_rad", 0.0, 0.5, "degrees or mrad"),
    Range("world.partner.search.beacon_divergence_rad", 1e-7, 0.5, "urad"),
    Range("world.partner.search.field_rad", 1e-5, 2.0, "degrees or mrad"),
    Range("world.partner.search.scan_spacing_rad", 1e-6, 0.2, "degrees or mrad"),
    Range("world.partner.search.scan_speed_rad_s", 1e-6, 2.0, "degrees/s or mrad/s"),
    Range("world.partner.search.scan_radius_rad", 1e-6, 0.5, "degrees or mrad"),
    Range("world.partner.search.stare_s", 0.1, 3600.0, "ms"),
    Range("world.polarization.plate_offset_rad", 0.0, 0.8, "degrees"),
    Range("world.polarization.retardance_rad", -6.3, 6.3, "degrees"),
    Range("world.atmosphere.scintillation_index", 0.0, 10.0, "percent"),
    Range("world.atmosphere.scintillation_bandwidth_hz", 1e-3, 1e5, "mHz"),
    Range("world.atmosphere.background_radiance_w_m2_sr_um", 0.0, 1e4, "W m^-2 sr^-1 m^-1"),
    Range("world.atmosphere.refracting_pressure_hpa", 0.0, 1100.0, "Pa"),
    Range("world.atmosphere.refracting_temperature_k", 150.0, 350.0, "degrees Celsius"),
    Range("world.detectors.dark_rate_hz", 0.0, 1e7, "clicks of the whole pass"),
    Range("world.detectors.dead_time_s", 0.0, 1e-3, "ns or us"),
    Range("world.detectors.afterpulse_probability", 0.0, 0.5, "percent"),
    Range("world.detectors.afterpulse_lifetime_s", 1e-10, 1e-2, "ns or us"),
    Range("world.detectors.jitter_s", 1e-13, 1e-7, "ps or ns"),
    Range("world.detectors.oscillator_offset", 0.0, 1e-3, "ppm"),
    Range("world.detectors.oscillator_white_fm", 0.0, 1e-6, "ppm"),
    Range("world.detectors.oscillator_random_walk_fm", 0.0, 1e-6, "ppm"),
    Range("realtime.fine_hz", 1.0, 200e3, "kHz"),
)

_BY_KEY = {limit.key: limit for limit in RANGES}


def unit_hint(key: str, value: object) -> str:
    """`: is this in UNIT?` for a number outside the range of its key, else nothing."""
    limit = _BY_KEY.get(key.partition("[")[0])
    if limit is None or not isinstance(value, int | float) or limit.low <= value <= limit.high:
        return ""
    if value < limit.low == 0.0:
        return ""  # a wrong sign is no wrong unit
    return f": is this in {limit.mistaken}?"
