"""Packs: stages that share their data sets, run one after another in one task.

A task's start-up (the imports, the opened cache) is paid once a pack. A stage waits only for its own parent's
pack, so that no role waits for the whole of the one before.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from tlpy.digests import digest
from tlpy.plan.plan_records import PlannedPack
from tlpy.records import Stage

# A task's start-up, in seconds: below a few times this, spreading a group over more tasks gains nothing.
START_UP = 4.0
# No more stages than this share a task, however short they are: what ends the task ends them all, and what is
# in it cannot run beside itself. At 50, the start-up is a twelfth of a second a stage.
MOST_STAGES = 50


def make_packs(
    stages: Mapping[str, Stage], to_train: Iterable[str], minutes: float, slots: int
) -> list[PlannedPack]:
    """Divide the stages to train into packs.

    Args:
        stages: all stages by id.
        to_train: ids of the stages to run, in any order.
        minutes: about how long a pack may take on one core.
        slots: how many tasks can run side by side; 0 where that is unknown (a cluster).

    Returns:
        Packs in order of depth, longest first.
    """
    pack_of: dict[str, str] = {}
    packs: list[PlannedPack] = []
    todo = sorted(to_train)
    for depth in sorted({stages[stage].depth for stage in todo}):
        groups: dict[tuple[str, str, str, int], list[str]] = defaultdict(list)
        for stage_id in todo:
            stage = stages[stage_id]
            if stage.depth == depth:
                parents_pack = pack_of.get(stage.parent or "", "")
                threads = stage.training.threads or 1
                groups[stage.role, "+".join(stage.caches), parents_pack, threads].append(stage_id)
        for (role, _, _, threads), members in sorted(groups.items()):
            # Its stages compute with as many threads wherever they run; a machine may have fewer cores.
            cpus = min(threads, slots) if slots else threads
            for bin_ in _balance({member: stages[member].cost for member in members}, minutes * 60, slots):
                pack_id = digest(bin_)
                packs.append(PlannedPack(pack_id, role, depth, cpus, tuple(bin_)))
                pack_of.update(dict.fromkeys(bin_, pack_id))
    cost = {pack.id: sum(stages[stage].cost for stage in pack.stages) for pack in packs}
    packs.sort(key=lambda pack: (pack.depth, -cost[pack.id], pack.id))
    return packs


def _balance(costs: Mapping[str, float], seconds: float, slots: int) -> list[list[str]]:
    """Longest-first into the least loaded bin that has room.

    As many bins as the time and the number of stages ask for, and as the machine can use.
    """
    total = sum(costs.values())
    worth = max(1, math.floor(total / (3 * START_UP)))
    fewest = math.ceil(len(costs) / MOST_STAGES)
    count = min(len(costs), max(math.ceil(total / seconds), min(slots, worth), fewest))
    bins: list[tuple[float, list[str]]] = [(0.0, []) for _ in range(max(1, count))]
    for stage_id in sorted(costs, key=lambda key: (-costs[key], key)):
        open_ = (index for index in range(len(bins)) if len(bins[index][1]) < MOST_STAGES)
        place = min(open_, key=lambda index: (bins[index][0], index))
        load, members = bins[place]
        bins[place] = (load + costs[stage_id], [*members, stage_id])
    return [members for _, members in bins if members]
