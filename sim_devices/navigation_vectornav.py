"""Emulator of a VectorNav VN-200/VN-300: binary output by register 75, one set of fields.

Written from the user manuals and ArduPilot's AP_ExternalAHRS_VectorNav, apart from the driver: own
CRC, own layout. Quaternions leave in single precision, scalar last: a quantum of 6e-8, about
0.1 urad of attitude.
"""

import math
import struct
from collections import deque
from typing import NamedTuple, Protocol

GPS_MINUS_TAI_NS = -(315_964_800 + 19) * 1_000_000_000
"""From TAI since 1970-01-01 TAI to GPS time since 1980-01-06 UTC, when TAI - UTC was 19 s."""
INTERNAL_RATE_HZ = 800
GROUPS_AND_FIELDS = ["32", "0002", "0106", "0612"]
"""Time: TimeGps. Attitude: YawPitchRoll, Quaternion, YprU. INS: PosLla, VelNed, PosU, VelU."""
VELOCITY_SIGMA_M_S = 0.05
"""Reported as VelU; a unit with a good GNSS fix is about so sure."""

INVALID_CHECKSUM, INVALID_COMMAND = 3, 4
NOT_ENOUGH_PARAMETERS, INVALID_PARAMETER, INVALID_REGISTER = 5, 7, 8
LONGEST_LINE = 256
BACKLOG_NS = 1_000_000_000
"""Samples further behind than this are never taken."""


class NavMeasurement(NamedTuple):
    """What the unit believes at one time, its errors included."""

    t_ns: int
    """TAI, by the unit's own clock."""
    latitude_rad: float
    longitude_rad: float
    altitude_m: float
    """Above the WGS-84 ellipsoid."""
    velocity_ned_m_s: tuple[float, float, float]
    q_ned_from_body: tuple[float, float, float, float]
    """(w, x, y, z); body axes x forward, y right, z down."""
    attitude_sigma_rad: float
    position_sigma_m: float


class NavigationSource(Protocol):
    def measure(self, t_ns: int) -> NavMeasurement:
        """The solution at a sample time; times do not decrease."""


class StillNavigation:
    """A unit that stands level on the ground, nose to the north."""

    def __init__(
        self, latitude_rad: float = 0.7, longitude_rad: float = 0.2, altitude_m: float = 100.0
    ) -> None:
        self._place = latitude_rad, longitude_rad, altitude_m

    def measure(self, t_ns: int) -> NavMeasurement:
        still, level = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)
        return NavMeasurement(t_ns, *self._place, still, level, 0.001, 1.0)


