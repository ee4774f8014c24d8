"""Which controls a family gets, how fast a session goes, and what waits for it."""

from __future__ import annotations

import math

import pytest

from robotmeta.envs import FAMILIES, Choice, Parameter, ParameterSpace, make
from robotmeta.envs.distributions import Uniform
from robotmeta.viewing.controls import Options, Slider, controls
from robotmeta.viewing.pacer import Pacer
from robotmeta.viewing.requests import Requests
from tests.learning import short


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_can_be_set_to_any_value_of_its_tasks(family):
    space = make(family).space
    found = {control.name: control for control in controls(make(family))}
    assert list(found) == list(space.names)
    for parameter in space:
        control = found[parameter.name]
        if isinstance(control, Options):
            assert set(parameter.extremes()) <= set(control.values)
            assert [control.value(control.text(value)) for value in control.values] == list(control.values)
        else:
            low, high = parameter.bounds
            assert low <= control.low <= min(parameter.extremes())
            assert max(parameter.extremes()) <= control.high <= high
            assert control.trained == parameter.train.support
            assert 20 <= (control.high - control.low) / control.step <= 3000


def test_a_range_without_an_end_becomes_a_slider_with_ends():
    load = Parameter("load", "weight", train=Uniform(0.0, 2.0), nominal=0.0, bounds=(0.0, math.inf), unit="N")
    fixed = Parameter("fixed", "", train=Uniform(1.0, 1.0), nominal=1.0, bounds=(1.0, 1.0))
    kind = Parameter("kind", "", train=Choice((1.0, 2.0)), nominal=1.0, bounds=(1.0, 2.0))
    slider, options = controls(short(space=ParameterSpace((load, fixed, kind))))
    assert isinstance(slider, Slider)
    assert (slider.low, slider.high, slider.step) == (0.0, 4.0, pytest.approx(0.01))
    assert slider.label == "load (N)"
    assert slider.hint == "weight; trained on U(0, 2) N"
    assert slider.rounded(1.23456) == 1.23
    assert isinstance(options, Options)
    assert options.texts == ("1", "2")


def test_steps_are_due_in_real_time():
    pacer = Pacer(0.02)
    pacer.due(10.0)
    assert [pacer.due(10.0 + frame / 30) for frame in range(1, 7)] == [1, 2, 2, 1, 2, 2]
    pacer.speed = 4.0
    assert pacer.due(10.3) == 20
    assert pacer.due(100.0) == 50  # not an hour at once
    pacer.running = False
    assert pacer.due(101.0) == 0
    pacer.running = True
    assert pacer.due(101.01) == 2


def test_of_several_requests_for_the_same_the_last_one_counts():
    requests, made = Requests(), []
    for value in (1, 2, 3):
        requests.put("mass", lambda value=value: made.append(("mass", value)))
        requests.put(f"other {value}", lambda value=value: made.append(("other", value)))
    requests.fulfil()
    assert made == [("other", 1), ("other", 2), ("mass", 3), ("other", 3)]
    requests.fulfil()
    assert len(made) == 4
