/*
    upstream.nf and the trainings. A file of its own: the parser v2 refuses a module that two files of one run include.
*/

include { PREPARED ; optionsOf ; storedOf } from './upstream'
include { TRAINING } from '../subworkflows/local/training'

workflow TRAINED {
    take:
    params_file

    main:
    def options = optionsOf(params_file)
    PREPARED(params_file)
    TRAINING(PREPARED.out.packs, options)
    plan = PREPARED.out.plan
    variants = PREPARED.out.variants
    splits = PREPARED.out.splits
    covariates = PREPARED.out.covariates
    people = PREPARED.out.people
    key = channel.value(options.key ?: [])
    prepared = PREPARED.out.prepared
    summaries = PREPARED.out.summaries
    stages = TRAINING.out.stages.mix(prepared.flatMap { tasks, _folders -> storedOf(tasks, options) })

    emit:
    plan
    variants
    splits
    covariates
    people // who is in the data, and the key of their pseudonyms, where they go by these
    key
    prepared
    summaries
    stages // [ stage id, folder ]
}
