/*
    upstream.nf and the trainings. A file of its own: the parser v2 refuses a module that two files of one run include.
*/

include { PREPARED ; readParams } from './upstream'
include { initialise } from '../subworkflows/local/initialise'
include { storedStages } from '../subworkflows/local/tasks'
include { TRAINING } from '../subworkflows/local/training'

workflow TRAINED {
    take:
    params_file

    main:
    def options = initialise(readParams(params_file))
    PREPARED(params_file)
    TRAINING(PREPARED.out.packs, options)
    plan = PREPARED.out.plan
    covariates = PREPARED.out.covariates
    prepared = PREPARED.out.prepared
    summaries = PREPARED.out.summaries
    stages = TRAINING.out.stages.mix(prepared.flatMap { tasks, _folders -> storedStages(tasks, options) })

    emit:
    plan
    covariates
    prepared
    summaries
    stages // [ stage id, folder ]
}
