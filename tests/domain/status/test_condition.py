"""What is said of every situation that an instance can be in, and that word, sentence and outlook go together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from system_service.domain.monit.check import why_down
from system_service.domain.status import explain
from system_service.domain.status.condition import Condition, condition
from system_service.domain.status.report import detail, status
from system_service.model.feature import AdminState, Feature, Instance, Mode
from system_service.model.handover_reasons import SAME_VERSION, TWO_PODS
from system_service.model.snapshot import (
    Active,
    Container,
    FeatureState,
    Host,
    InstanceState,
    Notes,
    Run,
    Snapshot,
    Unit,
)

TOLD = Path(__file__).with_name("conditions.json")
STATES = (AdminState.ENABLED, AdminState.DISABLED)
SUBS = {Active.ACTIVATING: ("start-pre", "auto-restart")}
ONE, OTHER = (Container(letter * 64, f"k8s_{letter}", Run.RUNNING) for letter in "12")
# Its pods, and the one of them that runs it.
PODS = (((), None), ((ONE,), None), ((ONE,), ONE), ((ONE, OTHER), None), ((ONE, OTHER), ONE))
# Whether it is in Kubernetes alone, whether it has no image here, and the local container's states then.
IMAGES = ((False, False, tuple(Run)), (True, False, (Run.ABSENT,)), (False, True, (Run.ABSENT,)))
NOTES = (Notes(), Notes(SAME_VERSION), Notes(TWO_PODS))
UNINSTALL = Notes(todo="uninstall")


def units() -> Iterator[Unit | None]:
    """None: systemd was not asked. One that does not exist, and one in each of its states, masked or not."""
    yield from (None, Unit("snmp.service"))
    for active, masked in product(Active, ("", "masked")):
        for sub in SUBS.get(active, (active.value,)):
            yield Unit("snmp.service", True, active, sub, masked, "exit-code" if active is Active.FAILED else "")


def situations() -> Iterator[FeatureState]:
    """Every one that `observe` can show, of one instance each."""
    for state, mode, fallback, (only, bare, runs) in product(STATES, Mode, (True, False), IMAGES):
        feature = Feature("snmp", state, mode=mode, fallback=fallback)
        notes = (*NOTES, UNINSTALL) if only else NOTES
        for run, unit, (pods, serving), own in product(runs, units(), PODS, notes):
            container = None if run is Run.ABSENT else Container("0" * 64, "snmp", run, "docker-snmp:1")
            seen = InstanceState(Instance("snmp", "", "snmp.service", "snmp"), container, unit, pods, serving)
            yield FeatureState(feature, (seen,), {}, own, only, bare)


def outlook(feature: FeatureState) -> str:
    (instance,) = feature.instances
    return "; ".join(explain.outlook(Snapshot(Host(systemd=instance.unit is not None), (feature,)), feature, instance))


def test_every_condition_has_its_word_its_sentence_and_its_outlook() -> None:
    """conditions.json has them for each condition, and in how many situations they are told together.

    Where another is meant, it is written into that file: `python -m tests.domain.status.test_condition`.
    """
    found = told()
    assert found == json.loads(TOLD.read_text())
    assert set(found) == {one.value for one in Condition}
    assert all(all(outlooks) for words in found.values() for said in words.values() for outlooks in said.values())


def test_check_which_asks_no_unit_says_the_same_as_where_it_is_up() -> None:
    compared = {True: 0, False: 0}
    for feature in situations():
        (instance,) = feature.instances
        up = instance.unit is not None and instance.unit.active is Active.ACTIVE
        if not up or feature.spec.state.off or feature.own == UNINSTALL:
            continue
        compared[instance.runs] += 1
        unasked, said = instance._replace(unit=None), detail(feature)
        if instance.runs:
            assert detail(feature._replace(instances=(unasked,))) == said
        elif condition(feature, instance) in (Condition.AT_GATE, Condition.PENDING):
            assert why_down(feature, unasked).endswith(said)
        elif instance.container:
            assert why_down(feature, unasked).startswith(f"container snmp is {instance.run.value}")
            assert f"container is {instance.run.value}" in said or f"container snmp is {instance.run.value}" in said
        else:
            assert condition(feature, instance) is Condition.ACTIVE_WITHOUT_CONTAINER
            assert why_down(feature, unasked) == "there is no container snmp"
    assert min(compared.values()) >= 100


def told() -> dict[str, dict[str, dict[str, dict[str, int]]]]:
    """Condition -> word -> sentence -> outlook -> number of situations."""
    found: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    for feature in situations():
        words = found.setdefault(condition(feature, *feature.instances).value, {})
        outlooks = words.setdefault(status(feature), {}).setdefault(detail(feature), {})
        outlooks[outlook(feature)] = outlooks.get(outlook(feature), 0) + 1
    return found


if __name__ == "__main__":
    TOLD.write_text(json.dumps(told(), indent=1, sort_keys=True) + "\n")
