"""A tree of lines, as `herodex trace` prints it."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Node:
    """One line, and what hangs under it."""

    text: str
    children: "list[Node]" = field(default_factory=list)

    def add(self, text: str) -> "Node":
        """Hang another line under this one; returns it."""
        child = Node(text)
        self.children.append(child)
        return child


def render(node: Node) -> str:
    """Draw a tree with the lines of its branches."""
    return "\n".join([node.text, *_branches(node)]) + "\n"


def _branches(node: Node) -> Iterator[str]:
    for child in node.children:
        last = child is node.children[-1]
        yield f"{'└─' if last else '├─'} {child.text}"
        yield from (f"{'  ' if last else '│ '} {line}" for line in _branches(child))
