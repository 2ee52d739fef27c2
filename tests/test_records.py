"""Records go to JSON and back as they were; a key that is missing or unknown is named."""

import json
from dataclasses import replace

import pytest
import sample_records as toys

from tlpy.errors import InputError
from tlpy.evaluation.external import Chosen, ChosenVariant
from tlpy.params.schema import Schema
from tlpy.plain.fits import CovariateTable, PlainFit, PlainPack
from tlpy.plan import plan_records as plans
from tlpy.records import (
    EarlyStopping,
    ExecutionSettings,
    ExternalRequest,
    Head,
    Input,
    Judged,
    Pack,
    Record,
    ScoredStage,
    Training,
)
from tlpy.scenarios.execution import Execution
from tlpy.scenarios.processes import SharedJob

STAGE = toys.stage(
    parent="s0",
    sources=(toys.source("brains", "age", "sex"), toys.source("clinic", "sex", labelled=False)),
    heads=(toys.AGE, toys.SEX),
    transfer={"name": "freeze", "up_to": "layer3"},
    training=toys.training(early_stopping={"patience": 3}, augmentation=({"name": "flip", "p": 0.5},)),
    fold=1,
)
PACK = Pack("p", "finetune", 2, (STAGE,), ExecutionSettings(2, "ddp", "wandb"), {"a/b.pt": "/b.pt"})
VARIANT = plans.Variant(
    id="v", label="lr 0.1", settings={"lr": 0.1, "transfer": None}, baseline=False, scratch="w",
    target="brains", metric="mae", chain=("pretrain", "finetune"),
    replicates=(plans.Replicate(0, None, ("s0", "s1")), plans.Replicate(1, None, ("s0", "s2"))),
)  # fmt: skip
COUNTS = plans.Counts(10, 6, 2, 2)
DATASET = plans.DatasetFacts(
    reader={"name": "bids"}, path="data/brains", heads=(toys.AGE,), n=COUNTS, groups=COUNTS, cache="c",
    channels=1, size=(16, 16), left_out=(plans.LeftOut("participants.tsv:3", "no age"),),
    official_split=False, filter={"site": ["a", "b"]}, images=("i1", "i2"),
)  # fmt: skip
CACHE = plans.CacheFacts(
    datasets=("brains",), path="data/brains", reader={"name": "bids"}, columns={"subject": "id"},
    preprocessing={"normalise": "zscore", "slice": {"plane": "axial"}}, channels=1, size=(16, 16),
    on_bad_image="error", images=10, shards=2, stored=True,
)  # fmt: skip
PLANNED = plans.PlannedPack("p", "finetune", 1, 2, ("s1",))
SHARING = plans.Sharing(2, 4, 3, 1, 2, 8, 6, 4)
TABLE = CovariateTable("brains", "0" * 16, (toys.SEX,))
FIT = PlainFit("f", {"name": "linear_images", "most": 64}, STAGE.sources, STAGE.heads, "mae", 0, (TABLE,))
PLAIN = plans.PlainVariant(
    "p", "plain: ridge", "brains", FIT.component, {"lr": 0.1}, "mae", (plans.Replicate(0, None, ("f",)),)
)
PLAN = plans.Plan(
    format=plans.FORMAT, tlpy=plans.Software("0.1", "0" * 16), components=None, seed=0,
    params={"lr": 0.1}, metric=None, datasets={"brains": DATASET}, caches={"c": CACHE}, stages={"s1": STAGE},
    variants=(VARIANT,), packs=(PLANNED,), sharing=SHARING,
    inferred=(plans.Inferred("task", "regression", "numbers"),),
    normalised=(plans.Dropped("transfer", "nothing came before"),), warnings=("few images",),
    plain=(PLAIN,), plain_fits={"f": FIT},
    external=(plans.ExternalSet("far", "brains", "c", "d", "t", ("age",), ("size: expected 8, found 9",)),),
)  # fmt: skip
TRAIN_TASK = plans.TrainTask("p", "finetune", 1, 2, ("c",), ("c-1of2",), ("s",), ("s0",), (), ("a.pt",), PACK)
PREPARE_TASK = plans.PrepareTask("c-1of2", "data/brains", ("/data/images",), {"id": "c-1of2"})
PLAIN_TASK = plans.PlainTask("brains", ("c-1of2",), ("s",), PlainPack("brains", (FIT,)))
TASKS = plans.Tasks(
    problems=(), summary=("one line",), prepare=(PREPARE_TASK,), packs=(TRAIN_TASK,), stored_stages=("s0",),
    stored_prepared=("d-1of1",), plain=(PLAIN_TASK,),
    external=(plans.ExternalTask("far", 1, ("d-1of1",), "t"),),
)  # fmt: skip
REQUEST = ExternalRequest("far", "d", "t", (ScoredStage("s1", ("age",)),))
CHOSEN = Chosen(1, (ChosenVariant("brains", "best", "v", VARIANT.replicates),), (REQUEST,))