def _crc_of_byte(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


_CRC_OF_BYTE = [_crc_of_byte(byte) for byte in range(256)]


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM: polynomial 0x1021, initial 0."""
    crc = 0
    for byte in data:
        crc = (crc & 0xFF) << 8 ^ _CRC_OF_BYTE[crc >> 8 ^ byte]
    return crc


def xor8(text: bytes) -> int:
    """Checksum of ASCII messages."""
    value = 0
    for byte in text:
        value ^= byte
    return value


def yaw_pitch_roll_deg(q: tuple[float, float, float, float]) -> tuple[float, float, float]:
    """Of q_ned_from_body, rotations in the order yaw, pitch, roll."""
    w, x, y, z = q
    return (
        math.degrees(math.atan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z))),
        math.degrees(math.asin(max(-1.0, min(1.0, 2.0 * (w * y - x * z))))),
        math.degrees(math.atan2(2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y))),
    )


def pack_message(measured: NavMeasurement) -> bytes:
    """Sync, groups, masks, fields, CRC (high byte first). A time before GPS began is sent as 0."""
    w, x, y, z = measured.q_ned_from_body
    sigma_deg = math.degrees(measured.attitude_sigma_rad)
    body = struct.pack("<BHHH", 0x32, 0x0002, 0x0106, 0x0612) + struct.pack(
        "<Q 3f 4f 3f 3d 3f 2f",
        max(0, measured.t_ns + GPS_MINUS_TAI_NS),
        *yaw_pitch_roll_deg(measured.q_ned_from_body),
        *(x, y, z, w),
        *(sigma_deg, sigma_deg, sigma_deg),
        math.degrees(measured.latitude_rad),
        math.degrees(measured.longitude_rad),
        measured.altitude_m,
        *measured.velocity_ned_m_s,
        measured.position_sigma_m,
        VELOCITY_SIGMA_M_S,
    )
    return b"\xfa" + body + struct.pack(">H", crc16(body))


class VectorNavEmulator:
    """sim_devices.emulator.Emulator of the unit.

    Args:
        source: what the unit measures.
        rate_hz: output rate stored in the unit, in force from the first call on; 0: none until a
            host writes register 75, which sets the rate in any case.
        latency_ns: from the sample to the frame on the wire.

    Setting `silent` stops all output; the unit goes on measuring.
    """

    def __init__(self, source: NavigationSource, *, rate_hz: int = 0, latency_ns: int = 0) -> None:
        self.silent = False
        self._source = source
        self._latency_ns = latency_ns
        self._period_ns = 10**9 // rate_hz if rate_hz else 0
        self._next_sample_ns: int | None = None
        self._line = bytearray()
        self._replies = bytearray()
        self._leaving: deque[tuple[int, bytes]] = deque()

    def receive(self, data: bytes, t_ns: int) -> None:
        self._sample(t_ns)
        for byte in data:
            if byte == 0x24:
                self._line.clear()
            self._line.append(byte)
            if byte == 0x0A:
                self._obey(bytes(self._line).rstrip(), t_ns)
                self._line.clear()
            elif len(self._line) > LONGEST_LINE:
                self._line.clear()

    def poll(self, t_ns: int) -> bytes:
        self._sample(t_ns)
        sent = bytes(self._replies)
        self._replies.clear()
        while self._leaving and self._leaving[0][0] <= t_ns:
            sent += self._leaving.popleft()[1]
        return b"" if self.silent else sent

    def _sample(self, t_ns: int) -> None:
        """Take all samples that are due; each leaves `latency_ns` later."""
        if not self._period_ns:
            return
        if self._next_sample_ns is None:
            self._next_sample_ns = t_ns
        late_ns = t_ns - self._next_sample_ns
        if late_ns > BACKLOG_NS:
            self._next_sample_ns += late_ns // self._period_ns * self._period_ns
        while self._next_sample_ns <= t_ns:
            frame = pack_message(self._source.measure(self._next_sample_ns))
            self._leaving.append((self._next_sample_ns + self._latency_ns, frame))
            self._next_sample_ns += self._period_ns

    def _obey(self, line: bytes, t_ns: int) -> None:
        """One line `$VNxxx,...*XX`; what does not start so is not for this unit."""
        if not line.startswith(b"$VN"):
            return
        text, _, checksum = line[1:].partition(b"*")
        if checksum != b"%02X" % xor8(text):
            self._reply(b"VNERR,%02X" % INVALID_CHECKSUM)
            return
        error = self._write_register(text.decode("ascii", "replace").split(","), t_ns)
        self._reply(b"VNERR,%02X" % error if error else text)

    def _write_register(self, words: list[str], t_ns: int) -> int:
        """Carry out a register write; error code, 0 for success."""
        if words[0] != "VNWRG":
            return INVALID_COMMAND
        if len(words) < 2 or words[1] != "75":
            return INVALID_REGISTER
        if len(words) < 5:
            return NOT_ENOUGH_PARAMETERS
        divisor = int(words[3]) if words[3].isdecimal() else 0
        if words[2] not in ("1", "2", "3") or not divisor or words[4:] != GROUPS_AND_FIELDS:
            return INVALID_PARAMETER
        period_ns = 10**9 * divisor // INTERNAL_RATE_HZ
        if period_ns != self._period_ns:
            self._period_ns = period_ns
            self._next_sample_ns = t_ns + period_ns
        return 0

    def _reply(self, text: bytes) -> None:
        self._replies += b"$%s*%02X\r\n" % (text, xor8(text))
