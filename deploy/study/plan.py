"""Which pairs a participant sees, in which order, on which side and for how long.

All pairs of all pictures stand in one circle, shuffled by the seed. Participants take stretches of it one after the
other, so each pair is judged equally often (to within one, where nobody leaves early) and nobody sees one twice. In
limited time a pair takes the next exposure each time that the circle has gone round.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

BETTER, WORSE = "@better", "@worse"  # the sides of an attention check; no method can be named so
CHECK_SECONDS = 1.0  # a check is about attention, not about speed


@dataclass(frozen=True)
class Trial:
    """Two pictures to choose from.

    Attributes:
        picture: name of the file in both methods' folders.
        left: method shown left (above, on a narrow screen).
        right: method shown right.
        exposure: seconds; None where time is unlimited.
    """

    picture: str
    left: str
    right: str
    exposure: float | None

    @property
    def is_check(self) -> bool:
        """Whether this is an attention check."""
        return BETTER in (self.left, self.right)


@dataclass(frozen=True)
class Plan:
    """What all participants' trials are drawn from.

    Attributes:
        seed: of all draws.
        pairs: of methods.
        pictures: names.
        exposures: seconds; none where time is unlimited.
        comparisons: of a participant; at most pairs times pictures.
        check_pictures: names of pictures for attention checks.
        checks: of a participant.
    """

    seed: int
    pairs: Sequence[tuple[str, str]]
    pictures: Sequence[str]
    exposures: Sequence[float]
    comparisons: int
    check_pictures: Sequence[str]
    checks: int

    def trials(self, participant: int) -> list[Trial]:
        """Give the trials of a participant, who are numbered from 0; the same number, the same trials."""
        draw = Random(f"{self.seed} participant {participant}")
        compared = list(self._stretch(participant))
        draw.shuffle(compared)
        trials = list(self._on_sides(compared, draw))
        checks = [(name, (BETTER, WORSE), self._check_exposure()) for name in self._drawn_checks(draw)]
        for number, trial in enumerate(self._on_sides(checks, draw)):
            # One in each of as many equal parts; from the back, so that places stay where they are.
            start, stop = (
                part * self.comparisons // self.checks for part in (self.checks - number - 1, self.checks - number)
            )
            trials.insert(draw.randint(start, stop), trial)
        return trials

    def _stretch(self, participant: int) -> Iterator[tuple[str, tuple[str, str], float | None]]:
        circle = [(name, pair) for name in self.pictures for pair in self.pairs]
        Random(f"{self.seed} circle").shuffle(circle)
        for step in range(participant * self.comparisons, (participant + 1) * self.comparisons):
            rounds, place = divmod(step, len(circle))
            exposure = self.exposures[(place + rounds) % len(self.exposures)] if self.exposures else None
            yield *circle[place], exposure

    def _on_sides(self, compared: Sequence[tuple[str, tuple[str, str], float | None]], draw: Random) -> Iterator[Trial]:
        """Put the first method of a pair left in half of the trials; of an odd number, in one more or one less."""
        first = draw.randrange(2)
        swapped = [(first + number) % 2 == 0 for number in range(len(compared))]
        draw.shuffle(swapped)
        for (picture, (left, right), exposure), swap in zip(compared, swapped, strict=True):
            yield Trial(picture, right if swap else left, left if swap else right, exposure)

    def _drawn_checks(self, draw: Random) -> list[str]:
        repeated = list(self.check_pictures) * -(-self.checks // len(self.check_pictures)) if self.checks else []
        return draw.sample(repeated, self.checks)

    def _check_exposure(self) -> float | None:
        return min((s for s in self.exposures if s >= CHECK_SECONDS), default=max(self.exposures, default=None))
