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
    covariates = PREPARED.out.covariates
    prepared = PREPARED.out.prepared
    summaries = PREPARED.out.summaries
    stages = TRAINING.out.stages.mix(prepared.flatMap { tasks, _folders -> storedOf(tasks, options) })

    emit:
    plan
    covariates
    prepared
    summaries
    stages // [ stage id, folder ]
}
