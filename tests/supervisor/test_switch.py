"""Who may turn a device on and off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.supervisor.switch import Hand, Switch

ON, OFF = True, False
CONFIG, HOST, OPERATOR = Hand.CONFIG, Hand.HOST, Hand.OPERATOR


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([], ON),
        ([(OFF, OPERATOR)], OFF),
        ([(OFF, HOST)], OFF),
        ([(OFF, OPERATOR), (ON, HOST)], OFF),
        ([(OFF, HOST), (OFF, OPERATOR), (ON, HOST)], OFF),
        ([(OFF, OPERATOR), (OFF, HOST), (ON, HOST)], OFF),
        ([(OFF, OPERATOR), (OFF, HOST), (ON, OPERATOR)], ON),
        ([(OFF, HOST), (ON, HOST)], ON),
        ([(OFF, HOST), (ON, OPERATOR)], ON),
        ([(ON, OPERATOR), (OFF, HOST)], OFF),
        ([(OFF, CONFIG), (ON, HOST)], ON),
        ([(OFF, CONFIG), (ON, OPERATOR)], ON),
        ([(OFF, CONFIG), (OFF, OPERATOR), (ON, HOST)], OFF),
        ([(OFF, CONFIG), (OFF, HOST), (ON, CONFIG)], OFF),
    ],
)
def test_turns(turns, expected):
    switch = Switch()
    for on, by in turns:
        switch = switch.turned(on, by)
    assert switch.on is expected


SWITCHES = st.builds(Switch, st.frozensets(st.sampled_from(Hand)))


@given(SWITCHES, st.sampled_from(Hand))
def test_anybody_can_turn_it_off(switch, hand):
    assert not switch.turned(OFF, hand).on


@given(SWITCHES)
def test_an_operator_can_always_turn_it_on(switch):
    assert switch.turned(ON, OPERATOR).on


@given(SWITCHES, st.lists(st.tuples(st.booleans(), st.sampled_from([HOST, CONFIG]))))
def test_what_an_operator_turned_off_nobody_else_turns_on(switch, turns):
    switch = switch.turned(OFF, OPERATOR)
    for on, by in turns:
        switch = switch.turned(on, by)
    assert not switch.on
