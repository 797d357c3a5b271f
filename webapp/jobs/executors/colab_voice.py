"""Hears the notebook through Google's tool, which puts lines of its own between what is printed."""

_OWN_LINE = "[colab] "


class Voice:
    """Takes the tool's own lines out of what the notebook prints."""

    def __init__(self) -> None:
        self._begun, self._line = False, ""

    def without_tool(self, text: str) -> str:
        """What the notebook said of it; the beginning of a line that may be the tool's is kept back."""
        self._line += text
        said = ""
        while self._line:
            line, newline, rest = self._line.partition("\n")
            own = line.startswith(_OWN_LINE)
            if not newline and (own or _OWN_LINE.startswith(line) or not self._begun):
                break
            if self._begun and not own:
                said += line + newline
            # Before its first cell it may also speak of updates.
            self._begun = self._begun or line.startswith(f"{_OWN_LINE}Executing cell")
            self._line = rest
            if not newline:
                break
        return said
