"""A live call drawn on a terminal: scrolling turns, and one line that never outgrows it."""

from __future__ import annotations

import pytest

from agentvoice.cli.call_screen import (
    DIM,
    ERASE_LINE,
    GREEN,
    REDRAW_BLOCKS,
    RESET,
    CallScreen,
    cell_width,
    clipped,
    tail,
)
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.leg import AgentChanged, CallStatus, ItemChanged, StatusChanged

HINT = "space interrupt, q hang up"


class Terminal:
    """What was written, and what a person sees of it."""

    def __init__(self, columns: int = 100) -> None:
        self.columns = columns
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text

    @property
    def lines(self) -> list[str]:
        """The lines as they are after all erasing; the last one holds the cursor."""
        shown = [line.rsplit(ERASE_LINE, 1)[-1] for line in self.written.split("\n")]
        return [line.replace(GREEN, "").replace(DIM, "").replace(RESET, "") for line in shown]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def screen(terminal: Terminal) -> CallScreen:
    return CallScreen(terminal.write, lambda: terminal.columns, hint=HINT)


def message(text: str, status: ItemStatus, role: Role = Role.AGENT) -> ItemChanged:
    return ItemChanged(Item("1" * 32, 0, ItemKind.MESSAGE, role, "ada", text, status))


def test_the_line_says_what_the_call_does(screen: CallScreen, terminal: Terminal):
    """Status, level, and the keys while nobody is heard."""
    screen.show(StatusChanged(CallStatus.LISTENING))
    assert terminal.lines == [f"listening     [----------]  {HINT}"]


def test_the_meter_shows_the_loudest_of_some_blocks(screen: CallScreen, terminal: Terminal):
    """It is drawn once for so many blocks; the next time it begins anew."""
    for _ in range(REDRAW_BLOCKS - 1):
        screen.level(-33, True)
    assert terminal.written == ""
    screen.level(-96, True)
    assert "[#####-----]" in terminal.lines[-1]
    for _ in range(REDRAW_BLOCKS):
        screen.level(-96, True)
    assert "[----------]" in terminal.lines[-1]


def test_a_closed_microphone_is_shown_at_once(screen: CallScreen, terminal: Terminal):
    """Muted or gated: the meter gives way to words, whatever its turn."""
    screen.level(-20, False)
    assert "[ mic off  ]" in terminal.lines[-1]
    terminal.columns = 40
    screen.level(-20, True)
    assert "[###-]" in terminal.lines[-1]
    screen.level(-20, False)
    assert "[off ]" in terminal.lines[-1]


def test_what_is_said_now_is_in_the_line_and_then_above_it(screen: CallScreen, terminal: Terminal):
    """A growing turn shows its end; a finished one becomes a line of the transcript."""
    screen.show(AgentChanged("ada", "Ada"))
    screen.show(StatusChanged(CallStatus.SPEAKING))
    screen.show(message("That is", ItemStatus.IN_PROGRESS))
    assert terminal.lines[-1].endswith("]  Ada: That is")
    screen.show(message("That is easy.", ItemStatus.COMPLETED))
    assert terminal.lines[:-1] == ["— Ada is on the call —", "Ada: That is easy."]
    assert terminal.lines[-1].endswith(HINT)


def test_the_caller_is_named_you(screen: CallScreen, terminal: Terminal):
    """A growing turn of the caller too."""
    screen.show(message("Hello", ItemStatus.IN_PROGRESS, Role.USER))
    assert terminal.lines[-1].endswith("you: Hello")


def test_listening_forgets_what_was_said(screen: CallScreen, terminal: Terminal):
    """A turn that came to nothing does not stay."""
    screen.show(message("Um", ItemStatus.IN_PROGRESS))
    screen.show(StatusChanged(CallStatus.LISTENING))
    assert terminal.lines[-1].endswith(HINT)


def test_what_comes_from_outside_cannot_steer_the_terminal(screen: CallScreen, terminal: Terminal):
    """Control characters in a turn or a name are spaces."""
    screen.show(AgentChanged("ada", "A\x1b[2Jda"))
    screen.show(message("a\x1b]0;title\x07b\r\n", ItemStatus.IN_PROGRESS))
    assert set(terminal.written.replace(ERASE_LINE, "")) & {"\x1b", "\x07", "\r"} == set()


@pytest.mark.parametrize("colours", [False, True])
@pytest.mark.parametrize("columns", [1, 2, 10, 20, 39, 40, 59, 61, 200])
def test_the_line_is_narrower_than_the_terminal(columns: int, colours: bool):
    """Whatever is said, in characters of any width, with colours or without."""
    terminal = Terminal(columns)
    screen = CallScreen(terminal.write, lambda: columns, hint=HINT, colours=colours)
    screen.show(StatusChanged(CallStatus.SPEAKING))
    screen.level(-20, True)
    screen.show(message("你好，世界。" * 40, ItemStatus.IN_PROGRESS))
    assert sum(map(cell_width, terminal.lines[-1])) < columns


def test_a_narrow_terminal_keeps_room_for_words(screen: CallScreen, terminal: Terminal):
    """The meter is short there, and what is said last stays in sight."""
    terminal.columns = 40
    screen.show(message("one two three four five six seven", ItemStatus.IN_PROGRESS))
    assert terminal.lines[-1] == "connecting    [----]  …r five six seven"


def test_colours_are_only_where_they_are_wanted():
    """The meter is green and the keys are dim, or the text is plain: NO_COLOR."""
    plain, coloured = Terminal(), Terminal()
    for terminal, colours in ((plain, False), (coloured, True)):
        screen = CallScreen(terminal.write, lambda: 100, hint=HINT, colours=colours)
        screen.level(-20, False)
        screen.level(-20, True)
    assert plain.lines == coloured.lines
    assert "\x1b" not in plain.written.replace(ERASE_LINE, "")
    assert f"{GREEN}#######{RESET}---" in coloured.written
    assert f"{DIM}{HINT}{RESET}" in coloured.written


def test_closing_leaves_an_empty_line(screen: CallScreen, terminal: Terminal):
    """What the command says next begins there; later updates only add lines."""
    screen.show(StatusChanged(CallStatus.LISTENING))
    screen.close()
    screen.close()
    screen.show(StatusChanged(CallStatus.ENDED))
    assert terminal.lines == [""]


@pytest.mark.parametrize(
    ("line", "columns", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("你好", 3, "你"),
        ("e\u0301a", 1, "e\u0301"),
        (f"{GREEN}abc{RESET}", 2, f"{GREEN}ab{RESET}"),
        ("abc", -1, ""),
    ],
)
def test_lines_are_clipped_by_columns(line: str, columns: int, shown: str):
    """Wide characters take two, marks none, colours none."""
    assert clipped(line, columns) == shown


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "…cd"), ("你好吗", 4, "…吗"), ("abc", -5, "…")],
)
def test_the_tail_of_a_text_is_its_end(text: str, columns: int, shown: str):
    """What was said last is what is shown."""
    assert tail(text, columns) == shown
