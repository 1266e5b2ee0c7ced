"""The accelerator of a model: how its networks are called in sampling, and whether the steps are recorded.

It has a say in samples alone: fields, and with them likelihoods and all else that estimators compute of fields, stay in
the precision of the weights. Estimators that compare samples draw them as sampling does, for that is what they measure.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor, nn

from si_core.contract.condition import Condition
from si_core.contract.integrator import Integrator
from si_core.contract.runtime import Precision, Runtime
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.predictor import Predictor
from si_core.models.acceleration.cuda import CudaRecorder
from si_core.models.acceleration.identity import Same, condition_key, method_key, networks_key, process_key, tensor_key
from si_core.models.acceleration.loops import Loop, RecordedIntegrator
from si_core.models.acceleration.lowered import lower_dtype
from si_core.models.acceleration.networks import SamplingNetwork, has_convolutions, with_predictor
from si_core.models.acceleration.recent import Recent
from si_core.models.acceleration.recorder import Recorder
from si_core.transport.transport import Transport

if TYPE_CHECKING:
    from si_core.models.model import Model

__all__ = ["Accelerator"]

_log = logging.getLogger(__name__)

_SETTINGS, _LOOPS = 4, 8
"""How many problems are kept, and recorded loops of each."""


class _Setting:
    """A problem for states of one form, with conditions at a fixed place in memory."""

    def __init__(self, model: Model, condition: Condition | None) -> None:
        self._condition = condition and {name: values.clone() for name, values in condition.items()}
        self._transport = model.transport(condition=self._condition)
        self.loops: Recent[Loop] = Recent(_LOOPS)

    def conditioned(self, condition: Condition | None) -> Transport:
        """The problem, given conditions of the same form."""
        if self._condition and condition:
            for name, values in self._condition.items():
                values.copy_(condition[name])
        return self._transport

    def close(self) -> None:
        self.loops.close()


class Accelerator:
    """How a model is sampled fast.

    Args:
        precision: of the networks: ``full``, that of their weights, or ``bfloat16``, for matrix products and
            convolutions. States, scalars and noise stay in the precision of the states, and so does the last denoising
            step.
        channels_last: whether networks with convolutions see images with their channels last.
        compile: whether networks are compiled by ``torch.compile``.
        graph: whether the steps are recorded as a CUDA graph and replayed, for methods that are not adaptive. Replays
            give the same samples bit for bit, which is checked. ``auto``: on CUDA devices, for networks; True: also for
            fields that are functions, which must then depend on their arguments alone; and say so where it can't be.
        recorder: what records; CUDA graphs by default.

    Raises:
        UsageError: an unknown option.
    """

    def __init__(
        self,
        precision: Precision = "full",
        channels_last: bool = False,
        compile: bool = False,  # noqa: A002
        graph: bool | Literal["auto"] = False,
        recorder: Recorder | None = None,
    ) -> None:
        if precision not in get_args(Precision):
            raise UsageError("unknown precision", got=repr(precision), allowed=", ".join(get_args(Precision)))
        if graph not in (True, False, "auto"):
            raise UsageError("unknown choice of graph", got=repr(graph), allowed="True, False, auto")
        self.precision, self.channels_last, self.compile, self.graph = precision, channels_last, compile, graph
        self._recorder: Recorder = recorder or CudaRecorder()
        self._settings: Recent[_Setting] = Recent(_SETTINGS)
        self._networks: tuple[Hashable, Predictor] | None = None
        self._last: tuple[Hashable, Transport] | None = None
        self._noted: set[str] = set()

    def on(self, runtime: Runtime) -> Accelerator:
        """The accelerator with the precision and the compilation that a runtime asks for; itself where it does not."""
        precision = self.precision if runtime.precision is None else runtime.precision
        compiled = self.compile if runtime.compile is None else runtime.compile
        if (precision, compiled) == (self.precision, self.compile):
            return self
        return Accelerator(precision, self.channels_last, compiled, self.graph, self._recorder)

    def __reduce__(self) -> tuple[Any, ...]:
        # What is recorded belongs to this process and these weights.
        return Accelerator, (self.precision, self.channels_last, self.compile, self.graph)

    def __repr__(self) -> str:
        return (
            f"Accelerator(precision={self.precision!r}, channels_last={self.channels_last}, compile={self.compile}, "
            f"graph={self.graph!r})"
        )

    def problem(self, model: Model, x: Tensor, condition: Condition | None) -> tuple[Transport, Integrator]:
        """The initial value problem of sampling and the method to solve it by.

        Args:
            model: the model.
            x: the initial states.
            condition: their conditions, or None.
        """
        original = model.fields
        fields = self._fields(model.unguided or original)
        if fields is not (model.unguided or original):
            model = replace(model, fields=fields, unguided=None).with_guidance(model.guidance)
            if model.guidance and original.condition:
                model = replace(model, fields=model.fields.conditioned(original.condition))
        if not self._records(model, x):
            return self._conditioned(model, condition), model.integrator
        setting = self._settings.get(
            (Same(original), *self._form(model), tensor_key(x), condition_key(condition)),
            lambda: _Setting(model, condition),
        )
        method = RecordedIntegrator(model.integrator, setting.loops, self._recorder, self._note)
        return setting.conditioned(condition), method

    def _conditioned(self, model: Model, condition: Condition | None) -> Transport:
        """The problem given conditions, with the scalars of the last one, where that was the same."""
        key = (Same(model.fields), *self._scalars(model))
        if self._last is None or self._last[0] != key:
            self._last = key, model.transport()
        problem = self._last[1]
        return problem.conditioned(condition) if condition else problem

    def release(self) -> None:
        """Give back the memory of recordings; they are made again when they are needed."""
        self._settings.close()

    def _form(self, model: Model) -> tuple[Hashable, ...]:
        """What a recorded problem depends on beside the fields and the form of the states."""
        predictor = getattr(model.fields, "predictor", None)
        return *self._scalars(model), networks_key(predictor) if isinstance(predictor, nn.Module) else None

    @staticmethod
    def _scalars(model: Model) -> tuple[Hashable, ...]:
        """What the scalars of a problem depend on beside the fields."""
        level = model.epsilon if isinstance(model.epsilon, int | float) else Same(model.epsilon)
        return (
            level,
            model.start,
            model.stop,
            model.clock,
            model.freeze,
            process_key(model.process),
        )

    def plain(self, device: torch.device) -> bool:
        """Whether networks and method are called as they are on a device: neither compiled nor recorded."""
        return not self.compile and (self.graph is False or not self._recorder.records(device))

    def _records(self, model: Model, x: Tensor) -> bool:
        """Whether to try; why not is said where recording was asked for."""
        if self.graph is False:
            return False
        why = None
        if not self._recorder.records(x.device):
            why = f"CUDA graphs need a CUDA device, and the states are on {x.device}"
        elif model.guidance:
            why = "guided fields may keep what they make of conditions, and recorded steps would go on with it"
        elif model.integrator.adaptive:
            why = f"{type(model.integrator).__name__} chooses its steps by what it finds"
        elif method_key(model.integrator) is None:
            why = f"options of {type(model.integrator).__name__} can't be compared"
        elif self.graph == "auto" and not isinstance(getattr(model.fields, "predictor", None), nn.Module):
            return False
        if why is not None and self.graph is True:
            self._note(f"sample.graph: the steps are not recorded, and run one by one as ever: {why}")
        return why is None

    def _fields(self, fields: Fields) -> Fields:
        """The fields with their networks as sampling calls them."""
        if self.precision == "full" and not self.channels_last and not self.compile:
            return fields
        found = with_predictor(fields, self._predictor)
        if found is None:
            self._note("sample.precision, sample.channels_last and sample.compile are for networks: there are none")
        return found or fields

    def _predictor(self, predictor: Predictor, count: int) -> Predictor:
        key = (Same(predictor), networks_key(predictor))
        if self._networks is None or self._networks[0] != key:
            dtype = lower_dtype(self.precision)
            last = self.channels_last and has_convolutions(predictor)
            if self.channels_last and not last:
                self._note("sample.channels_last: the networks have no convolutions of images")
            if dtype is None and not last and not self.compile:
                return predictor
            networks = [
                SamplingNetwork(network, dtype, last, self.compile, self._note) for network in predictor.networks
            ]
            self._networks = key, Predictor(networks, count)
        for network in self._networks[1].networks:
            if isinstance(network, SamplingNetwork):
                network.refresh()
        return self._networks[1]

    def _note(self, text: str) -> None:
        """Say something once."""
        if text not in self._noted:
            self._noted.add(text)
            _log.warning("%s", text)
