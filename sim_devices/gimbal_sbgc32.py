"""Emulator of a BaseCam SimpleBGC32 gimbal board: serial API version 2, rate control, one stream.

Written from BaseCam Electronics' sbgc32-serial-api v2.2, apart from the driver: own CRC and parser.
Modelled: CMD_CONTROL in modes SPEED, IGNORE, NO_CONTROL; CMD_CONTROL_CONFIG's time limit;
CMD_DATA_STREAM_INTERVAL and CMD_REALTIME_DATA_CUSTOM with joint angles, gyro and raw encoders
(2^24 counts a turn [?]); motors on and off. All else is answered with an error, as a board does.
Roll is the axis between yaw and pitch [?]. Until it is first given a rate it stands still, as one
without a motor [?].
"""

import math
import struct
from dataclasses import dataclass
from typing import Protocol

CMD_CONTROL = 67
CMD_CONFIRM = 67
CMD_MOTORS_ON = 77
CMD_DATA_STREAM_INTERVAL = 85
CMD_REALTIME_DATA_CUSTOM = 88
CMD_CONTROL_CONFIG = 90
CMD_MOTORS_OFF = 109
CMD_ERROR = 255

ERR_CMD_SIZE = 1
ERR_UNKNOWN_COMMAND = 6
ERR_NOT_SUPPORTED = 9

NO_CONTROL, SPEED, IGNORE = 0, 1, 7
HIGH_RES_SPEED = 0x80

BIT_JOINT_ANGLES, BIT_GYRO, BIT_ENCODERS = 3, 4, 11
MODELLED_FIELDS = 1 << BIT_JOINT_ANGLES | 1 << BIT_GYRO | 1 << BIT_ENCODERS

NEVER_NS = 2**63 - 1
BACKLOG_NS = 1_000_000_000
"""Samples further behind than this are lost, as in a full send buffer."""


class GimbalMechanics(Protocol):
    """What the board moves: the joints and the gyro on the payload."""

    @property
    def yaw_rad(self) -> float:
        """Joint angle, positive to the right (clockwise from above)."""

    @property
    def pitch_rad(self) -> float:
        """Joint angle, positive up."""

    @property
    def roll_rad(self) -> float:
        """Joint angle between yaw and pitch, positive right side down."""

    @property
    def yaw_rate_rad_s(self) -> float:
        """Inertial rate of the payload about the yaw axis."""

    @property
    def pitch_rate_rad_s(self) -> float:
        """Inertial rate of the payload about the pitch axis."""

    @property
    def roll_rate_rad_s(self) -> float:
        """Inertial rate of the payload about the roll axis."""

    def advance(self, t_ns: int) -> None:
        """Move on to this time (TAI); times do not decrease."""

    def command_rate(self, yaw_rad_s: float, pitch_rad_s: float, roll_rad_s: float | None) -> None:
        """Inertial rates that the board's loops shall hold from now on; roll None: not driven."""

    def motors(self, on: bool) -> None: ...


@dataclass
class Faults:
    """What is wrong with the board or its line; may be changed at any time."""

    silent: bool = False
    """Nothing is sent."""
    half_right_crc_frames: int = 0
    """So many next frames carry a CRC of which one byte is right."""
    bad_header_frames: int = 0
    """So many next frames carry a wrong header checksum."""
    garbage_before_frame: bytes = b""
    confirms: bool = True
    confirm_extra_bytes: int = 1
    """Documents and firmware disagree: 0, 1 or 2."""


def crc16(data: bytes) -> int:
    """Reflected CRC-16 (polynomial 0xA001), its 16 bits reversed at the end."""
    register = 0
    for byte in data:
        register = register >> 8 ^ _CRC16_REFLECTED[(register ^ byte) & 0xFF]
    return int(f"{register:016b}"[::-1], 2)


def _reflected_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return table


_CRC16_REFLECTED = _reflected_table()


def pack_frame(command: int, payload: bytes) -> bytes:
    """Sync, command, length, header checksum, payload, CRC (low byte first)."""
    header = struct.pack("3B", command, len(payload), (command + len(payload)) % 256)
    return b"$" + header + payload + struct.pack("<H", crc16(header + payload))


