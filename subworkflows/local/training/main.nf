/*
    Packs of trainings: one module, three roles. A pack starts when its own parents are there; no role waits for another.
*/

include { TRAIN as PRETRAIN } from '../../../modules/local/train'
include { TRAIN as ADAPT    } from '../../../modules/local/train'
include { TRAIN as ADAPT_2  } from '../../../modules/local/train'
include { TRAIN as ADAPT_3  } from '../../../modules/local/train'
include { TRAIN as ADAPT_4  } from '../../../modules/local/train'
include { TRAIN as FINETUNE } from '../../../modules/local/train'

workflow TRAINING {
    take:
    ch_packs // the maps of packsOf, by name
    options  // the map of initialise

    main:
    def state = options.state
    def finished = options.finished
    ch_role = ch_packs.branch { pack ->
        pretrain: pack.meta.process == 'PRETRAIN'
        adapt: pack.meta.process == 'ADAPT'
        adapt_2: pack.meta.process == 'ADAPT_2'
        adapt_3: pack.meta.process == 'ADAPT_3'
        adapt_4: pack.meta.process == 'ADAPT_4'
        finetune: true
    }

    PRETRAIN(withParents(ch_role.pretrain, channel.empty()), state, finished, options.core, options.components)
    ch_stages = byId(PRETRAIN.out.stages) // [ stage id, folder ]

    ADAPT(withParents(ch_role.adapt, ch_stages), state, finished, options.core, options.components)
    ch_stages = ch_stages.mix(byId(ADAPT.out.stages))

    // A process cannot feed itself: each further link of a long chain has its own name.
    if (options.depth > 3) {
        ADAPT_2(withParents(ch_role.adapt_2, ch_stages), state, finished, options.core, options.components)
        ch_stages = ch_stages.mix(byId(ADAPT_2.out.stages))
    }
    if (options.depth > 4) {
        ADAPT_3(withParents(ch_role.adapt_3, ch_stages), state, finished, options.core, options.components)
        ch_stages = ch_stages.mix(byId(ADAPT_3.out.stages))
    }
    if (options.depth > 5) {
        ADAPT_4(withParents(ch_role.adapt_4, ch_stages), state, finished, options.core, options.components)
        ch_stages = ch_stages.mix(byId(ADAPT_4.out.stages))
    }

    FINETUNE(withParents(ch_role.finetune, ch_stages), state, finished, options.core, options.components)
    stages = ch_stages.mix(byId(FINETUNE.out.stages))

    emit:
    stages // [ stage id, folder ]
}

// What TRAIN takes, for each pack as soon as all its parents are there. When a parent's task died for good, its children come
// last, without it, and mark themselves failed: a search is never silently short of a variant.
def withParents(ch_packs, ch_stages) {
    def ch_own = ch_packs.map { pack -> [parentsKey(pack), pack, []] }
    def ch_found = ch_packs
        .flatMap { pack -> pack.parents.collect { parent -> [parent, pack] } }
        .combine(ch_stages, by: 0)
        .map { _parent, pack, folder -> [parentsKey(pack), pack, folder] }
    return ch_own
        .mix(ch_found)
        .groupTuple(remainder: true)
        .map { _id, packs, folders -> trainInput(packs.first(), folders.flatten()) }
}

// A pack comes once by itself and once with each of its parents.
def parentsKey(pack) {
    return groupKey(pack.meta.id, 1 + pack.parents.size())
}

// The tuple that TRAIN declares.
def trainInput(pack, parents) {
    return [pack.meta, pack.json, pack.prepared, pack.subjects, (pack.stored + parents).sort { folder -> folder.name }, pack.weights]
}

// A pack's folders, one by one, under the ids of their stages.
def byId(ch_stages) {
    return ch_stages.flatMap { _meta, folders -> [folders].flatten().collect { folder -> [folder.name, folder] } }
}
