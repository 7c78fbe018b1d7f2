"""Measuring two things side by side: interleaved rounds, the median of each, their spread, the ratio."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Comparison:
    """Two series of figures out of one run; `reference` is empty where a benchmark stands alone."""

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    note: str = ""

    def summary(self) -> dict:
        """One entry of the JSON list."""
        ours = statistics.median(self.ours)
        reference = statistics.median(self.reference) if self.reference else None
        spread = {"ours": [min(self.ours), max(self.ours)]}
        if self.reference:
            spread["reference"] = [min(self.reference), max(self.reference)]
        return {
            "name": self.name,
            "ours": round(ours, 3),
            "reference": None if reference is None else round(reference, 3),
            "unit": self.unit,
            "ratio": None if reference is None else round(ours / reference, 3),
            "spread": {side: [round(value, 3) for value in ends] for side, ends in spread.items()},
            "rounds": len(self.ours),
        } | ({"note": self.note} if self.note else {})

    def line(self) -> str:
        """One line for people."""
        told = self.summary()
        text = f"{self.name}: {told['ours']:,} {self.unit} {told['spread']['ours']}"
        if told["reference"] is not None:
            text += f" against {told['reference']:,} {told['spread']['reference']}: ratio {told['ratio']}"
        return f"{text}, {told['rounds']} rounds {self.note}"


def interleave(rounds: int, **sides: Callable[[], float]) -> dict[str, list[float]]:
    """Run every side once a round, in turning order, after one round that does not count.

    What is loaded is kept out of the garbage collector's way, as the servers keep it.
    """
    gc.collect()
    gc.freeze()
    figures: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(-1, rounds):
        for name in names if number % 2 else names[::-1]:
            figure = sides[name]()
            if number >= 0:
                figures[name].append(figure)
    return figures


def rate(act: Callable[[], None], *, seconds: float) -> float:
    """How often a second `act` can be done."""
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        act()
        count += 1
    return count / passed


def took(act: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