EXECUTION = Execution(devices=2, rank=1)
JOB = SharedJob(STAGE, "caches", "subjects", "checkpoints/s1", None, None, "out/s1", 1, EXECUTION, 29500)

RECORDS: list[Record] = [
    toys.AGE, toys.SEX, STAGE.sources[0], STAGE.input, STAGE.loading,
    EarlyStopping(3, 0.1), STAGE.training, STAGE, PACK,
    PACK.execution, VARIANT, VARIANT.replicates[0], COUNTS, DATASET, DATASET.left_out[0], CACHE, PLANNED,
    SHARING, PLAN, PLAN.tlpy, PLAN.inferred[0], PLAN.normalised[0], TRAIN_TASK, PREPARE_TASK, TASKS,
    EXECUTION, JOB, TABLE, FIT, PLAIN, PLAIN_TASK, PLAIN_TASK.pack,
    EXECUTION, JOB, PLAN.external[0], TASKS.external[0], REQUEST, REQUEST.stages[0], CHOSEN,
    CHOSEN.variants[0],
]  # fmt: skip


def test_every_record_is_tried():
    def below(record):
        return {record, *(leaf for inner in record.__subclasses__() for leaf in below(inner))}

    assert {type(record) for record in RECORDS} == below(Record) - {Record, Judged}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_json_both_ways(record):
    text = json.dumps(record.to_json())
    again = type(record).from_json(json.loads(text))
    assert again == record
    assert json.dumps(again.to_json()) == text


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_missing_and_an_unknown_key_are_named(record):
    name = type(record).__name__
    for key in record.to_json():
        document = record.to_json()
        del document[key]
        with pytest.raises(InputError, match=rf"{name}\.{key}: is missing in {name}"):
            type(record).from_json(document)
    with pytest.raises(InputError, match=rf"{name}\.odd: {name} has no such key"):
        type(record).from_json({**record.to_json(), "odd": 1})


def test_all_faults_are_told_at_once_by_their_path():
    document = STAGE.to_json()
    del document["training"]["epochs"]
    document["training"]["epoch"] = 3
    document["heads"][1]["classes"] = "F"
    document["sources"] = {}
    document["seed"] = True
    with pytest.raises(InputError) as raised:
        type(STAGE).from_json(document)
    assert [str(problem) for problem in raised.value.problems] == [
        "Stage.sources: expected a list, found {}",
        "Stage.heads[1].classes: expected a list, found 'F'",
        "Stage.training.epoch: Training has no such key (did you mean 'epochs'?)",
        "Stage.training.epochs: is missing in Training",
        "Stage.seed: expected a whole number, found True",
    ]


def test_what_is_no_map_is_no_record():
    with pytest.raises(InputError, match="Head: expected a map, found 3"):
        Head.from_json(3)


def test_training_holds_what_the_schema_declares():
    assert list(Training.__dataclass_fields__) == list(Schema.read().group("training_options"))


def test_what_follows_from_a_stage():
    assert (STAGE.dataset, STAGE.cache, STAGE.task_type) == ("brains", "cache-brains", "regression")
    assert STAGE.caches == ("cache-brains", "cache-clinic")
    assert (STAGE.learnt, STAGE.blind) == (("brains",), ("clinic",))
    assert STAGE.judged_on("sex") == 0
    assert STAGE.heads_of(STAGE.sources[1]) == (toys.SEX,)
    assert replace(STAGE, heads=()).task_type == "none"
    assert Head("a+b", "multilabel", ("a", "b")).columns == ("a", "b")
    assert toys.SEX.columns == ("sex",)
    assert [head.is_classification for head in STAGE.heads] == [False, True]
    assert Input(1, (8, 8)).to_json() == {"channels": 1, "size": [8, 8]}
