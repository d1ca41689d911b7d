"""Memory that Python fills and the core reads."""

from typing import final

@final
class Memory:
    """Bytes, zeros at first."""

    def __new__(cls, length: int) -> Memory:
        """Take so many bytes of memory."""

    def view(self) -> memoryview:
        """All of it, to be written; released before the object goes.

        Nobody may write to it while a job hashes it.
        """

    def part(self, start: int) -> Memory:
        """The same memory from a byte of it on.

        Raises:
            ValueError: It has no such byte.
        """

    def __len__(self) -> int:
        """How many bytes it has."""
