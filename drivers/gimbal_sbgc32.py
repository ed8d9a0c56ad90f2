"""BaseCam SimpleBGC32 gimbal controller: rate commands out, joint encoders in (frames version 2).

Source: BaseCam Electronics sbgc32-serial-api v2.2 (frames, CMD_CONTROL, CMD_CONTROL_CONFIG,
CMD_DATA_STREAM_INTERVAL, CMD_REALTIME_DATA_CUSTOM). Frames and CRC agree with the vendor's compiled
C [C=V]; nothing was tried on a unit. To be confirmed on one:
  [?] the raw encoders count 2^24 a turn (compared at run time with the board's own joint angles);
  [?] the joint angles count on over +-180 degrees, and run over at +-720;
  [?] encoder, joint angle and rate command of an axis have one sign in common;
  [?] roll is the axis between yaw and pitch, and a board without its motor leaves it at zero;
  [2nd] CMD_CONTROL_CONFIG, CMD_DATA_STREAM_INTERVAL and the motor commands are each confirmed.
"""

import math
import struct
from contextlib import closing

from drivers.protocols import GimbalState, Health
from drivers.transport import Transport

CONTROL = 67
CONFIRM = 67
"""The same number inbound."""
MOTORS_ON = 77
DATA_STREAM_INTERVAL = 85
REALTIME_DATA_CUSTOM = 88
CONTROL_CONFIG = 90
MOTORS_OFF = 109
ERROR = 255

MODE_IGNORE = 7
MODE_SPEED_HIGH_RES = 0x01 | 0x80
RATE_LSB_RAD_S = math.radians(0.001)
ENCODER_LSB_RAD = 2.0 * math.pi / 2**24
MOTOR_LSB_RAD = 2.0 * math.pi / 2**14
STREAM_FLAGS = 1 << 3 | 1 << 4 | 1 << 11
"""Joint angles i16[3], gyro i16[3], raw encoders u24[3]; roll, pitch, yaw."""
NO_CONFIRM = 1
"""No CONFIRM for every CMD_CONTROL."""
SAFE_STOP = 2

ANSWER_LIMIT_NS = 500_000_000
BYTE_GAP_NS = 25_000_000
"""Longest pause inside a frame (own choice)."""
MOTOR_AGREEMENT_RAD = math.radians(2.0)
"""Between raw encoder and the board's joint angle: far over noise, far under a wrong scale."""

_STREAM = struct.Struct("<H3h3h9s")
_CONTROL = struct.Struct("<3B6h")
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        register = byte << 8
        for _ in range(8):
            register = register << 1 ^ (0x8005 if register & 0x8000 else 0)
        table.append(register & 0xFFFF)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc_v2(data: bytes) -> int:
    """CRC of version 2 frames: polynomial 0x8005, initial 0, bytes bit-reversed, result not.

    It is not CRC-16/ARC: "123456789" gives 0xBCDD (serialAPI/core/lowLayer.c) [C=V].
    """
    crc = 0
    for byte in data.translate(_REVERSED_BITS):
        crc = (crc << 8 & 0xFFFF) ^ _CRC_TABLE[crc >> 8 ^ byte]
    return crc


def encode(command: int, payload: bytes = b"") -> bytes:
    """One version 2 frame. Raises ValueError if the payload is longer than 255 bytes."""
    checked = bytes((command, len(payload), (command + len(payload)) & 0xFF)) + payload
    return b"\x24" + checked + crc_v2(checked).to_bytes(2, "little")


class FrameReader:
    """Cuts version 2 frames out of a byte stream, whatever stands between them."""

    def __init__(self) -> None:
        self.garbage_bytes = 0
        self.bad_frames = 0
        self._buffer = bytearray()
        self._heard_ns = 0

    def feed(self, data: bytes, t_ns: int) -> list[tuple[int, bytes]]:
        """Complete frames as (command, payload), oldest first."""
        frames: list[tuple[int, bytes]] = []
        buffer = self._buffer
        if data:
            self._heard_ns = t_ns
            buffer += data
        elif buffer and t_ns - self._heard_ns > BYTE_GAP_NS:
            # What looked like a frame was cut off, or never was one: it must not hold up the next.
            self._heard_ns = t_ns
            self.garbage_bytes += 1
            del buffer[0]
        else:
            return frames
        at = 0
        while True:
            start = buffer.find(0x24, at)
            if start < 0:
                start = len(buffer)
            self.garbage_bytes += start - at
            at = start
            if len(buffer) - at < 6:
                break
            length = buffer[at + 2]
            if buffer[at + 3] != (buffer[at + 1] + length) & 0xFF:
                self.garbage_bytes += 1
                at += 1
                continue
            end = at + 6 + length
            if len(buffer) < end:
                break
            # Both bytes count: the vendor's own library lets a half-right CRC pass.
            if crc_v2(bytes(buffer[at + 1 : end - 2])) != buffer[end - 2] | buffer[end - 1] << 8:
                self.bad_frames += 1
                at += 1
                continue
            frames.append((buffer[at + 1], bytes(buffer[at + 4 : end - 2])))
            at = end
        del buffer[:at]
        return frames


