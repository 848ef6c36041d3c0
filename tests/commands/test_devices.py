"""`mien devices` and the cameras of `mien doctor` in a terminal: a device names itself, and may name itself anything."""

import pytest

from mien.commands.main import main
from mien.media.capture import devices
from mien.media.capture.devices import CameraDevice


@pytest.mark.parametrize("command", ["devices", "doctor"])
def test_a_name_of_a_device_does_not_reach_the_terminal_as_a_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(devices, "list_cameras", lambda *_: [CameraDevice("0\x1b[2J", "cam\x1b]0;title\x07")])
    main([command])
    said = capsys.readouterr().out
    assert "cam" in said
    assert "\x1b" not in said
