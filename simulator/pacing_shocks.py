"""Shocks of the pacing back-test: a recorded day as it would have been with other traffic or prices for a while."""

from dataclasses import dataclass, replace

from simulator.slots import RecordedDay


@dataclass(frozen=True)
class Shock:
    """From ``hour`` of the day on, for ``minutes`` or until the day ends: traffic and prices times a factor."""

    name: str
    traffic: float = 1.0
    prices: float = 1.0
    minutes: int | None = None
    hour: int = 12

    def starts_s(self, day: RecordedDay) -> int:
        return day.midnight_s + self.hour * 3600

    def on(self, day: RecordedDay) -> RecordedDay:
        """The day as it would have been."""
        start_s = self.starts_s(day)
        end_s = day.end_s if self.minutes is None else start_s + 60 * self.minutes
        slots = (
            replace(slot, impressions=round(slot.impressions * self.traffic), price=slot.price * self.prices)
            if start_s <= slot.at_s < end_s
            else slot
            for slot in day.slots
        )
        return replace(day, slots=tuple(slots))


SHOCKS = (
    Shock("traffic × 5, 1 h", traffic=5, minutes=60),
    Shock("traffic ÷ 5, 1 h", traffic=1 / 5, minutes=60),
    Shock("prices + 50 %, 1 h", prices=1.5, minutes=60),
    Shock("prices + 50 %, to stay", prices=1.5),
    Shock("traffic × 5, to stay", traffic=5),
    Shock("traffic ÷ 5, to stay", traffic=1 / 5),
)
