/*
    plan -> prepare the images -> train each distinct stage once, plain baselines beside them
         -> score what was chosen on external data -> rank -> report
*/

include { LIST         } from '../modules/local/list'
include { PLAN         } from '../modules/local/plan'
include { PREPARE      } from '../modules/local/prepare'
include { PLAIN        } from '../modules/local/plain'
include { RANK         } from '../modules/local/rank'
include { REDACT       } from '../modules/local/redact'
include { MULTIQC      } from '../modules/local/multiqc'
include { OUTSIDE      } from '../subworkflows/local/external'
include { TRAINING     } from '../subworkflows/local/training'
include { stampOf      } from '../subworkflows/local/files'
include { storedAsOf   } from '../subworkflows/local/finished'
include { dataInput ; packsOf ; plainOf ; preparedFolders ; readTasks ; requestsOf ; storedPrepared ; storedStages } from '../subworkflows/local/tasks'
include { versionsText } from '../subworkflows/local/versions'

workflow TLIMB {

    take:
    options // the map of initialise: paths, JSON and settings, checked

    main:
    // The files that tables name, wherever they lie: a plan is made anew when one of them changed, too.
    LIST(
        options.params_json,
        channel.of(options.data.findAll { _text, path -> path.isFile() })
            .filter { files -> files }
            .map { files -> dataInput(files) },
        options.schema,
        options.code,
        options.components,
    )
    ch_stamp = LIST.out.files.map { listed -> listed.readLines().collect { text -> file(text, glob: false) } }
        .ifEmpty([])
        .map { listed -> stampOf(options.data.values() + listed) }
        .map { stamp -> stamp + storedAsOf(options.store, options.params_json, stamp, options.plans) }
    PLAN(
        options.params_json,
        ch_stamp.map { stamp -> dataInput(options.data) + [stamp] }.first(),
        options.schema,
        options.store ?: [],
        options.slots,
        options.code,
        options.components,
    )
    // Bad input ends the run here, with every problem that the plan found.
    ch_tasks = PLAN.out.tasks.combine(PLAN.out.subjects.ifEmpty([]).toList())
        .map { tasks, subjects -> readTasks(tasks, subjects, options) } // { prepare, packs, stored, ... }

    PREPARE(
        ch_tasks.flatMap { tasks -> requestsOf(tasks, options) }, // [ meta, request, data ]
        options.state,
        options.store != null,
        options.core,
        options.components,
    )
    // No training starts before every image was read: all bad ones are named at once.
    ch_prepared = ch_tasks
        .combine(PREPARE.out.images.toList().map { shards -> [shards] })
        .map { tasks, shards -> [tasks, preparedFolders(shards, tasks, options)] } // [ tasks, { request id: folder } ]
        // After a task that died the run is about to end, and no more is to be said.
        .filter { tasks, prepared -> tasks.prepare.every { entry -> prepared.containsKey(entry.id) } }

    TRAINING(
        ch_prepared.flatMap { tasks, prepared -> packsOf(tasks, prepared, options) },
        options,
    )
    ch_stages = TRAINING.out.stages.mix(ch_tasks.flatMap { tasks -> storedStages(tasks, options) }) // [ stage id, folder ]

    // Beside the trainings: seconds, and nothing waits for them but the ranking.
    PLAIN(
        ch_prepared.flatMap { tasks, prepared -> plainOf(tasks, prepared) }.combine(PLAN.out.covariates),
        options.state,
        options.store != null,
        options.core,
        options.components,
    )
    OUTSIDE(PLAN.out.plan, ch_prepared, ch_stages, options)

    // What comes of all tasks, in an order that is always the same.
    ch_finished = ch_prepared
        .combine(ch_stages.toSortedList { left, right -> left[0] <=> right[0] }.map { stages -> [stages] })
        .map { _tasks, _prepared, stages -> finished(stages) }
    ch_plain = PLAIN.out.fits
        .flatMap { _meta, folders -> [folders].flatten() }
        .toSortedList { left, right -> left.name <=> right.name }
    ch_summaries = PREPARE.out.summary
        .map { meta, folder -> [meta.id, folder] }
        .mix(ch_tasks.flatMap { tasks -> storedPrepared(tasks, options) })
        .toSortedList { left, right -> left[0] <=> right[0] }
        .map { rows -> rows.collect { _id, folder -> folder } }
    ch_external = OUTSIDE.out.scores.toSortedList { left, right -> left.name <=> right.name }
    ch_people = options.deidentify ? PLAN.out.people : channel.value([])
    key = options.deidentify ? options.key : []

    RANK(
        PLAN.out.plan,
        PLAN.out.covariates,
        ch_finished,
        ch_plain,
        ch_summaries,
        ch_external,
        ch_people,
        key,
        options.pictures,
        options.code,
        options.components,
    )
    if (options.deidentify || !options.pictures) {
        // Where only the pictures stay here, the rest is published as ever.
        def all = options.deidentify
        REDACT(
            all ? PLAN.out.plan.combine(PLAN.out.variants) : channel.value([]),
            all ? PLAN.out.splits : channel.value([]),
            all ? PLAN.out.covariates : channel.value([]),
            all ? ch_finished : channel.value([]),
            all ? ch_plain : channel.value([]),
            ch_summaries,
            all ? ch_external : channel.value([]),
            ch_people,
            key,
            options.pictures,
            options.code,
        )
    }

    ch_versions = channel.topic('versions').toList().map { triples -> versionsText(triples) }
    ch_versions.collectFile(
        storeDir: options.outdir.resolve('pipeline_info'),
        name: 'software_versions.yml',
    )
    MULTIQC(RANK.out.report, options.multiqc_configs, options.multiqc_title, ch_versions)
    leaderboard = RANK.out.leaderboard
    report = MULTIQC.out.report

    emit:
    leaderboard
    report
}

// Whether a task has failed that ends the run: what is under way may still end, and no more is started.
def isEnding() {
    try {
        return workflow.session.isCancelled()
    }
    catch (MissingPropertyException hidden) {
        log.debug("No session to ask whether it ends: ${hidden.message}")
        return false
    }
}

// The folders of all stages; a run in which every task died has nothing to rank.
def finished(stages) {
    if (!stages && !isEnding()) {
        error("No training task ended. The cause stands in the messages above, and in the .command.err of a task's folder.")
    }
    return stages.collect { _id, folder -> folder }
}
