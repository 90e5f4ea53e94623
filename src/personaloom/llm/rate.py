"""How fast a deployment may be asked, learned from its answers: a pure state machine over a clock that is passed in.

``AdaptiveRate`` is additive increase, multiplicative decrease shaped like TCP CUBIC (Ha, Rhee, Xu 2008; RFC 9438),
applied to requests a second instead of a window: after a 429 it drops a little below the rate that was too much,
flattens out there, stays for a while, and only then looks for more, ever faster. Two things it must tell from a limit:
rejections that come at any rate (a flaky server), which a trial at a lower rate shows, and those of a server that
stores no allowance (a bucket of one), where a request that comes a millisecond early is rejected and tried again soon.
"""

from __future__ import annotations

import math

from personaloom.llm.accepted import Accepted
from personaloom.llm.known import Known
from personaloom.llm.pacing import LONG_AGO, Pacer

__all__ = ["AdaptiveRate", "Trial"]


class Trial(Known):
    """Whether a lower rate brings fewer rejections: some answers at seven tenths of it."""

    SLOWER = 0.7
    ANSWERS = 40
    SAME = 0.5
    """So much of the share before, and more, is the same share."""
    MOST = 0.35
    """A larger share is never put down to chance: processes that do not know of each other would drive it up."""
    EVERY_S = 30.0
    SLOWEST = 5.0
    """Below so many requests a second a trial would take too long."""

    def __init__(self) -> None:
        self.rate = 0.0
        """Requests a second that are in question; 0 while there is no trial."""
        self.share = 0.0
        """Rejections among the answers so far."""
        self._before = 0.0
        self._after_number = 0
        self._answers = self._rejections = 0
        self._not_before = LONG_AGO

    def may_begin(self, now: float, rate: float) -> bool:
        """Whether there may be one now."""
        return rate >= self.SLOWEST and now >= self._not_before

    def begin(self, rate: float, share: float, number: int) -> None:
        """Try requests after this number; before, at ``rate``, such a share of them was rejected."""
        self.rate, self._before, self._after_number = rate, share, number
        self._answers = self._rejections = 0

    def end(self, now: float) -> None:
        """It is over, and the rate was too high."""
        self.rate, self._not_before = 0.0, now + self.EVERY_S

    def answered(self, number: int, *, rejected: bool) -> bool:
        """An answer came; gives whether there are enough of them."""
        if not self.rate or number <= self._after_number:
            return False
        self._answers += 1
        self._rejections += rejected
        self.share = self._rejections / self._answers
        return self._answers >= self.ANSWERS

    @property
    def no_better(self) -> bool:
        """Whether the lower rate was rejected as often: the rate is not what it is about."""
        return self.SAME * self._before <= self.share <= self.MOST


