"""Microphones through ALSA, and the times of their sound."""

import time
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from mien.contracts import SoundSource
from mien.errors import SourceLost, UsageError
from mien.media.capture.microphone import Microphone, SoundClock


@pytest.fixture
def alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A microphone named `tone` that hears a ramp, by ALSA's own plug-in for files; gives the samples."""
    if "alsa" not in av.formats_available:
        pytest.skip("NO MICROPHONE TESTED: this PyAV has no ALSA")
    ramp = (np.arange(48_000) % 20_000).astype("<i2")
    heard = tmp_path / "tone.raw"
    ramp.tofile(heard)
    config = tmp_path / "alsa.conf"
    tone = f'pcm.tone {{ type file slave.pcm nothing file "/dev/null" infile "{heard}" format "raw" }}'
    config.write_text(f"{tone}\npcm.nothing {{ type null }}\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    return ramp


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (48_000, 2), (44_100, 1)])
def test_a_microphone_is_read_through_alsa(alsa: np.ndarray, rate: int, channels: int) -> None:
    with Microphone("tone", rate=rate, channels=channels) as source:
        assert isinstance(source, SoundSource)
        assert (source.rate, source.channels) == (rate, channels)
        begin_s = time.monotonic()
        sounds = [source.read() for _ in range(12)]
        assert begin_s - 0.1 < time.monotonic()
        source.stop()
        assert source.read() is None
    heard = [sound for sound in sounds if sound is not None]
    assert len(heard) == len(sounds)
    for sound in heard:
        assert sound.rate == rate
        assert sound.samples.shape[1] == channels
        assert 0.02 * rate <= len(sound.samples) < 0.04 * rate
        assert abs(sound.time_s - begin_s) < 60, "one clock"
    # A busy machine may hold the device up, which moves the clock on; sound never overlaps.
    gaps = [after.time_s - before.time_s - len(before.samples) / rate for before, after in pairwise(heard)]
    assert min(gaps) > -0.001
    assert min(gaps) < 0.001
    if channels == 1:
        # The samples are those of the ramp, one after the other, none left out.
        samples = np.concatenate([heard[0].samples, heard[1].samples])[:, 0] * 32768
        assert set(np.round(np.diff(samples))) <= {1.0, -19_999.0}


def test_a_microphone_that_is_not_there_is_told(alsa: np.ndarray) -> None:
    with pytest.raises(SourceLost, match="the microphone none cannot be opened: it is not there, or is used") as caught:
        Microphone("none").__enter__()
    assert caught.value.remedy


@pytest.mark.parametrize("options", [{"channels": 3}, {"rate": 10}])
def test_a_microphone_of_no_use_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Microphone("default", **options)  # type: ignore[arg-type]


def test_stretches_of_sound_follow_each_other_however_they_arrive() -> None:
    random = np.random.default_rng(1)
    # A clock that is 200 ppm fast, arrivals up to 40 ms late, ten minutes long.
    clock, length_s = SoundClock(48_000), 0.02 / 1.0002
    errors: list[float] = []
    steps: list[float] = []
    end_s: float | None = None
    for number_ in range(30_000):
        true_s = 5 + number_ * length_s
        stamped = clock.stamp(true_s + length_s + random.uniform(0, 0.04), 960)
        errors.append(stamped - true_s)
        steps.append(0 if end_s is None else stamped - end_s)
        end_s = stamped + 0.02
    assert np.abs(steps).max() <= 0.0001 + 1e-9
    assert np.min(errors) > -0.005
    assert np.max(errors) < 0.045
    # Settled: what is left is the mean lateness, and it does not wander.
    assert np.ptp(errors[3000:]) < 0.02


def test_after_a_gap_the_arrival_decides() -> None:
    clock = SoundClock(48_000)
    assert clock.stamp(10.02, 960) == pytest.approx(10.0)
    assert clock.stamp(10.04, 960) == pytest.approx(10.02)
    assert clock.stamp(15.02, 960) == pytest.approx(15.0)
