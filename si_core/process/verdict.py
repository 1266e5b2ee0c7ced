"""The verdict on a completion: *bounded*, *unbounded at an end*, *a pole inside*, or *out of the span* of the known."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WHOLE", "Verdict"]

WHOLE = (0.0, 1.0)
"""The span of all clock positions."""


@dataclass(frozen=True)
class Verdict:
    """What the weights of a completion do in a span of the clock.

    Args:
        unbounded: whether they grow without bound at t = 0 and at t = 1.
        poles: the clock positions between the ends at which they do.
        in_span: whether the wanted field is in the span of the known ones.
    """

    unbounded: tuple[bool, bool] = (False, False)
    poles: tuple[float, ...] = ()
    in_span: bool = True

    @property
    def bounded(self) -> bool:
        """Whether the weights are bounded."""
        return self.in_span and not self.poles and not any(self.unbounded)

    @property
    def usable(self) -> bool:
        """Whether the wanted field can be had at all times but the ends."""
        return self.in_span and not self.poles

    @property
    def rank(self) -> int:
        """0 for bounded, 1 for unbounded at an end, 2 for a pole inside, 3 for out of span."""
        return 3 if not self.in_span else 2 if self.poles else int(any(self.unbounded))

    @property
    def ends(self) -> str:
        """The ends at which the weights are unbounded, in words."""
        return " and ".join(f"t = {end}" for end, unbounded in enumerate(self.unbounded) if unbounded)

    def within(self, span: tuple[float, float]) -> Verdict:
        """The verdict on a span of the clock, early to late: what happens outside does not matter."""
        early, late = span
        unbounded = (self.unbounded[0] and early <= 0.0, self.unbounded[1] and late >= 1.0)
        return Verdict(unbounded, tuple(u for u in self.poles if early <= u <= late), self.in_span)
