import numpy as np
import pytest

from mien.media.files.voice_disguise import TUNING, Disguise, VoiceDisguise, random_disguise
from mien.types import Array, Floats

_RATE = 16_000
_FORMANTS = ((700.0, 90.0, 1.0), (1220.0, 110.0, 0.6), (2600.0, 160.0, 0.3))
"""Frequency, width in hertz and strength of the vowel's resonances."""


def _vowel(pitch: float, seconds: float = 2.0) -> Floats:
    """Return a steady vowel, float32 (1, n)."""
    time = np.arange(round(seconds * _RATE)) / _RATE
    sound = np.zeros(len(time))
    for number in range(1, int(6000 / pitch)):
        strength = sum(share / (1 + ((number * pitch - at) / width) ** 2) for at, width, share in _FORMANTS)
        sound += strength * np.sin(2 * np.pi * number * pitch * time + 0.3 * number**2)
    return np.asarray(0.3 * sound / np.abs(sound).max(), np.float32)[None]


def _disguised(sound: Floats, disguise: Disguise, piece: int = 1000) -> Floats:
    voice = VoiceDisguise(_RATE, len(sound), disguise)
    pieces = [voice.push(sound[:, start : start + piece]) for start in range(0, sound.shape[1], piece)]
    return np.concatenate([*pieces, voice.finish()], axis=1)


def _pitch(sound: Floats, near: float) -> float:
    """Return the pitch within a quarter of `near`: two periods are as alike as one."""
    middle = sound[0, 8000:16192]
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 4 * len(middle))) ** 2
    periodic = np.fft.irfft(power)
    shortest = int(_RATE / near / 1.25)
    return _RATE / (shortest + int(periodic[shortest : int(_RATE / near * 1.25)].argmax()))


def _envelope(sound: Floats) -> Array:
    cuts = np.stack([sound[0, start : start + 1024] for start in range(8000, 20_000, 256)])
    magnitudes = np.abs(np.fft.rfft(cuts * np.hanning(1024), axis=1)).mean(axis=0)
    cepstrum = np.fft.irfft(np.log(magnitudes + 1e-9))
    cepstrum[24:-24] = 0
    return np.asarray(np.fft.rfft(cepstrum).real)


def _formant_shift(before: Floats, after: Floats) -> float:
    """Return the factor by which the envelope of `after` is that of `before`, stretched."""
    old, new, bins = _envelope(before), _envelope(after), np.arange(12, 220)
    factors = np.arange(0.7, 1.45, 0.01)
    alike = [np.corrcoef(np.interp(bins / factor, np.arange(len(old)), old), new[bins])[0, 1] for factor in factors]
    return float(factors[int(np.argmax(alike))])


@pytest.mark.parametrize(("pitch", "formants"), [(1.3, 1.15), (1 / 1.3, 1 / 1.15), (1.0, 1.15), (1.3, 1.0)])
def test_pitch_and_formants_move_each_by_its_own_factor(pitch: float, formants: float) -> None:
    sound = _vowel(125.0)
    found = _disguised(sound, Disguise(pitch, formants, seed=1, wander=0.0))
    assert _pitch(found, 125.0 * pitch) == pytest.approx(125.0 * pitch, rel=0.02)
    assert _formant_shift(sound, found) == pytest.approx(formants, abs=0.07)


@pytest.mark.parametrize(
    ("length", "piece"), [(0, 1), (1, 1), (511, 1), (7, 160), (511, 160), (4096, 160), (32_001, 160), (32_001, 40_000)]
)
def test_as_many_samples_come_out_as_went_in(length: int, piece: int) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, (2, length)).astype(np.float32)
    assert _disguised(sound, Disguise(1.2, 1.1, seed=1), piece).shape == sound.shape


def test_pieces_do_not_change_the_sound() -> None:
    sound, disguise = _vowel(125.0, 1.0), Disguise(0.8, 0.9, seed=5)
    np.testing.assert_array_equal(_disguised(sound, disguise, 333), _disguised(sound, disguise, 16_000))


def test_a_click_keeps_its_time_and_silence_stays_silent() -> None:
    sound = np.zeros((1, _RATE), np.float32)
    sound[0, 6000] = 1.0
    found = _disguised(sound, Disguise(1.3, 1.15, seed=1))
    assert abs(int(np.abs(found).argmax()) - 6000) < 0.01 * _RATE
    assert np.abs(found[:, :4000]).max() < 1e-4
    assert np.abs(found[:, 8000:]).max() < 1e-4


def test_the_sound_stays_about_as_loud() -> None:
    sound = _vowel(125.0)
    for disguise in (Disguise(1.4, 1.2, seed=1), Disguise(0.7, 0.84, seed=1)):
        found = _disguised(sound, disguise)
        assert 0.75 < float(found.std() / sound.std()) < 1.25
        assert np.isfinite(found).all()


def test_both_channels_are_disguised() -> None:
    sound = np.concatenate([_vowel(125.0), _vowel(160.0)])
    found = _disguised(sound, Disguise(1.25, 1.1, seed=1, wander=0.0))
    assert _pitch(found[:1], 156.25) == pytest.approx(156.25, rel=0.02)
    assert _pitch(found[1:], 200.0) == pytest.approx(200.0, rel=0.02)


def test_no_two_runs_are_alike_and_the_shift_wanders() -> None:
    many = [random_disguise() for _ in range(40)]
    assert len({each.seed for each in many}) == 40
    assert {each.pitch > 1 for each in many} == {True, False}
    for each in many:
        assert TUNING.pitch[0] <= max(each.pitch, 1 / each.pitch) <= TUNING.pitch[1]
        assert TUNING.formants[0] <= max(each.formants, 1 / each.formants) <= TUNING.formants[1]
        assert (each.pitch > 1) == (each.formants > 1)
    sound, fixed = _vowel(125.0, 1.0), Disguise(1.25, 1.1, seed=3)
    assert not np.allclose(_disguised(sound, fixed), _disguised(sound, Disguise(1.25, 1.1, seed=4)))
    np.testing.assert_array_equal(_disguised(sound, fixed), _disguised(sound, fixed))


def test_what_is_held_back_is_bounded() -> None:
    voice, given = VoiceDisguise(_RATE, 1, Disguise(1.2, 1.1, seed=1)), 0
    for taken in range(1, 60):
        given += voice.push(np.zeros((1, 1600), np.float32)).shape[1]
        assert taken * 1600 - given < 0.15 * _RATE
