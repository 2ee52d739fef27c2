/*
    External test sets: when all trainings have ended, what validation chose is scored once on data that took no part.
    Without such data sets nothing runs.
*/

include { CHOOSE   } from '../../../modules/local/choose'
include { EXTERNAL } from '../../../modules/local/external'

workflow OUTSIDE {
    take:
    ch_plan     // plan.json
    ch_prepared // [ tasks, { request id: folder } ]
    ch_stages   // [ stage id, folder ] of each finished stage
    options     // the map of initialise

    main:
    ch_run = ch_prepared
        .filter { tasks, _prepared -> tasks.external }
        .combine(ch_stages.toSortedList { left, right -> left[0] <=> right[0] }.map { stages -> [stages] })
    CHOOSE(
        ch_plan.combine(ch_run).map { plan, _tasks, _prepared, _stages -> plan },
        ch_run.map { _tasks, _prepared, stages -> stages.collect { _id, folder -> folder } },
        options.core,
        options.components,
    )
    EXTERNAL(
        ch_run.combine(CHOOSE.out.chosen).flatMap { tasks, prepared, stages, chosen -> externalInputs(tasks, prepared, stages, chosen) },
        options.core,
        options.components,
    )
    scores = EXTERNAL.out.scores.map { _meta, folder -> folder }

    emit:
    scores // a folder for each external data set
}

// What EXTERNAL takes, for each external data set that something was chosen for.
def externalInputs(tasks, prepared, stages, chosen_json) {
    def folders = stages.collectEntries { id, folder -> [id, folder] }
    def entries = tasks.external.collectEntries { entry -> [entry.id, entry] }
    return new groovy.json.JsonSlurper().parseText(chosen_json.text).requests.collect { request ->
        def entry = entries[request.name]
        def ids = request.stages.collect { stage -> stage.id }
        [
            [id: entry.id, cpus: entry.cpus, stages: ids],
            groovy.json.JsonOutput.toJson(request),
            entry.prepared.sort().collect { id -> prepared[id] },
            tasks.subjects[entry.subjects],
            ids.sort(false).collect { id -> folders[id] },
        ]
    }
}