class AdaptiveRate(Known):
    """The rate, in requests a second, that a server bears.

    Unlimited until the server first says that it is too much. Then the rate is set to what was accepted, grows until it
    is too much again, and from there on circles just below that point.
    """

    DROP = 0.93
    """Of the rate that was too much: where it goes on."""
    PLATEAU = 0.97
    """Of the rate that was too much: where it stays for a while. Below 1, or every plateau would end in a 429."""
    PAUSED = 0.2
    """Times the share of the time that was spent in pauses: so much lower still."""
    GROWTH = 0.25
    """Relative growth one period after the plateau; 0.03 after half of one, 2 after two."""
    SHORTEST_PERIOD_S = 4.0
    LONGEST_PERIOD_S = 90.0
    PAUSES_PER_PERIOD = 45.0
    """A period is so many times the pause that a 429 costs, so that pauses cost about 2 % of the throughput."""
    SPAN_S = 2.0
    """What was accepted is averaged over this (a quarter of it while searching), or over twice the last gap."""
    DOUBLES_IN_S = 1.0
    """What a burst was granted may be far less than what the server bears for long, so at first it is doubled."""
    TESTS, TEST_S = 4, 0.1
    """Requests after a rejected one, at least those of so long a time, that must be rejected too before all wait."""
    MEMORY = 60.0
    """Answers over which the share of rejections is averaged."""
    STRAYS, MANY_STRAYS = 0.06, 0.4
    """From the first share on, single rejections lower the rate; from the second on, without the floor."""
    FLOOR = 0.3
    """Of what the server was seen to bear."""
    FIRST_LOOK_S = 0.25
    """So long after the first 429 of all, other requests of the same burst may still be rejected."""
    PROOF, AT_ONCE_S, FEW = 4, 0.01, 30
    """So many requests within so short a time, after a pause, show whether a server that took few at first stores any
    allowance: one that does not takes one of them."""
    SOON = 0.125
    """Of the time between two requests: so soon one that such a server rejected is followed by the next."""
    ASK_EVERY_S = 0.125
    """So often it is asked during a wait of exactly one second, which most servers say for want of a smaller number."""

    def __init__(self) -> None:
        self.pacer = Pacer()
        self.accepted_lately = Accepted()
        self.paused_until = 0.0
        self.in_vain = 0
        """Drops in a row between which nothing was accepted."""
        self._low: float | None = None
        self._plateau = 0.0
        self._period = self.SHORTEST_PERIOD_S
        self._dropped_at = LONG_AGO
        self._dropped_number = 0
        self._accepted_at_drop = 0
        self._unconfirmed = False
        self._first_look = False
        self._searching = False
        self._shallow = False
        self._to_prove = False
        self._proof_number: int | None = None
        self._proof_began = 0.0
        self._proof_accepted = self._proof_rejected = 0
        self._number = 0
        self._suspect: int | None = None
        self._strikes = 0
        self._tests = self.TESTS
        self._share = 0.0
        self._usual = 0.0
        self._trial = Trial()
        self._asking = False
        self._ask_at = 0.0

    @property
    def limited(self) -> bool:
        """Whether the server ever said that it was too much."""
        return self._low is not None or self._first_look

    def rate(self, now: float) -> float | None:
        """Requests a second now; None is without limit."""
        if self._low is None:
            return None
        if self._trial.rate:
            return Trial.SLOWER * self._trial.rate
        going = max(0.0, now - max(self._dropped_at, self.paused_until))
        if self._searching:
            return self._low * math.exp2(min(going / self.DOUBLES_IN_S, 20.0))
        since = going / self._period
        if since < 1.0:
            return self._plateau - (self._plateau - self._low) * (1.0 - since) ** 3
        return self._plateau * (1.0 + self.GROWTH * (since - 1.0) ** 3)

    def may_ask_in(self, now: float) -> float | None:
        """Seconds until one request may find out whether a pause is over sooner than was said; None is never."""
        return max(0.0, self._ask_at - now) if self._asking and now < self.paused_until else None

    # -- what happens --------------------------------------------------------------------------------------------

    def sent(self, now: float) -> int:
        """A request was sent; gives its number, by which its outcome is told."""
        self.accepted_lately.begin(now)
        self._number += 1
        if self.may_ask_in(now) is not None:
            self._ask_at = now + self.ASK_EVERY_S
        rate = self.rate(now)
        if rate is not None:
            self.pacer.spend(now, 0.0 if self._is_one_of_a_proof(now) else 1.0 / rate)
        return self._number

    def accepted(self, now: float, number: int, latency: float) -> None:
        """A request was answered with anything but "too much", so long after it was sent."""
        self.accepted_lately.add(now, latency)
        self.in_vain = 0
        self._share -= self._share / self.MEMORY
        if self._suspect is not None and number > self._suspect:
            self._suspect = None  # a stray: who came after it is served
        self._prove(number, rejected=False)
        if self._trial.answered(number, rejected=False):
            self._judge(now)
        if self._asked_during_pause(now, number):
            self.paused_until, self._asking = now, False
            self.accepted_lately.resumed(now)

    def too_much(self, now: float, number: int, wait_s: float | None) -> bool:
        """A request was answered with 429 or 529; gives whether the rate dropped.

        Once a window: what was sent before the last drop says nothing new. And for a reason: the next requests to be
        sent are a test, and when they are rejected too, everybody waits as long as the server asked for. A rejection
        among requests that are served is a stray, for which its own call waits and nobody else; when strays are more
        than usual, the rate drops without a pause.
        """
        if self._asked_during_pause(now, number) or self._prove(number, rejected=True):
            return False
        # The place of a request that a server without a store rejected at once is still free.
        cost = self.SOON if self._shallow and number == self._number > self._dropped_number else 1.0
        self._share += (cost - self._share) / self.MEMORY
        if number <= self._dropped_number:
            if wait_s and now < self.paused_until and not self._asking:
                self._pause(now, wait_s)
            return False
        if self._trial.answered(number, rejected=True):
            self._judge(now)
        confirmed = self._confirmed(now, number)
        lately = now - self._dropped_at < max(self.SPAN_S / 2, self.accepted_lately.latency)
        if not confirmed:
            self._try_soon(now, cost)
            if self._share < self.STRAYS + self._usual or lately or self._trial.rate or self._begins_trial(now):
                return False
            wait_s = None
        elif lately and self._unconfirmed:
            # The rate dropped for this already; only the pause is new.
            self._dropped_number, self._suspect, self._unconfirmed = self._number, None, False
            self._stop(now, wait_s or 0.0)
            return False
        self._slow_down(now, wait_s, confirmed=confirmed)
        return True

    def look(self, now: float, in_flight: int) -> None:
        """Before the first request after the first drop: set the rate to what the server took, answered or not yet."""
        if self._first_look and self._low is None and now >= self.paused_until:
            took = self.accepted_lately.count + in_flight
            self._to_prove = took <= self.FEW
            self._low = self._plateau = max(took, 1) / max(1.0, self.accepted_lately.lasted(self._dropped_at))
            self._first_look, self._searching = False, True
            self._share = 0.0  # what one burst was told is no measure

    # -- what it means -------------------------------------------------------------------------------------------

    def _is_one_of_a_proof(self, now: float) -> bool:
        """Whether the request that is sent now is to be followed by another one at once."""
        if self._proof_number is not None and self._number == self._proof_number + self.PROOF:
            if now - self._proof_began > self.AT_ONCE_S:
                self._proof_number, self._to_prove = None, True  # there were not so many to send
            return False
        if self._to_prove and self.pacer.wait(now - self.AT_ONCE_S) > 0.0:  # it had to wait, so others may be waiting
            self._to_prove = False
            self._proof_number, self._proof_began = self._number - 1, now
            self._proof_accepted = self._proof_rejected = 0
        return self._proof_number is not None and self._number < self._proof_number + self.PROOF

    def _prove(self, number: int, *, rejected: bool) -> bool:
        """Count requests that were sent at once; gives whether this was one of them."""
        first = self._proof_number
        if first is None or not first < number <= first + self.PROOF:
            return False
        self._proof_rejected += rejected
        self._proof_accepted += not rejected
        if self._proof_rejected + self._proof_accepted == self.PROOF:
            self._shallow = self._proof_accepted == 1
            self._proof_number = None
        return True

    def _asked_during_pause(self, now: float, number: int) -> bool:
        return self._asking and number > self._dropped_number and now < self.paused_until

    def _confirmed(self, now: float, number: int) -> bool:
        """Whether this rejection, with those of the tests before it, is more than a stray."""
        if self._suspect is None:
            self._suspect, self._strikes = self._number, 0
            self._tests = max(self.TESTS, int(self.TEST_S * (self.rate(now) or 0.0)))
        elif self._suspect < number <= self._suspect + self._tests:
            self._strikes += 1
        return self._strikes >= self._tests

    def _try_soon(self, now: float, cost: float) -> None:
        rate = self.rate(now)
        if rate is not None and cost < 1.0:
            self.pacer.credit(now, (1.0 - cost) / rate)

    def _begins_trial(self, now: float) -> bool:
        rate = self.rate(now)
        if rate is None or self._searching or self._shallow or not self._trial.may_begin(now, rate):
            return False
        self._trial.begin(rate, self._share, self._number)
        return True

    def _judge(self, now: float) -> None:
        """The trial is over."""
        rate = self._trial.rate
        self._share, self._dropped_at = self._trial.share, now
        if self._trial.no_better:
            self._trial.rate = 0.0
            self._usual = self._share
            self._low = self._plateau = rate
            self._searching = True
        else:
            self._trial.end(now)
            self._usual = 0.0
            self._settle(rate, self.SHORTEST_PERIOD_S)

    def _settle(self, rate: float, period: float) -> None:
        """Go on below a rate that was too much."""
        self._low, self._plateau, self._period = self.DROP * rate, self.PLATEAU * rate, period

    def _slow_down(self, now: float, wait_s: float | None, *, confirmed: bool) -> None:
        self._unconfirmed = not confirmed
        count = self.accepted_lately.count
        first = self._low is None and not self._first_look
        in_vain = not first and count == self._accepted_at_drop
        current = self._trial.rate or self.rate(now)
        self.in_vain = self.in_vain + 1 if in_vain else 0
        if first:
            self._first_look = True
            wait_s = max(wait_s or 0.0, self.FIRST_LOOK_S)
        elif in_vain and not wait_s:
            wait_s = min(30.0, 0.25 * 2.0 ** min(self.in_vain, 10))
        elif current is not None and not in_vain:
            found_out_in = self.ASK_EVERY_S + self.accepted_lately.latency
            self._drop(now, current, min(1.0, found_out_in) if wait_s == 1.0 else wait_s or 0.0)
        self._dropped_at, self._accepted_at_drop = now, count
        if confirmed:
            self._dropped_number, self._suspect = self._number, None
        self._stop(now, wait_s or 0.0)

    def _drop(self, now: float, current: float, wait_s: float) -> None:
        if self._trial.rate:
            self._trial.end(now)
        achieved = self._achieved(now, current)
        self._searching = False
        if current <= 1.3 * achieved:
            too_much = min(current, 1.12 * achieved) * (1.0 - self.PAUSED * self.accepted_lately.paused_share)
            period = max(self.SHORTEST_PERIOD_S, self.PAUSES_PER_PERIOD * wait_s)
            self._settle(too_much, min(self.LONGEST_PERIOD_S, period))
        else:  # far beyond what the server takes: begin again from that
            self._low = self._plateau = max(achieved, 0.05 * current)
            self._period = self.SHORTEST_PERIOD_S
        if self._share < self.MANY_STRAYS:
            # Rejections that no lower rate ends have another cause, and must not starve the run.
            self._low = max(self._low or 0.0, self.FLOOR * self.accepted_lately.best(now))
            self._plateau = max(self._plateau, self._low)

    def _achieved(self, now: float, current: float) -> float:
        """Requests a second that were accepted lately; no less than what the kind of the drop makes likely."""
        span = self.SPAN_S / 4.0 if self._searching else self.SPAN_S
        rate = self.accepted_lately.rate(now, max(span, 2.0 * self.accepted_lately.last_gap, 30.0 / current))
        if self._searching:
            return max(rate, current / 1.6)  # less than a second ago it was that, and not too much
        return max(rate, 0.9 * current) if self._unconfirmed else rate

    def _stop(self, now: float, wait_s: float) -> None:
        """Everybody waits; a single request now and then finds out whether one second was more than was meant."""
        self._asking = wait_s == 1.0 and not self.in_vain and self._low is not None
        self._ask_at = now + self.ASK_EVERY_S
        self._pause(now, wait_s)

    def _pause(self, now: float, wait_s: float) -> None:
        until = now + wait_s
        if until > self.paused_until:
            self.accepted_lately.paused(now, until, extends=now <= self.paused_until)
            self.paused_until = until
