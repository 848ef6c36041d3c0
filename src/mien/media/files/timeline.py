"""Repair of a file's clock: where packet times jump, every stream continues, all still in step."""

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClockTuning:
    """Numbers by which a jump of the clock is told from rounding, interleaving, gaps and damage."""

    free_back_s: float = 0.1  # FFmpeg's command-line tool has the same for clocks that start anywhere
    back_s: float = 1  # other formats hold increasing times: a smaller step back is rounding or interleaving
    ahead_s: float = 10  # FFmpeg's dts_delta_threshold; a shorter gap is a gap in the recording and stays
    astray_s: float = 1  # a stream this close to its old clock has not changed clocks
    held_packets: int = 512  # about 7 s of pictures and one sound track; streams are interleaved within 1 s
    held_bytes: int = 64 * 2**20  # bounds memory
    settled_packets: int = 8  # bursts of damaged times are shorter
    idle_packets: int = 256  # of other streams; a stream without a packet for this long has ended
    recent_clocks: int = 4  # on which a packet without a clock of its own may lie


_DEFAULT = ClockTuning()


class Role(IntEnum):
    """Role of a stream for the clock: pictures set it, sound confirms it, all others follow."""

    PICTURE = 0
    SOUND = 1
    OTHER = 2


@dataclass(frozen=True, slots=True)
class Stamp:
    """Decoding and presentation time of a packet, in ticks of `base`; None if the file does not state it."""

    stream: int
    role: Role
    base: Fraction
    time: int | None
    shown: int | None
    duration: int
    size: int = 0


@dataclass(slots=True)
class _StreamState:
    """State of a stream: newest time and usual step in ticks of `base`, `second` of them a second, and its clock."""

    role: Role
    base: Fraction
    clock: int
    last: int
    step: int
    seen: int
    second: int
    shown_until: int | None = None
    all_shown: bool = True
    """True while all packets since the last jump have a presentation time."""
    heard_until_s: Fraction | None = None

    @property
    def next(self) -> int:
        return self.last + self.step

    def advance(self, stamp: Stamp) -> None:
        assert stamp.time is not None
        between = stamp.time - self.last
        self.step = stamp.duration or (between if 0 < between < self.second else self.step)
        self.last = stamp.time
        if stamp.shown is None:
            self.all_shown = False
        else:
            until = stamp.shown + self.step
            self.shown_until = until if self.shown_until is None else max(self.shown_until, until)


@dataclass(slots=True)
class _Jump:
    """A stream that has left its clock: the time expected, the time found, and the packets since."""

    expected: int
    first: int
    shown_until: int | None
    packets: int = 0
    elapsed: int = 0


@dataclass(slots=True)
class _Held(Generic[T]):
    item: T
    stamp: Stamp
    clock: int | None
    """None for a packet after an open jump, and for one of a stream that only follows."""
    led_to: int | None = None
    """New time of a packet whose own was damaged."""


