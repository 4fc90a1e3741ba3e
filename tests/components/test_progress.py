import io
import logging

import pytest

from components import progress


class Clock:
    def __init__(self, seconds_a_look: float) -> None:
        self.now = 0.0
        self.step = seconds_a_look

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def lines_of(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, seconds_an_item: float) -> list[str]:
    monkeypatch.setattr(progress, "monotonic", Clock(seconds_an_item))
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with caplog.at_level(logging.INFO):
        assert list(progress.track_progress(range(100), total=100, label="checking")) == list(range(100))
    return caplog.messages


def test_slow_work_logs_a_line_each_tenth_with_rate_and_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(caplog, monkeypatch, seconds_an_item=2)
    assert len(lines) == 10
    assert lines[0] == "checking: 10 of 100 (10%), 0.5 a second, 03:00 left"
    assert lines[-1] == "checking: 100 of 100 (100%), 0.5 a second, 00:00 left"


def test_fast_work_logs_at_most_a_line_each_ten_seconds(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(caplog, monkeypatch, seconds_an_item=0.25)
    assert [line.split()[1] for line in lines] == ["40", "80", "100"]


def test_very_slow_work_logs_a_line_each_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(caplog, monkeypatch, seconds_an_item=25)
    assert [line.split()[1] for line in lines[:5]] == ["3", "6", "9", "10", "13"]


def test_terminal_gets_a_bar_and_no_lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    with caplog.at_level(logging.INFO):
        assert list(progress.track_progress("ab", total=2, label="checking")) == ["a", "b"]
    assert "checking: 100%" in terminal.getvalue()
    assert caplog.messages == []


def test_nothing_to_do_logs_nothing(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with caplog.at_level(logging.INFO):
        assert list(progress.track_progress([], total=0, label="checking")) == []
    assert caplog.messages == []