def take_frame(stream: bytearray) -> tuple[int, bytes] | None:
    """Cut the first whole frame, and all before it, off the stream. None: not yet complete."""
    while (sync := stream.find(b"$")) >= 0:
        del stream[:sync]
        if len(stream) < 6:
            return None
        _, command, size, checksum = stream[:4]
        if (command + size) % 256 == checksum:
            if len(stream) < 6 + size:
                return None
            body, crc = bytes(stream[1 : 4 + size]), stream[4 + size : 6 + size]
            if struct.pack("<H", crc16(body)) == crc:
                del stream[: 6 + size]
                return command, body[3:]
        del stream[0]
    stream.clear()
    return None


class Sbgc32Emulator:
    """sim_devices.emulator.Emulator of the board. Motors are off at power-up, no stream runs."""

    def __init__(self, mechanics: GimbalMechanics, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._mechanics = mechanics
        self._in = bytearray()
        self._out = bytearray()
        self._motors_on = False
        self._yaw_rate_rad_s = 0.0
        self._pitch_rate_rad_s = 0.0
        self._roll_rate_rad_s: float | None = None
        self._timeout_ns = 0
        self._stop_at_ns = NEVER_NS
        self._confirms_control = True
        self._stream_fields = 0
        self._stream_period_ns = 0
        self._next_sample_ns = NEVER_NS

    def receive(self, data: bytes, t_ns: int) -> None:
        self._advance(t_ns)
        self._in += data
        while (frame := take_frame(self._in)) is not None:
            self._obey(*frame, t_ns)

    def poll(self, t_ns: int) -> bytes:
        self._advance(t_ns)
        sent = bytes(self._out)
        self._out.clear()
        return sent

    def _advance(self, t_ns: int) -> None:
        """Everything that happens by itself up to `t_ns`, in its order."""
        late_ns = t_ns - self._next_sample_ns
        if late_ns > BACKLOG_NS:
            self._next_sample_ns += late_ns // self._stream_period_ns * self._stream_period_ns
        while (event_ns := min(self._stop_at_ns, self._next_sample_ns)) <= t_ns:
            self._mechanics.advance(event_ns)
            if event_ns == self._stop_at_ns:
                self._drive(0.0, 0.0, None if self._roll_rate_rad_s is None else 0.0)
                self._stop_at_ns = NEVER_NS
            else:
                self._send(CMD_REALTIME_DATA_CUSTOM, self._sample(event_ns, self._stream_fields))
                self._next_sample_ns += self._stream_period_ns
        self._mechanics.advance(t_ns)

    def _obey(self, command: int, payload: bytes, t_ns: int) -> None:
        if command == CMD_CONTROL:
            self._control(payload, t_ns)
        elif command == CMD_CONTROL_CONFIG:
            self._control_config(payload, t_ns)
        elif command == CMD_DATA_STREAM_INTERVAL:
            self._start_stream(payload, t_ns)
        elif command == CMD_REALTIME_DATA_CUSTOM:
            self._answer_once(payload, t_ns)
        elif command in (CMD_MOTORS_ON, CMD_MOTORS_OFF):
            self._motors_on = command == CMD_MOTORS_ON
            if not self._motors_on:
                self._drive(0.0, 0.0, None)
            self._mechanics.motors(self._motors_on)
            self._confirm(command)
        else:
            self._error(ERR_UNKNOWN_COMMAND)

    def _control(self, payload: bytes, t_ns: int) -> None:
        if len(payload) != 15:
            self._error(ERR_CMD_SIZE)
            return
        *modes, roll_speed, _, pitch_speed, _, yaw_speed, _ = struct.unpack("<3B6h", payload)
        if any(mode & 0x0F not in (NO_CONTROL, SPEED, IGNORE) for mode in modes):
            self._error(ERR_NOT_SUPPORTED)
            return
        roll_mode, pitch_mode, yaw_mode = modes
        roll, pitch, yaw = self._roll_rate_rad_s, self._pitch_rate_rad_s, self._yaw_rate_rad_s
        if roll_mode & 0x0F != IGNORE:
            roll = _wanted_rate_rad_s(roll_mode, roll_speed)
        if pitch_mode & 0x0F != IGNORE:
            pitch = _wanted_rate_rad_s(pitch_mode, pitch_speed)
        if yaw_mode & 0x0F != IGNORE:
            yaw = _wanted_rate_rad_s(yaw_mode, yaw_speed)
        if self._motors_on:
            self._drive(yaw, pitch, roll)
        self._stop_at_ns = t_ns + self._timeout_ns if self._timeout_ns else NEVER_NS
        if self._confirms_control:
            self._confirm(CMD_CONTROL)

    def _drive(self, yaw_rad_s: float, pitch_rad_s: float, roll_rad_s: float | None) -> None:
        self._yaw_rate_rad_s, self._pitch_rate_rad_s = yaw_rad_s, pitch_rad_s
        self._roll_rate_rad_s = roll_rad_s
        self._mechanics.command_rate(yaw_rad_s, pitch_rad_s, roll_rad_s)

    def _control_config(self, payload: bytes, t_ns: int) -> None:
        if len(payload) != 41:
            self._error(ERR_CMD_SIZE)
            return
        timeout_ms, flags = struct.unpack("<H27xH10x", payload)
        self._timeout_ns = timeout_ms * 1_000_000
        self._confirms_control = not flags & 1
        self._stop_at_ns = t_ns + self._timeout_ns if self._timeout_ns else NEVER_NS
        self._confirm(CMD_CONTROL_CONFIG)

    def _start_stream(self, payload: bytes, t_ns: int) -> None:
        if len(payload) != 21:
            self._error(ERR_CMD_SIZE)
            return
        command, interval_ms, fields = struct.unpack("<BHI14x", payload)
        if command != CMD_REALTIME_DATA_CUSTOM or fields & ~MODELLED_FIELDS:
            self._error(ERR_NOT_SUPPORTED)
            return
        self._stream_fields = fields
        # 1 stands for every control cycle of the board.
        self._stream_period_ns = 800_000 if interval_ms == 1 else interval_ms * 1_000_000
        self._next_sample_ns = t_ns + self._stream_period_ns if interval_ms else NEVER_NS
        self._confirm(CMD_DATA_STREAM_INTERVAL)

    def _answer_once(self, payload: bytes, t_ns: int) -> None:
        if len(payload) != 4:
            self._error(ERR_CMD_SIZE)
            return
        fields = int.from_bytes(payload, "little")
        if fields & ~MODELLED_FIELDS:
            self._error(ERR_NOT_SUPPORTED)
            return
        self._send(CMD_REALTIME_DATA_CUSTOM, self._sample(t_ns, fields))

    def _sample(self, t_ns: int, fields: int) -> bytes:
        """Payload of CMD_REALTIME_DATA_CUSTOM: board time, then the fields in bit order."""
        mechanics = self._mechanics
        angles = mechanics.roll_rad, mechanics.pitch_rad, mechanics.yaw_rad
        sample = struct.pack("<H", t_ns // 1_000_000 % 65536)
        if fields >> BIT_JOINT_ANGLES & 1:
            # i16 of 360/2^14 deg: runs over at +-720 deg.
            sample += struct.pack("<3H", *(_turns(angle, 2**14) % 2**16 for angle in angles))
        if fields >> BIT_GYRO & 1:
            rates = mechanics.roll_rate_rad_s, mechanics.pitch_rate_rad_s, mechanics.yaw_rate_rad_s
            counts = (round(math.degrees(rate) / 0.06103701895) for rate in rates)
            sample += struct.pack("<3h", *(max(-32768, min(32767, count)) for count in counts))
        if fields >> BIT_ENCODERS & 1:
            for angle in angles:
                sample += struct.pack("<I", _turns(angle, 2**24) % 2**24)[:3]
        return sample

    def _confirm(self, command: int) -> None:
        if self.faults.confirms:
            self._send(CMD_CONFIRM, bytes([command]) + bytes(self.faults.confirm_extra_bytes))

    def _error(self, code: int) -> None:
        self._send(CMD_ERROR, bytes([code, 0, 0, 0, 0]))

    def _send(self, command: int, payload: bytes) -> None:
        if self.faults.silent:
            return
        frame = bytearray(pack_frame(command, payload))
        if self.faults.half_right_crc_frames:
            self.faults.half_right_crc_frames -= 1
            frame[-1] ^= 0xFF
        if self.faults.bad_header_frames:
            self.faults.bad_header_frames -= 1
            frame[3] ^= 0xFF
        self._out += self.faults.garbage_before_frame + frame


def _wanted_rate_rad_s(mode: int, speed: int) -> float:
    """Rate that one axis of CMD_CONTROL asks for, in mode SPEED or NO_CONTROL."""
    if mode & 0x0F == NO_CONTROL:
        return 0.0
    return math.radians(speed * (0.001 if mode & HIGH_RES_SPEED else 0.1220740379))


def _turns(angle_rad: float, counts_per_turn: int) -> int:
    return round(angle_rad / (2.0 * math.pi) * counts_per_turn)