@dataclass(slots=True)
class ClockRepair(Generic[T]):
    """Shifter of packets, so that each stream continues when the file's clock starts over or leaps ahead.

    Push all packets in file order; they come back in that order, each with the ticks to add to its times. Around a jump
    packets are held until the other streams have jumped as well. The pictures decide the offset of the new clock, so that
    they stay evenly spaced; sound that would overlap earlier sound is dropped. A stream that returns to its old clock had
    damaged times: those packets get the times that continue it, and nothing else moves. `free_running` is for formats whose
    clock may have any value (transport and program streams): there, leaps ahead are jumps, too, unless another stream has
    filled the time.
    """

    free_running: bool
    tuning: ClockTuning = _DEFAULT
    jumps: int = 0
    """Changes of the clock so far."""
    _shifts: list[Fraction] = field(default_factory=lambda: [Fraction(0)])
    _lines: dict[int, _StreamState] = field(default_factory=dict)
    _open: dict[int, _Jump] = field(default_factory=dict)
    _new: dict[int, Fraction] = field(default_factory=dict)
    """Streams that began during an open jump, and their first time in seconds."""
    _held: deque[_Held[T]] = field(default_factory=deque)
    _held_bytes: int = 0
    _pushed: int = 0
    _now: tuple[int, Fraction] = (0, Fraction(1))
    """Time of the newest packet after its shift: ticks and their length."""

    def push(self, item: T, stamp: Stamp) -> list[tuple[T, int]]:
        """Take one packet; return those that are ready, each with the ticks to add to its times."""
        self._pushed += 1
        line, time = self._lines.get(stamp.stream), stamp.time
        ready: list[tuple[T, int]] = []
        if line is not None and time is not None:
            ready = self._watch(line, stamp.stream, time)
        elif stamp.role is not Role.OTHER and time is not None:
            clock = self._nearest(time * stamp.base)
            second = max(round(1 / stamp.base), 1)
            self._lines[stamp.stream] = _StreamState(stamp.role, stamp.base, clock, time, stamp.duration, self._pushed, second)
            if self._open:
                self._new[stamp.stream] = time * stamp.base
        jump = self._open.get(stamp.stream)
        if line is not None and time is not None:
            line.seen = self._pushed
            line.advance(stamp)
        if jump is not None:
            jump.packets += 1
            jump.elapsed += stamp.duration or (line.step if line else 0)
        self._held.append(_Held(item, stamp, line.clock if line is not None and jump is None else None))
        self._held_bytes += stamp.size
        if not self._open or self._settled():
            ready += self._release()
        return ready

    def flush(self) -> list[tuple[T, int]]:
        """Return the packets that are still held, at the end of the file."""
        return self._release()

    def _watch(self, line: _StreamState, stream: int, time: int) -> list[tuple[T, int]]:
        """Note that the stream leaves its clock or returns to it; return the packets that a second jump releases."""
        jump = self._open.get(stream)
        if jump is not None and self._returns(jump, line, time):
            self._forgive(stream, jump)
        elif self._leaps(line, time):
            ready = self._release() if jump is not None else []
            self._open[stream] = _Jump(line.next, time, line.shown_until if line.all_shown else None)
            line.shown_until, line.all_shown = None, True
            return ready
        return []

    def _leaps(self, line: _StreamState, time: int) -> bool:
        if time < line.last - line.second * (self.tuning.free_back_s if self.free_running else self.tuning.back_s):
            return True
        if not self.free_running or time <= line.next + line.second * self.tuning.ahead_s:
            return False
        time_s = time * line.base
        others = (self._lines[stream] for stream in self._lines.keys() - self._open.keys())
        return not any(
            other is not line and other.clock == line.clock and abs(other.last * other.base - time_s) < self.tuning.ahead_s
            for other in others
        )

    def _returns(self, jump: _Jump, line: _StreamState, time: int) -> bool:
        from_old = abs(time - jump.expected - jump.elapsed)
        return from_old < line.second * self.tuning.astray_s and from_old < abs(time - line.next)

    def _forgive(self, stream: int, jump: _Jump) -> None:
        """Close a jump of a stream that has returned to its clock: its packets since then continue from the old time."""
        del self._open[stream]
        line, at = self._lines[stream], jump.expected
        line.shown_until, line.all_shown = jump.shown_until, jump.shown_until is not None
        for held in self._held:
            if held.stamp.stream == stream and held.clock is None:
                held.clock, held.led_to = line.clock, at
                at += held.stamp.duration or line.step

    def _settled(self) -> bool:
        if len(self._held) >= self.tuning.held_packets or self._held_bytes >= self.tuning.held_bytes:
            return True
        live = (stream for stream, line in self._lines.items() if self._pushed - line.seen < self.tuning.idle_packets)
        return all(stream in self._open for stream in live) and all(
            jump.packets >= self.tuning.settled_packets for jump in self._open.values()
        )

    def _release(self) -> list[tuple[T, int]]:
        for stream in sorted(self._open, key=lambda stream: (self._lines[stream].role, stream)):
            self._settle(self._lines[stream], *self._step(stream, self._open[stream]))
        self._open.clear()
        for stream, first_s in self._new.items():
            self._lines[stream].clock = self._nearest(first_s)
        self._new.clear()
        ready = [(held.item, moved) for held in self._held if (moved := self._moved(held)) is not None]
        self._held.clear()
        self._held_bytes = 0
        return ready

    def _step(self, stream: int, jump: _Jump) -> tuple[int, int]:
        """Return the time with which the stream continues, and the one that it should have instead."""
        shown = [held.stamp.shown for held in self._held if held.stamp.stream == stream and held.clock is None]
        known = [time for time in shown if time is not None]
        if self._lines[stream].role is not Role.PICTURE or jump.shown_until is None or len(known) < len(shown):
            return jump.first, jump.expected
        # After a joint, decoding times are wrong in Matroska and FLV.
        return min(known), jump.shown_until

    def _settle(self, line: _StreamState, first: int, expected: int) -> None:
        """Put the stream on a newer clock that fits, else on a new one that continues it without a gap."""
        first_s = first * line.base
        expected_s = expected * line.base + self._shifts[line.clock]
        for clock in range(len(self._shifts) - 1, line.clock, -1):
            if abs(first_s + self._shifts[clock] - expected_s) < self.tuning.ahead_s:
                line.clock, line.heard_until_s = clock, expected_s
                return
        self.jumps += 1
        self._shifts.append(expected_s - first_s)
        line.clock = len(self._shifts) - 1

    def _moved(self, held: _Held[T]) -> int | None:
        """Return the ticks to add to the times of the packet; None if it is dropped."""
        stamp = held.stamp
        if stamp.role is Role.OTHER:
            clock = 0 if stamp.time is None else self._nearest(stamp.time * stamp.base)
            return self._ticks(clock, stamp.base)
        line = self._lines.get(stamp.stream)
        clock = held.clock if held.clock is not None else line.clock if line is not None else 0
        moved = self._ticks(clock, stamp.base)
        if held.led_to is not None and stamp.time is not None:
            moved += held.led_to - stamp.time
        if stamp.time is None or line is None:
            return moved
        self._now = stamp.time + moved, stamp.base
        if line.heard_until_s is not None and stamp.role is Role.SOUND and clock == line.clock:
            if (stamp.time + moved + Fraction(stamp.duration, 2)) * stamp.base < line.heard_until_s:
                return None
            line.heard_until_s = None
        return moved

    def _nearest(self, time_s: Fraction) -> int:
        """Return the recent clock on which a packet of this time is nearest to the present."""
        recent = range(max(len(self._shifts) - self.tuning.recent_clocks, 0), len(self._shifts))
        now_s = self._now[0] * self._now[1]
        return min(recent, key=lambda clock: (abs(time_s + self._shifts[clock] - now_s), -clock))

    def _ticks(self, clock: int, base: Fraction) -> int:
        return round(self._shifts[clock] / base) if clock else 0
