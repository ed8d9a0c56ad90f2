"""A scenario: what is agreed (mission), what flies (terminal), and what is true (world)."""

from config.fields import Count, Name, Spec
from config.mission import Mission
from config.terminal import TerminalConfig
from config.world import World


class Realtime(Spec, frozen=True):
    """How the scenario is flown against the wall clock."""

    fine_hz: Count = 500
    """Fine-loop rate; `qsky rt-check` says what a machine holds."""


class Scenario(Spec, frozen=True):
    """One flight. `terminal` is shared with flight code, `world` never is."""

    name: Name
    description: str
    mission: Mission
    terminal: TerminalConfig
    world: World
    realtime: Realtime = Realtime()
