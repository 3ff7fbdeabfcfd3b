"""Trees of text lines, as `herodex trace` prints them."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Node:
    """A line of text with its children."""

    text: str
    children: list["Node"] = field(default_factory=list["Node"])

    def add(self, text: str) -> "Node":
        """Add a child and return it."""
        child = Node(text)
        self.children.append(child)
        return child


def render(node: Node) -> str:
    """Render a tree as text, with lines for its branches."""
    return "\n".join([node.text, *_branches(node)]) + "\n"


def _branches(node: Node) -> Iterator[str]:
    for child in node.children:
        last = child is node.children[-1]
        yield f"{'└─' if last else '├─'} {child.text}"
        yield from (f"{'  ' if last else '│ '} {line}" for line in _branches(child))
