"""Where bytes go: addresses that are none, and what a full line still owes."""

import socket

import pytest

from config.errors import InputError
from config.terminal import Device
from drivers.protocols import DeviceError
from drivers.registry import build
from drivers.transport import TcpTransport


@pytest.mark.parametrize(
    "url",
    [
        "tcp://localhost",
        "tcp://localhost:0",
        "tcp://localhost:65536",
        "tcp://localhost:²",
        "tcp://[::1",
        "serial:/dev/ttyUSB0?baud=²",
        "usb:/dev/bus",
        "inproc:",
    ],
)
def test_an_address_that_is_none_names_its_key(url: str) -> None:
    with pytest.raises(InputError, match=r"^terminal\.devices\.gimbal\.url: "):
        build("gimbal", Device(driver="gimbal_sbgc32", url=url), {})


def test_a_host_name_that_cannot_be_is_a_device_that_cannot_be_reached() -> None:
    with pytest.raises(DeviceError, match="cannot connect"):
        TcpTransport("a" * 70, 5000)


def test_a_long_message_arrives_whole_although_nothing_follows_it() -> None:
    message = bytes(range(256)) * 40_000
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = TcpTransport("127.0.0.1", server.getsockname()[1])
        peer, _ = server.accept()
    with peer:
        peer.settimeout(5.0)
        transport.write(message)
        arrived = bytearray()
        while len(arrived) < len(message):
            arrived += peer.recv(1 << 20)
            assert transport.read() == b""
        transport.close()
    assert arrived == message
