/*
    Finished work: in the store that was asked for, and, for -resume, what this session has trained in this work folder.
*/

// The folders inside exist before it is staged, so that its own time, which Nextflow hashes, never changes.
def stateFolder(path) {
    ['stages', 'cache', 'checkpoints', 'plain', 'finished'].each { name -> path.resolve(name).mkdirs() }
    return path
}

// Where trainings find and keep finished stages, as a path below the state folder: a store itself, else a folder of the session.
// There a resumed run finds what other packs than its own have trained. Stages whose differing images were only warned of
// are no answer where these are an error.
def finishedPlace(store, values) {
    return store ? '.' : "finished/${workflow.sessionId}/${values.on_contract_mismatch}".toString()
}

/*
    What the store holds, as the plan is keyed by it. A session that planned the same before goes on from what the store held
    then, while it still holds that: tasks find in the store whatever was finished since, and the plan need not change for it.
*/
def storedAsOf(store, params_json, stamp, home) {
    if (!store) {
        return ''
    }
    def held = ['stages', 'cache'].collectMany { kind -> namesIn(store.resolve(kind)).collect { name -> "${kind}/${name}".toString() } }
    def key = [store.toUriString(), params_json, stamp].join('\n').md5()
    def record = home.resolve(workflow.sessionId.toString()).resolve("${key}.txt")
    def known = record.exists() ? record.readLines() : null
    if (known == null || !held.toSet().containsAll(known)) {
        record.parent.mkdirs()
        record.text = held.join('\n')
        known = held
    }
    return known.join('\n').md5()
}

def namesIn(folder) {
    return folder.list().findAll { name -> !name.startsWith('.') }.sort()
}
