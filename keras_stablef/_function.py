"""`Function`: one f with its derivatives, as an op sees it."""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from ._autodiff import Body
    from .generator.numbers.floats import FloatFormat
    from .generator.pieces.cover import AnyPlan


class Function(ABC):
    """f, f', f'' for every format: shipped, or derived when asked for.

    Attributes:
        name, expression, domain: what f is.
        key: tells functions apart; two that were derived may share a name.
        compute: the dtype each format is computed in.
        storage: the dtype that holds each of them.
        rounding: what rounding does that a cast to the storage does not.
        bodies: by dtype that is computed in itself, then by order.
        bounds: proved, in ulp, by format, then by order.
        config: what a saved op has to say beside the name.
        outside: "nan", or "clip": see `stabilize`.
        text: of a module of every order that is there; "" if none is.
    """

    name: str
    expression: str
    domain: tuple[str, str]
    key: str
    compute: Mapping[str, str]
    storage: Mapping[str, str]
    rounding: Mapping[str, Mapping[str, Any]]
    bodies: Mapping[str, Sequence[Body]]
    bounds: Mapping[str, Sequence[float]]
    config: Mapping[str, Any]
    outside: str = "nan"
    text: str = ""

    @property
    def orders(self) -> int:
        """How many derivatives have plans, f itself included."""
        return len(next(iter(self.bodies.values())))

    @property
    @abstractmethod
    def formats(self) -> Mapping[str, FloatFormat]:
        """What it serves; loads the generator."""

    @abstractmethod
    def plan(self, dtype: str, order: int) -> AnyPlan:
        """What shipped, or else kept or derived; loads the generator."""

    @abstractmethod
    def twin(self, dtype: str, order: int) -> Body | None:
        """What computes a body's result in float64; None if nothing does."""

    @abstractmethod
    def kernel(self, dtype: str, order: int) -> tuple[Any, Sequence[Any]]:
        """The Triton kernel of a body, and the tables it looks up in.

        Raises:
            ImportError: there is no Triton.
        """

    @abstractmethod
    def claims(self, dtype: str, order: int) -> dict[str, Any]:
        """The certificate, and in it the plans; see `StableOp.certificate`."""
