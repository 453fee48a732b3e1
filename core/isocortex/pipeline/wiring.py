"""Which output feeds which input, and whether the types and axes of the two fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isocortex.data.base import Data
from isocortex.errors import closest, suggestion
from isocortex.pipeline.document import Document
from isocortex.pipeline.resolve import Resolver
from isocortex.pipeline.step import SINGLE, Input, StepSchema
from isocortex.pipeline.yaml_text import Place


@dataclass(frozen=True)
class Ref:
    """An output of a step, as written: ``step`` or ``step.output``."""

    text: str
    step: str
    output: str
    type: type[Data]


@dataclass(frozen=True)
class Wire:
    """What feeds an input: one output, gathered along the axes that the consumer lacks, or a list."""

    refs: tuple[Ref, ...]
    gathered: tuple[str, ...] = ()
    by_step: bool = False


Over = Mapping[str, tuple[str, ...]]


def check_wiring(
    document: Document, schemas: Mapping[str, StepSchema], over: Over, resolver: Resolver
) -> dict[str, dict[str, Wire]]:
    """Check every ``from`` of a document; gives step -> input -> wire."""
    checker = _Checker(document, schemas, over, resolver)
    return {name: checker.step(name, schema) for name, schema in schemas.items()}


class _Checker:
    def __init__(
        self, document: Document, schemas: Mapping[str, StepSchema], over: Over, resolver: Resolver
    ) -> None:
        self.document, self.schemas, self.over, self.resolver = document, schemas, over, resolver

    def step(self, name: str, schema: StepSchema) -> dict[str, Wire]:
        """Wire all inputs of a step; what does not fit is noted as a problem."""
        place: Place = ("steps", name, "from")
        written = self.document.steps[name].from_
        if isinstance(written, str):
            if len(schema.inputs) != 1:
                inputs = ", ".join(f"{key}: step" for key in schema.inputs)
                has = (
                    f"has several inputs: write from: {{{inputs}}}"
                    if inputs
                    else "has no inputs: leave from: out"
                )
                self.fault(place, f"the step {schema.name!r} {has}")
                return {}
            written = {next(iter(schema.inputs)): written}
        wires = {}
        meant: set[str] = set()
        for key, reference in written.items():
            if key not in schema.inputs:
                meant.update(closest(key, schema.inputs))
                hint = suggestion(key, schema.inputs, "inputs")
                hint = "it is a setting: write it under with:" if key in schema.settings else hint
                self.fault((*place, key), f"the step {schema.name!r} has no input {key!r}; {hint}")
                continue
            wire = self.wire(name, schema.inputs[key], reference, (*place, key))
            if wire is not None:
                wires[key] = wire
        for key, item in schema.inputs.items():
            elsewhere = key in meant or key in self.document.steps[name].with_
            if item.required and key not in written and not elsewhere:
                self.fault(
                    ("steps", name),
                    f"the input {key!r} is missing ({item.describe()}): from: {{{key}: step}}",
                )
        return wires

    def wire(self, name: str, item: Input, reference: str | list[str], place: Place) -> Wire | None:
        """Wire one input to what its reference names; None where it does not fit."""
        texts = [reference] if isinstance(reference, str) else reference
        if not texts:
            self.fault(place, "an empty list; name at least one step")
            return None
        refs = [self.ref(text, place) for text in texts]
        known = [ref for ref in refs if ref is not None]
        if len(known) < len(refs) or not known:
            return None
        if isinstance(reference, list):
            return self.listed(name, item, known, place)
        ref = known[0]
        gathered = tuple(axis for axis in self.over[ref.step] if axis not in self.over[name])
        accepted = item.collected if gathered else item.single
        if issubclass(ref.type, accepted):
            return Wire((ref,), gathered)
        self.fault(place, self._misfit(item, ref, gathered))
        return None

    def listed(self, name: str, item: Input, refs: list[Ref], place: Place) -> Wire | None:
        """Wire one input to a list of steps, each of which gives a single result here."""
        if len({ref.text for ref in refs}) < len(refs):
            self.fault(place, "a step stands here twice")
            return None
        for ref in refs:
            gathered = [axis for axis in self.over[ref.step] if axis not in self.over[name]]
            if gathered:
                self.fault(
                    place, f"in a list, {ref.text!r} must give a single result here: add over: {gathered[0]}"
                )
                return None
            if not item.collected:
                takes = f"the input {item.name!r} takes {item.describe()}, not a list"
                self.fault(place, f"{takes}: write {item.name}: {ref.text}")
                return None
            if not issubclass(ref.type, item.collected):
                self.fault(place, self._misfit(item, ref, ("step",)))
                return None
        return Wire(tuple(refs), by_step=True)

    def _misfit(self, item: Input, ref: Ref, gathered: tuple[str, ...]) -> str:
        gives = ref.type.__name__
        gives = f"one {gives} for each {' and '.join(gathered)}" if gathered else f"a single {gives}"
        text = f"{ref.text!r} gives {gives}, but the input {item.name!r} takes {item.describe()}"
        if gathered and issubclass(ref.type, item.single):
            text += f"; add over: {', '.join(gathered)} to this step"
        elif not gathered and issubclass(ref.type, item.collected):
            text += f"; run the step {ref.step!r} along an axis (over), or write a list: [{ref.text}]"
        return text

    def ref(self, text: str, place: Place) -> Ref | None:
        """Find the output that ``step`` or ``step.output`` names; None where there is none."""
        step, dot, output = text.partition(".")
        if dot and not output:
            self.fault(place, f"{text!r} ends in a dot; write {step!r}, or step.output")
            return None
        if step not in self.document.steps:
            self.fault(place, f"there is no step {step!r}; {suggestion(step, self.document.steps, 'steps')}")
            return None
        if step not in self.schemas:
            return None
        outputs = self.schemas[step].outputs
        if not output and len(outputs) > 1:
            self.fault(
                place,
                f"{step!r} has several outputs; write one of {', '.join(f'{step}.{o}' for o in outputs)}",
            )
            return None
        output = output or next(iter(outputs))
        if output not in outputs:
            has = (
                f"it gives a single {outputs[SINGLE].__name__}: write {step!r} alone"
                if SINGLE in outputs
                else suggestion(output, outputs, "outputs")
            )
            self.fault(place, f"{step!r} has no output {output!r}; {has}")
            return None
        return Ref(text, step, output, outputs[output])

    def fault(self, place: Place, message: str) -> None:
        """Note a problem at a place of the document."""
        self.resolver.fault(place, message)
