"""VectorNav VN-200/VN-300 navigation unit: one configured binary message, ASCII replies between.

Sources: VectorNav user manuals (binary output messages and their examples [P]); field sizes and CRC
as in ArduPilot's AP_ExternalAHRS_VectorNav [P]. Nothing was tried on a unit; to confirm on one:
  [2nd] the quaternion is the attitude of the body with respect to north-east-down, scalar last;
        each frame is checked against its own yaw and pitch, so that the inverse would be refused;
  [?] PosLla is given above the WGS-84 ellipsoid.
"""

import binascii
import math
import struct

from drivers.protocols import Health, NavigationFix
from drivers.transport import Transport

GPS_EPOCH_TAI_NS = 315_964_819 * 10**9
"""GPS time zero, 1980-01-06 00:00:00 UTC, counted in TAI from 1970-01-01 00:00:00 TAI.

TAI was 19 s ahead of UTC then, and GPS time has kept that distance since.
"""
TIME, ATTITUDE, INS = 1, 4, 5
"""Bits of the groups byte."""
FIELD_BYTES = {
    TIME: (8, 8, 8, 2, 8, 8, 8, 4, 4, 1),
    ATTITUDE: (2, 12, 16, 36, 12, 12, 12, 12, 12),
    INS: (2, 24, 24, 12, 12, 12, 12, 12, 12, 4, 4),
}
"""Size of each field of a group, from bit 0 of its mask on."""
OUTPUT = (
    (TIME, 1 << 1),  # TimeGps
    (ATTITUDE, 1 << 1 | 1 << 2 | 1 << 8),  # YawPitchRoll, Quaternion, YprU
    (INS, 1 << 1 | 1 << 4 | 1 << 9 | 1 << 10),  # PosLla, VelNed, PosU, VelU
)
OUTPUT_GROUPS = sum(1 << group for group, _ in OUTPUT)
OUTPUT_HEADER = bytes((OUTPUT_GROUPS,)) + b"".join(mask.to_bytes(2, "little") for _, mask in OUTPUT)
_OUTPUT = struct.Struct("<Q3f4f3f3d3f2f")

LATEST_GPS_NS = 2**62
"""The year 2126. The field is wider than the int64 that a record has for the time."""

SYNC = 0xFA
LONGEST_ASCII = 256
SILENCE_NS = 1_000_000_000
UNIT_NORM_TOLERANCE = 1e-4
FORWARD_TOLERANCE = 1e-3
"""Between the forward axis by quaternion and by yaw and pitch; single precision leaves 1e-6."""


def payload_bytes(groups: int, masks: bytes) -> int | None:
    """Length of the fields that a header announces, None if it names a group or field not known."""
    total = 0
    at = 0
    for group in range(8):
        if not groups >> group & 1:
            continue
        sizes = FIELD_BYTES.get(group, ())
        mask = int.from_bytes(masks[at : at + 2], "little")
        at += 2
        if not mask or mask >> len(sizes):
            return None
        total += sum(size for bit, size in enumerate(sizes) if mask >> bit & 1)
    return total


def ascii_command(body: str) -> bytes:
    """`$body*XX` and line end, XX the exclusive or of all bytes of the body."""
    checksum = 0
    for byte in body.encode("ascii"):
        checksum ^= byte
    return f"${body}*{checksum:02X}\r\n".encode("ascii")


def ascii_is_valid(line: bytes) -> bool:
    """Whether `$body*XX` (8-bit exclusive or) or `$body*XXXX` (CRC-16) bears the right check."""
    body, star, check = line[1:].rpartition(b"*")
    try:
        value = int(check, 16)
    except ValueError:
        return False
    if not star or len(check) not in (2, 4):
        return False
    if len(check) == 4:
        return value == binascii.crc_hqx(body, 0)
    for byte in body:
        value ^= byte
    return value == 0


