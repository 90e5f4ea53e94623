"""What all schemas are made of: the base of a node, and the types of its values."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticUndefined

__all__ = [
    "Amount", "Count", "Free", "Node", "Positive", "Probability", "Seconds", "Seed", "Target", "Text", "Variable",
]  # fmt: skip

Probability = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**64)]


class Node(BaseModel):
    """A node of the config; ``required`` names the keys that must be there."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)
    required: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Make every other key one that may be left out, and these not, whatever they are in the class above."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.model_fields.items():
            if name in cls.required:
                info.default = PydanticUndefined
            elif info.is_required():
                info.default = None
        cls.model_rebuild(force=True)


class Target(Node):
    """A node that names the class it is handed to."""

    required = frozenset({"target"})
    target: str = Field(alias="_target_", min_length=1)


class Free(Target):
    """A class of the user's own: its signature is the schema."""

    model_config = ConfigDict(extra="allow")
