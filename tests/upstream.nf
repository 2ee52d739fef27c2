/*
    What stands before a module in the pipeline, for tests of that module on real input. Each workflow takes a params file,
    made by MadeUp (tests/lib), and runs the search up to where the test begins.
*/

include { PLAN       } from '../modules/local/plan'
include { PREPARE    } from '../modules/local/prepare'
include { initialise } from '../subworkflows/local/initialise'
include { dataInput ; packsOf ; plainOf ; preparedFolders ; readTasks ; requestsOf ; storedPrepared ; storedStages } from '../subworkflows/local/tasks'

workflow PLANNED {
    take:
    params_file

    main:
    def options = optionsOf(params_file)
    PLAN(
        options.params_json,
        dataInput(options.data) + [''],
        options.schema,
        options.store ?: [],
        2,
        options.code,
        options.components,
    )
    plan = PLAN.out.plan
    covariates = PLAN.out.covariates
    tasks = PLAN.out.tasks
        .combine(PLAN.out.subjects.toList().map { subjects -> [subjects] })
        .map { tasks_json, subjects -> readTasks(tasks_json, subjects, options) }
    requests = tasks.flatMap { plan_tasks -> requestsOf(plan_tasks, options) }
    variants = PLAN.out.variants
    splits = PLAN.out.splits
    people = PLAN.out.people

    emit:
    plan
    variants
    splits
    covariates
    people
    tasks
    requests
}

workflow PREPARED {
    take:
    params_file

    main:
    def options = optionsOf(params_file)
    PLANNED(params_file)
    PREPARE(PLANNED.out.requests, options.state, false, options.core, options.components)
    plan = PLANNED.out.plan
    variants = PLANNED.out.variants
    splits = PLANNED.out.splits
    covariates = PLANNED.out.covariates
    people = PLANNED.out.people
    prepared = PLANNED.out.tasks
        .combine(PREPARE.out.images.toList().map { shards -> [shards] })
        .map { tasks, shards -> [tasks, preparedFolders(shards, tasks, options)] }
    summaries = PREPARE.out.summary
        .map { _meta, folder -> folder }
        .mix(PLANNED.out.tasks.flatMap { tasks -> storedPrepared(tasks, options) }.map { _id, folder -> folder })
    packs = prepared.flatMap { tasks, folders -> packsOf(tasks, folders, options) }
    plain = prepared.flatMap { tasks, folders -> plainOf(tasks, folders) }.combine(covariates)

    emit:
    plan
    variants
    splits
    covariates
    people
    prepared // [ tasks, { request id: folder } ]
    summaries
    packs
    plain
}

def optionsOf(params_file) {
    return initialise(new groovy.json.JsonSlurper().parseText(file(params_file).text))
}

def storedOf(tasks, options) {
    return storedStages(tasks, options)
}
