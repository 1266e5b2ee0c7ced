"""The networks behind learned fields, called as one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from si_core.contract.condition import Condition
from si_core.errors import UsageError

__all__ = ["Predictor", "WrappedPredictor", "offers_divergence"]


class Predictor(nn.Module):
    """The networks behind the learned fields: one with a head for each, or one for each.

    Args:
        networks: one network whose output has shape (B, heads, *event), or one per field with outputs (B, *event).
        count: the number of fields.
        two_times: whether the networks are given a second time, as ``s=...``; unless said otherwise it is the first.
    """

    def __init__(self, networks: Sequence[nn.Module], count: int, two_times: bool = False) -> None:
        super().__init__()
        if len(networks) not in (1, count):
            raise UsageError(
                "one network for all fields, or one for each", got=f"{len(networks)} networks, {count} fields"
            )
        self.networks = nn.ModuleList(networks)
        # A loop of cheap networks feels what an index into a ModuleList costs.
        self._networks = tuple(networks)
        self.shared, self.two_times = len(networks) < count, two_times

    def forward(
        self,
        position: Tensor,
        x: Tensor,
        condition: Condition | None = None,
        indices: Sequence[int] | None = None,
        s: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """The outputs for the fields with these indices (None for all), each (B, *event).

        Args:
            position: positions in the clock of learning, shape (B,) or ().
            x: states, shape (B, *event).
            condition: what the networks are given beside, by name, or None.
            indices: which fields.
            s: second positions, of the shape of the first; None for the same.
        """
        networks = self._networks
        if self.two_times:
            second = position if s is None else s
            chosen = networks if self.shared or indices is None else [networks[i] for i in indices]
            outputs = tuple(network(position, x, condition, s=second) for network in chosen)
            if not self.shared:
                return outputs
            both: tuple[Tensor, ...] = outputs[0].unbind(1)
            return both if indices is None else tuple(both[i] for i in indices)
        if self.shared:
            heads: tuple[Tensor, ...] = networks[0](position, x, condition).unbind(1)
            return heads if indices is None else tuple(heads[i] for i in indices)
        if indices is not None:
            networks = tuple(networks[i] for i in indices)
        elif len(networks) == 1:
            return (networks[0](position, x, condition),)
        return tuple(network(position, x, condition) for network in networks)

    def behind(self, index: int) -> nn.Module:
        """The network that gives the output of this index."""
        return self._networks[0 if self.shared else index]

    def with_divergence(
        self,
        position: Tensor,
        x: Tensor,
        condition: Condition | None = None,
        indices: Sequence[int] | None = None,
        probes: Tensor | None = None,
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]] | None:
        """What :meth:`forward` gives, with the divergence of each in x; None where a network does not offer it.

        A network offers it as ``with_divergence(t, x, condition, probes)``: its output, and for each field the
        divergence, shape (B,) or (B, heads), or with probes (B, K) or (B, heads, K). One of two times is given ``s``
        beside.
        """
        networks = self._networks if self.shared or indices is None else tuple(self._networks[i] for i in indices)
        if not all(map(offers_divergence, networks)):
            return None
        second = {"s": position} if self.two_times else {}
        pairs = [network.with_divergence(position, x, condition, probes, **second) for network in networks]  # type: ignore[operator]
        if self.shared:
            ((output, divergence),) = pairs
            chosen = range(output.shape[1]) if indices is None else indices
            pairs = [(output[:, i], divergence[:, i]) for i in chosen]
        return tuple(output for output, _ in pairs), tuple(divergence for _, divergence in pairs)


class WrappedPredictor(Predictor):
    """Another way to call the networks of a predictor, which is called whole: a subclass says how in ``forward``.

    Args:
        predictor: the networks.
        count: the number of fields.
    """

    def __init__(self, predictor: Predictor, count: int) -> None:
        super().__init__(list(predictor.networks), count, predictor.two_times)
        # Not a submodule: its networks are there already. It may be compiled.
        self._whole = (predictor,)

    @property
    def whole(self) -> Predictor:
        """The predictor that is called."""
        return self._whole[0]


def offers_divergence(network: nn.Module) -> bool:
    """Whether a network has a divergence of its own; one inherited from before ``forward`` was changed is another's."""
    for attributes in (vars(network), *map(vars, type(network).__mro__)):
        if "with_divergence" in attributes or "forward" in attributes:
            return "with_divergence" in attributes
    return False
