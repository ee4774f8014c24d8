# The package is optional, and it has no types for most of what we use.
from typing import Any

def __getattr__(name: str) -> Any: ...