def wrap_rad(angle_rad: float) -> float:
    """The same direction in (-pi, pi]."""
    wrapped = math.remainder(angle_rad, 2.0 * math.pi)
    return math.pi if wrapped <= -math.pi else wrapped


def rate_counts(rate_rad_s: float) -> int:
    """High-resolution speed of CMD_CONTROL, clamped to i16 (+-32.767 deg/s); not a number: stop."""
    if math.isnan(rate_rad_s):
        return 0
    return round(max(-32767.0, min(32767.0, rate_rad_s / RATE_LSB_RAD_S)))


class Sbgc32:
    """drivers.protocols.Gimbal on a BaseCam SimpleBGC32 board.

    Args:
        transport: 115200 baud 8N1 unless the board's profile says otherwise.
        stream_interval_ms: of the joint angles; 1 means every control cycle, 0.8 ms.
        control_timeout_ms: the board stops the axes if no rate command comes for so long.
        yaw_zero_rad and others: signed raw encoder angle where the joint angle is zero.
        yaw_sign and others: +1 or -1, what the board calls positive, against GimbalState.

    Raises:
        ValueError: an option out of its range.

    `motors_on` is the last motor command that the board confirmed, and false after a silence, since
    the board may have been reset. One that stops its motors of its own accord does not change it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        stream_interval_ms: int = 10,
        control_timeout_ms: int = 250,
        yaw_zero_rad: float = 0.0,
        pitch_zero_rad: float = 0.0,
        roll_zero_rad: float = 0.0,
        yaw_sign: int = 1,
        pitch_sign: int = 1,
        roll_sign: int = 1,
    ) -> None:
        if not 1 <= stream_interval_ms <= 250:
            raise ValueError(f"stream_interval_ms: {stream_interval_ms} is not in 1..250")
        if not 1 <= control_timeout_ms <= 65535:
            raise ValueError(f"control_timeout_ms: {control_timeout_ms} is not in 1..65535")
        if any(abs(sign) != 1 for sign in (yaw_sign, pitch_sign, roll_sign)):
            raise ValueError("yaw_sign, pitch_sign, roll_sign: each must be 1 or -1")
        self._transport = transport
        self._zeros_rad = roll_zero_rad, pitch_zero_rad, yaw_zero_rad
        self._signs = roll_sign, pitch_sign, yaw_sign
        """In the board's order, as all that is on the wire: roll, pitch, yaw."""
        self._interval_ms = 0.8 if stream_interval_ms == 1 else float(stream_interval_ms)
        self._config = encode(CONTROL_CONFIG, _control_config(control_timeout_ms))
        self._stream = encode(DATA_STREAM_INTERVAL, _stream_request(stream_interval_ms))
        self._reader = FrameReader()
        self._unconfirmed: dict[int, tuple[bytes, int]] = {}
        """Command -> (frame, when sent)."""
        self._configured = False
        self._heard_ns = 0
        self._board_ms = 0
        self._state: GimbalState | None = None
        self._motors_on = False
        self._drives_roll = False
        """From the first rate for it on; a two-axis gimbal never gets one."""
        self._agrees = True
        self._timeouts = 0
        self._bad_payloads = 0
        self._device_errors = 0
        self._last_error = ""

    @property
    def health(self) -> Health:
        return Health(
            self._reader.garbage_bytes,
            self._reader.bad_frames + self._bad_payloads,
            self._timeouts,
            self._device_errors,
            self._last_error,
        )

    def close(self) -> None:
        with closing(self._transport):
            # The board's own time limit would let it turn on for a while.
            if self._configured:
                self.command_rate(0.0, 0.0, self._heard_ns)

    def poll(self, t_ns: int) -> GimbalState | None:
        if not self._configured:
            self._configure(t_ns)
        for command, payload in self._reader.feed(self._transport.read(), t_ns):
            if command == REALTIME_DATA_CUSTOM:
                self._take_angles(payload, t_ns)
            elif command == CONFIRM and payload:
                self._take_confirm(payload[0])
            elif command == ERROR and payload:
                self._fail(f"board reports error {payload[0]}")
        self._repeat_unanswered(t_ns)
        return self._state

    def command_rate(
        self, yaw_rad_s: float, pitch_rad_s: float, t_ns: int, roll_rad_s: float = 0.0
    ) -> None:
        if not self._configured:
            self._configure(t_ns)
        rates = roll_rad_s, pitch_rad_s, yaw_rad_s
        roll, pitch, yaw = (
            rate_counts(sign * rate) for sign, rate in zip(self._signs, rates, strict=True)
        )
        self._drives_roll = self._drives_roll or roll != 0
        roll_mode = MODE_SPEED_HIGH_RES if self._drives_roll else MODE_IGNORE
        modes = roll_mode, MODE_SPEED_HIGH_RES, MODE_SPEED_HIGH_RES
        self._transport.write(encode(CONTROL, _CONTROL.pack(*modes, roll, 0, pitch, 0, yaw, 0)))

    def motors(self, on: bool, t_ns: int) -> None:
        if not self._configured:
            self._configure(t_ns)
        self._unconfirmed.pop(MOTORS_OFF if on else MOTORS_ON, None)
        command, payload = (MOTORS_ON, b"") if on else (MOTORS_OFF, bytes((SAFE_STOP,)))
        # While the answer is awaited, a caller that asks again must not restart its time limit.
        if command not in self._unconfirmed:
            self._send_until_confirmed(command, encode(command, payload), t_ns)

    def _configure(self, t_ns: int) -> None:
        # The time limit first: no moment in which the board moves without it.
        self._configured = True
        self._heard_ns = t_ns
        self._send_until_confirmed(CONTROL_CONFIG, self._config, t_ns)
        self._transport.write(self._stream)

    def _send_until_confirmed(self, command: int, frame: bytes, t_ns: int) -> None:
        self._unconfirmed[command] = (frame, t_ns)
        self._transport.write(frame)

    def _repeat_unanswered(self, t_ns: int) -> None:
        if t_ns - self._heard_ns > ANSWER_LIMIT_NS:
            # A board that has been reset has forgotten the time limit, and that its motors were on.
            self._set_motors_on(False)
            self._timeouts += 1
            self._last_error = "no joint angles for 0.5 s"
            self._configure(t_ns)
        for command, (frame, sent_ns) in self._unconfirmed.items():
            if t_ns - sent_ns > ANSWER_LIMIT_NS:
                self._timeouts += 1
                self._last_error = f"command {command} not confirmed in 0.5 s"
                self._send_until_confirmed(command, frame, t_ns)

    def _take_confirm(self, command: int) -> None:
        # Longer than documented is no error: firmware appends up to two bytes.
        if self._unconfirmed.pop(command, None) and command in (MOTORS_ON, MOTORS_OFF):
            self._set_motors_on(command == MOTORS_ON)

    def _set_motors_on(self, on: bool) -> None:
        self._motors_on = on
        if self._state is not None:
            self._state = self._state._replace(motors_on=on)

    def _take_angles(self, payload: bytes, t_ns: int) -> None:
        if len(payload) != _STREAM.size:
            self._bad_payloads += 1
            return
        board_ms, *motors, _, _, _, encoders = _STREAM.unpack(payload)
        joints, differences = [], []
        for axis, sign in enumerate(self._signs):
            motor_rad = sign * motors[axis] * MOTOR_LSB_RAD
            counts = int.from_bytes(encoders[3 * axis : 3 * axis + 3], "little")
            fine_rad = wrap_rad(sign * counts * ENCODER_LSB_RAD - self._zeros_rad[axis])
            # The encoder knows the place within a turn, the board's joint angle which turn it is.
            turns = round((motor_rad - fine_rad) / (2.0 * math.pi))
            joints.append(fine_rad + turns * 2.0 * math.pi)
            differences.append(joints[axis] - motor_rad)
        # A board without a roll motor may tell anything of that axis.
        self._compare(differences if self._drives_roll else differences[1:])
        roll_rad, pitch_rad, yaw_rad = joints
        seq = 0
        if self._state is not None:
            # The board numbers nothing, but its clock (u16, ms) tells how many samples were missed.
            elapsed_ms = (board_ms - self._board_ms) & 0xFFFF
            seq = self._state.seq + max(1, round(elapsed_ms / self._interval_ms))
        self._board_ms = board_ms
        self._heard_ns = t_ns
        self._state = GimbalState(t_ns, seq, yaw_rad, pitch_rad, self._motors_on, roll_rad)

    def _compare(self, differences_rad: list[float]) -> None:
        worst_rad = max(map(abs, differences_rad))
        agrees = worst_rad <= MOTOR_AGREEMENT_RAD
        if self._agrees and not agrees:
            self._fail(
                f"raw encoder and joint angle differ by {math.degrees(worst_rad):.1f} deg: "
                "check yaw_zero_rad and the others, and the encoders' counts per turn"
            )
        self._agrees = agrees

    def _fail(self, error: str) -> None:
        self._device_errors += 1
        self._last_error = error


def _control_config(timeout_ms: int) -> bytes:
    """CMD_CONTROL_CONFIG, 41 bytes: time limit; zeros leave priorities and filters alone."""
    priorities = bytes(5)
    axes = bytes(3 * 7)
    rc_expo = bytes(1)
    euler_order_and_reserved = bytes(1 + 9)
    return (
        timeout_ms.to_bytes(2, "little")
        + priorities
        + axes
        + rc_expo
        + NO_CONFIRM.to_bytes(2, "little")
        + euler_order_and_reserved
    )


def _stream_request(interval_ms: int) -> bytes:
    """CMD_DATA_STREAM_INTERVAL, 21 bytes: command, interval, its 8 bytes of config, no sync."""
    return struct.pack("<BHII10x", REALTIME_DATA_CUSTOM, interval_ms, STREAM_FLAGS, 0)
