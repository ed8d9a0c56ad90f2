"""An ephemeris that ends in flight: the terminal goes safe and says why; nothing breaks."""

from fake_terminal import SCENARIO, START_NS, fly, make_terminal
from msgspec.structs import replace

from terminal.control.navigation import NavigationEvent
from terminal.geometry.time_scales import DAY_NS
from terminal.geometry.tle import parse_tle
from terminal.mode import Mode
from terminal.safety import Unsafe

LINK_S = 7


def test_the_terminal_goes_safe_where_its_ephemeris_ends() -> None:
    mission = SCENARIO.mission
    epoch_ns = parse_tle(*mission.partner.tle).epoch_tai_ns
    end_ns = START_NS + LINK_S * 1_000_000_000
    partner = replace(mission.partner, useful_days=(end_ns - epoch_ns) / DAY_NS)
    terminal, bus, devices = make_terminal(replace(mission, partner=partner))
    fine_hz = SCENARIO.terminal.rates.fine_hz
    # The prediction looks 50 ms and a light time ahead.
    t_ns = fly(terminal, int((LINK_S - 0.1) * fine_hz))
    assert bus.modes.command.mode == Mode.LINK
    assert devices.laser.shutter_open
    t_ns = fly(terminal, fine_hz // 2, t_ns)
    assert bus.pointing.command.events == NavigationEvent.NO_EPHEMERIS
    assert not bus.pointing.command.valid
    assert bus.modes.command.mode == Mode.SAFE
    assert bus.modes.command.unsafe == Unsafe.NAVIGATION_SILENT
    assert not devices.laser.shutter_open
    assert not devices.laser.beacon_on
    assert devices.gimbal.rates == (0.0, 0.0, 0.0)
    # It stays so, and is not tried again.
    fly(terminal, 2 * fine_hz, t_ns)
    assert bus.modes.command.mode == Mode.SAFE