class StreamReader:
    """Cuts binary messages and ASCII lines out of a byte stream, whatever stands between them."""

    def __init__(self) -> None:
        self.garbage_bytes = 0
        self.bad_frames = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Whole messages, oldest first: binary ones without sync and CRC, lines from `$` on."""
        messages: list[bytes] = []
        buffer = self._buffer
        buffer += data
        at = 0
        while at < len(buffer):
            if buffer[at] == SYNC:
                size = self._binary_bytes(at)
            elif buffer[at] == 0x24:
                size = self._ascii_bytes(at)
            else:
                size = 0
            if size is None:
                break
            if size == 0:
                self.garbage_bytes += 1
                at += 1
                continue
            message = bytes(buffer[at : at + size])
            if message[0] == SYNC:
                # The CRC over everything after the sync byte, the CRC itself included, is zero.
                if binascii.crc_hqx(message[1:], 0):
                    self.bad_frames += 1
                    at += 1
                    continue
                messages.append(message[1:-2])
            elif ascii_is_valid(message.rstrip()):
                messages.append(message.rstrip())
            else:
                self.bad_frames += 1
            at += size
        del buffer[:at]
        return messages

    def _binary_bytes(self, at: int) -> int | None:
        """Size of the message that starts here, 0 if none can, None if it is too early to say."""
        buffer = self._buffer
        if len(buffer) < at + 2:
            return None
        groups = buffer[at + 1]
        if not groups or any(groups >> bit & 1 and bit not in FIELD_BYTES for bit in range(8)):
            return 0
        fields = at + 2 + 2 * groups.bit_count()
        if len(buffer) < fields:
            return None
        payload = payload_bytes(groups, bytes(buffer[at + 2 : fields]))
        if payload is None:
            return 0
        size = fields - at + payload + 2
        return size if len(buffer) >= at + size else None

    def _ascii_bytes(self, at: int) -> int | None:
        """The same for a line."""
        line = self._buffer[at : at + LONGEST_ASCII]
        end = line.find(b"\n")
        text = line if end < 0 else line[:end]
        if not b"$VN".startswith(text[:3]) or any(byte > 0x7E for byte in text):
            return 0
        if end >= 0:
            return end + 1
        return None if len(line) < LONGEST_ASCII else 0


class VectorNav:
    """drivers.protocols.Navigation on a VectorNav unit with a GNSS solution.

    Args:
        transport: 115200 baud 8N1 unless the unit was set otherwise.
        rate_hz: of the fixes; must divide imu_rate_hz.
        imu_rate_hz: internal rate of the unit: 800 (VN-200, VN-210, VN-310), 400 (VN-300).
        max_attitude_sigma_rad, max_position_sigma_m: a fix that the unit itself calls worse is not
            given, and counts as a device error.

    Raises:
        ValueError: an option out of its range.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        rate_hz: int = 50,
        imu_rate_hz: int = 800,
        max_attitude_sigma_rad: float = 0.02,
        max_position_sigma_m: float = 50.0,
    ) -> None:
        if rate_hz < 1 or imu_rate_hz % rate_hz:
            raise ValueError(f"rate_hz: {rate_hz} does not divide imu_rate_hz {imu_rate_hz}")
        if not (max_attitude_sigma_rad > 0.0 and max_position_sigma_m > 0.0):
            raise ValueError("max_attitude_sigma_rad, max_position_sigma_m: must be positive")
        self._transport = transport
        self._period_ns = 10**9 // rate_hz
        self._max_attitude_sigma_rad = max_attitude_sigma_rad
        self._max_position_sigma_m = max_position_sigma_m
        masks = ",".join(f"{mask:04X}" for _, mask in OUTPUT)
        self._configuration = ascii_command(
            f"VNWRG,75,3,{imu_rate_hz // rate_hz},{OUTPUT_GROUPS:02X},{masks}"
        )
        self._reader = StreamReader()
        self._configured = False
        self._heard_ns = 0
        self._gps_ns = 0
        self._seq = -1
        self._fix: NavigationFix | None = None
        self._refused = 0
        self._timeouts = 0
        self._device_errors = 0
        self._last_error = ""

    @property
    def health(self) -> Health:
        return Health(
            self._reader.garbage_bytes,
            self._reader.bad_frames + self._refused,
            self._timeouts,
            self._device_errors,
            self._last_error,
        )

    def close(self) -> None:
        self._transport.close()

    def poll(self, t_ns: int) -> NavigationFix | None:
        if not self._configured:
            self._configure(t_ns)
        for message in self._reader.feed(self._transport.read()):
            if message.startswith(b"$VNERR"):
                self._device_errors += 1
                self._last_error = message[1:].partition(b"*")[0].decode("ascii")
            elif message.startswith(OUTPUT_HEADER):
                self._heard_ns = t_ns
                self._take(message[len(OUTPUT_HEADER) :])
        if t_ns - self._heard_ns > SILENCE_NS:
            self._timeouts += 1
            self._last_error = "no navigation message for 1 s"
            self._configure(t_ns)
        return self._fix

    def _configure(self, t_ns: int) -> None:
        self._configured = True
        self._heard_ns = t_ns
        self._transport.write(self._configuration)

    def _take(self, payload: bytes) -> None:
        gps_ns, *fields = _OUTPUT.unpack(payload)
        elapsed_ns = gps_ns - self._gps_ns
        # Kept even if the frame is refused: a clock that was set back costs one frame, not all.
        self._gps_ns = gps_ns
        if elapsed_ns <= 0:
            self._refuse("time of the unit does not go forward")
            return
        # The unit numbers nothing, but its time tells how many fixes were missed.
        first = self._seq < 0
        self._seq = 0 if first else self._seq + max(1, round(elapsed_ns / self._period_ns))
        yaw, pitch, _, x, y, z, w, *rest = fields
        yaw_u, pitch_u, roll_u, latitude, longitude, altitude, north, east, down, pos_u, _ = rest
        if not all(map(math.isfinite, fields)):
            self._refuse("a field is not a number")
            return
        norm = math.sqrt(w * w + x * x + y * y + z * z)
        if abs(norm - 1.0) > UNIT_NORM_TOLERANCE:
            self._refuse(f"quaternion has norm {norm:.4f}")
            return
        w, x, y, z = w / norm, x / norm, y / norm, z / norm
        if not _same_forward(w, x, y, z, math.radians(yaw), math.radians(pitch)):
            self._refuse("quaternion and yaw-pitch-roll contradict each other")
            return
        attitude_sigma = math.radians(max(yaw_u, pitch_u, roll_u))
        if (
            gps_ns > LATEST_GPS_NS
            or abs(latitude) > 90.0
            or abs(longitude) > 180.0
            or not -1000.0 <= altitude <= 100_000.0
            or max(abs(north), abs(east), abs(down)) > 1000.0
            or min(yaw_u, pitch_u, roll_u, pos_u) < 0.0
        ):
            self._refuse("a field is out of its range")
            return
        if attitude_sigma > self._max_attitude_sigma_rad or pos_u > self._max_position_sigma_m:
            self._device_errors += 1
            self._last_error = (
                f"unit is unsure: attitude {attitude_sigma:.3g} rad, position {pos_u:.3g} m"
            )
            return
        self._fix = NavigationFix(
            gps_ns + GPS_EPOCH_TAI_NS,
            self._seq,
            math.radians(latitude),
            math.radians(longitude),
            altitude,
            north,
            east,
            down,
            (w, x, y, z),
            attitude_sigma,
            pos_u,
        )

    def _refuse(self, reason: str) -> None:
        self._refused += 1
        self._last_error = reason


def _same_forward(w: float, x: float, y: float, z: float, yaw_rad: float, pitch_rad: float) -> bool:
    """Whether q_ned_from_body turns the body's forward axis to where yaw and pitch say."""
    north = 1.0 - 2.0 * (y * y + z * z) - math.cos(pitch_rad) * math.cos(yaw_rad)
    east = 2.0 * (x * y + w * z) - math.cos(pitch_rad) * math.sin(yaw_rad)
    down = 2.0 * (x * z - w * y) + math.sin(pitch_rad)
    return max(abs(north), abs(east), abs(down)) <= FORWARD_TOLERANCE
