/*
    From PLAN's tasks.json to what the processes take. Each task is handed its own few values, not files of PLAN's work folder:
    a plan made anew leaves every task whose content did not change in the cache.
*/

include { keepFile } from '../files'
include { leadOut  } from '../links'

// tasks.json, with `subjects` as {id: table} under paths that last.
def readTasks(tasks_json, subject_tables, options) {
    def tasks = new groovy.json.JsonSlurper().parseText(tasks_json.text)
    if (tasks.problems) {
        stop("The params and the data do not fit together", tasks.problems)
    }
    // What was inferred, and what will be run: nothing is guessed silently.
    if (tasks.summary) {
        log.info("Plan\n${tasks.summary.collect { line -> "  ${line}" }.join('\n')}")
    }
    def tables = [subject_tables].flatten()
    return tasks + [subjects: tables.collectEntries { table -> [table.baseName, keepFile(table, options.subjects)] }]
}

// Data as tasks take them: JSON that tells where each path, as the user wrote it, is staged, and the files in that order; then
// the folders that links in them lead to.
def dataInput(data) {
    def staged = data.keySet().withIndex().collectEntries { text, i -> [text, "data/${i + 1}/${data[text].name}".toString()] }
    return [toJson(staged), data.values().toList() + leadOut(data.values())]
}

def requestsOf(tasks, options) {
    return tasks.prepare.collect { entry ->
        def beside = entry.beside.collect { text -> options.data[text] }.findAll { path -> path }
        def linked = leadOut(([options.data[entry.source]] + beside).findAll { path -> path })
        [[id: entry.id], toJson(entry.request), options.data[entry.source] ?: [], beside + linked]
    }
}

// {request id: folder} of all prepared images, from this run and the store. Stops with all problems of all shards.
def preparedFolders(shards, tasks, options) {
    def problems = shards.collectMany { _meta, folder ->
        def file_ = folder.resolve('problems.json')
        file_.exists() ? new groovy.json.JsonSlurper().parseText(file_.text) : []
    }
    if (problems) {
        stop("Images cannot be used", problems.collect { problem -> lineOf(problem) })
    }
    return storedPrepared(tasks, options).collectEntries { id, folder -> [id, folder] } + shards.collectEntries { meta, folder -> [meta.id, folder] }
}

// [request id, folder] of what the store holds of this plan; and [stage id, folder].
def storedPrepared(tasks, options) {
    return tasks.stored_prepared.collect { id -> [id, options.store.resolve('cache').resolve(id)] }
}

def storedStages(tasks, options) {
    return tasks.stored_stages.collect { id -> [id, options.store.resolve('stages').resolve(id)] }
}

// What TRAINING takes: { meta { id, process, cpus, stages }, json, prepared, subjects, weights, stored, parents } of each pack.
// `stored` are folders of stages that others start from, `parents` the ids of those that this run trains.
def packsOf(tasks, prepared, options) {
    def parents = tasks.packs.collectMany { entry -> entry.parents }.toSet()
    return tasks.packs.collect { entry ->
        def ids = entry.pack.stages.collect { stage -> stage.id }
        def weights = entry.weights.collectEntries { text -> [text, options.data[text] ?: file(text, glob: false)] }
        // A file of weights is staged: `files` says where, by the path as the user wrote it.
        def files = weights.keySet().withIndex().collectEntries { text, i -> [text, "weights/${i + 1}/${weights[text].name}".toString()] }
        [
            meta: [id: entry.id, process: processOf(entry, ids.any { id -> id in parents }), cpus: entry.cpus, stages: ids],
            json: toJson(files ? entry.pack + [files: files] : entry.pack),
            prepared: entry.prepared.sort().collect { id -> prepared[id] },
            subjects: entry.subjects.collect { id -> tasks.subjects[id] },
            weights: weights.values().toList(),
            stored: entry.stored_parents.collect { id -> options.store.resolve('stages').resolve(id) },
            parents: entry.parents,
        ]
    }
}

// What PLAIN takes, [ meta { id, fits }, json, prepared, subjects ], of each target.
def plainOf(tasks, prepared) {
    return tasks.plain.collect { entry ->
        [
            [id: entry.id, fits: entry.pack.fits.collect { fit -> fit.id }],
            toJson(entry.pack),
            entry.prepared.sort().collect { id -> prepared[id] },
            entry.subjects.collect { id -> tasks.subjects[id] },
        ]
    }
}

// The role, but that what others start from cannot be a FINETUNE, which feeds nobody.
def processOf(entry, has_children) {
    if (!has_children && entry.role == 'finetune') {
        return 'FINETUNE'
    }
    if (entry.depth == 0) {
        return 'PRETRAIN'
    }
    if (entry.depth > 4) {
        error("stages: chains of up to 6 stages can be run, this one has more")
    }
    return entry.depth == 1 ? 'ADAPT' : "ADAPT_${entry.depth}".toString()
}

def toJson(value) {
    return groovy.json.JsonOutput.toJson(value)
}

def lineOf(problem) {
    return problem instanceof Map
        ? "${problem.where}: ${problem.message}${problem.hint ? " (${problem.hint})" : ''}".toString()
        : problem.toString()
}

def stop(title, problems) {
    def lines = problems.unique().sort()
    def shown = lines.take(200).collect { line -> "  * ${line}" }
    def rest = lines.size() > 200 ? ["  … and ${lines.size() - 200} more"] : []
    error("${title}:\n\n${(shown + rest).join('\n')}\n")
}
