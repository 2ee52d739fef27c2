/*
    From params to the one options map that the rest of the pipeline uses.
*/

include { helpText ; paramHelp ; summaryText          } from '../help'
include { snapshot ; stampOf                          } from '../files'
include { castParams ; paramDefinitions ; paramErrors ; parseYaml ; show } from '../schema'

/*
    given: params as Nextflow has them.
    Returns [run: false] after --help or --version; else everything a run needs. All faults are collected into one error().
*/
def initialise(given) {
    def schema_path = file("${projectDir}/nextflow_schema.json", checkIfExists: true)
    def definitions = paramDefinitions(new groovy.json.JsonSlurper().parseText(schema_path.text))
    def values = castParams(given, definitions)
    def colour = !values.monochrome_logs && !System.getenv('NO_COLOR') && System.console() != null

    if (values.version || values.help || values.help_full) {
        println(informationText(values, definitions, colour))
        return [run: false]
    }

    // An institution's config describes itself in params of its own.
    values = values.findAll { name, _value -> !name.startsWith('config_profile_') && name != 'custom_config_base' }
    def errors = values.validate_params ? paramErrors(values, definitions) : []
    ['datasets', 'stages', 'search'].each { name ->
        if (values[name] instanceof String) {
            def path = file(values[name], glob: false)
            if (path.isFile()) {
                values[name] = parseYaml(path.text)
            }
            else {
                errors << "${name}: '${values[name]}' is no file (looked for ${path}); expected the path of a YAML file or the values themselves"
            }
        }
    }

    def data = dataPaths(values)
    def paths = data.keySet().toList().collect { text -> file(text, glob: false) }
    def present = [data.keySet().toList(), paths].transpose().findAll { _text, path -> path.exists() }
    if (!workflow.stubRun) {
        errors += [data.keySet().toList(), paths].transpose()
            .findAll { _text, path -> !path.exists() }
            .collect { text, path -> "${data[text].join(', ')}: '${text}' does not exist (looked for ${path})${simulationHint(text)}" }
    }
    def outdir = pathOf(values.outdir)
    errors += outdir ? folderErrors('outdir', values.outdir, outdir) : []
    def store = pathOf(values.store)
    errors += store ? folderErrors('store', values.store, store) : []
    if (errors) {
        def total = errors.size() == 1 ? 'One param is' : "${errors.size()} params are"
        error("${total} not right:\n\n${errors.collect { line -> "  * ${line}" }.join('\n')}\n\nAll params: nextflow run ${workflow.projectDir} --help\n")
    }

    def own = values.findAll { name, value -> value != definitions[name]?.default && name != 'trace_report_suffix' }
    log.info(summaryText(own, definitions, colour))
    def info = outdir.resolve('pipeline_info')
    info.mkdirs()
    info.resolve("params_${values.trace_report_suffix}.json").text = groovy.json.JsonOutput.prettyPrint(toJson(values)) + '\n'

    def state = stateFolder(store ?: workflow.workDir.resolve('state'))
    def code = workflow.workDir.resolve('code')
    def tlpy = file("${projectDir}/tlpy", checkIfExists: true)
    def components = pathOf(values.components)
    return [
        run: true,
        schema: schema_path,
        outdir: outdir,
        monochrome: !colour,
        // As the user gave them: what equals a default is left out, so that writing a default out changes nothing.
        params_json: toJson(own),
        // {path as written: where PLAN finds it}; the workflow hands `data_files` over in this order.
        data_json: toJson(
            present.withIndex().collectEntries { pair, i -> [pair[0], "data/${i + 1}/${pair[1].name}".toString()] }
        ),
        data: present.collectEntries { text, path -> [text, path] },
        data_files: present.collect { _text, path -> path },
        stamp: stampOf(present.collect { _text, path -> path }) + (store ? storedNames(store) : ''),
        // A training writes checkpoints into `state`; finished work only into a store that was asked for.
        state: state,
        store: store,
        // Tables of subjects, by content: a plan made anew leaves the paths as they were.
        subjects: workflow.workDir.resolve('subjects'),
        code: snapshot(tlpy, code, { name -> name.endsWith('.py') }),
        // What cannot change a result is left out, so that an edit of the report trains nothing anew.
        core: snapshot(tlpy, code, { name -> name.endsWith('.py') && !(name ==~ /(report|simulate)\/.*|cli\.py/) }),
        components: components ? snapshot(components, code, { _name -> true }) : [],
        accelerator: values.accelerator ?: 'auto',
        slots: localSlots(),
        depth: values.stages instanceof List ? values.stages.size() : 1,
        multiqc_title: values.multiqc_title ?: '',
        multiqc_configs: [file("${projectDir}/assets/multiqc_config.yml")] + [pathOf(values.multiqc_config)].findAll { path -> path },
    ]
}

// A path as the user wrote it, against the folder the run was launched in; nothing where none was given.
def pathOf(text) {
    return text instanceof String ? file(text, glob: false) : null
}

def toJson(value) {
    return groovy.json.JsonOutput.toJson(value)
}

def informationText(values, definitions, colour) {
    if (values.version) {
        return "${workflow.manifest.name} ${workflow.manifest.version}"
    }
    if (values.help instanceof String) {
        return paramHelp(values.help, definitions)
    }
    return helpText(definitions, values.help_full, values.show_hidden, colour)
}

// Every path to data that the params name, as written -> the params that name it. Weights to start from are data too.
def dataPaths(values) {
    def found = namedPaths('datasets', values.datasets, 'path') + namedPaths('stages', values.stages, 'weights')
    found += namedPaths('search.space', values.search instanceof Map ? values.search.space : null, 'weights')
    // A table's images may lie elsewhere: as an input of tasks, their folder is there in containers too.
    found += namedPaths('datasets', values.datasets, 'images').findAll { _where, text -> text.startsWith('/') }
    return found
        .groupBy { _where, text -> text }
        .collectEntries { text, places -> [text, places.collect { where, _path -> where }] }
        .sort()
}

// [place, text] of every string under `key`, at any depth; in a search space also behind a dotted path that ends in it.
def namedPaths(where, value, key) {
    if (value instanceof Map) {
        return value.collectMany { name, item ->
            def place = "${where}.${name}".toString()
            // The weights of an objective's terms are numbers or words, no files.
            if (name == 'objective' || name.endsWith('.objective') || name.contains('objective.')) {
                return []
            }
            def hit = name == key || name.endsWith(".${key}")
            hit && item instanceof String ? [[place, item]]
                : hit && item instanceof List ? item.findAll { text -> text instanceof String && text != 'none' }.collect { text -> [place, text] }
                : namedPaths(place, item, key)
        }
    }
    return value instanceof List
        ? value.withIndex().collectMany { item, i -> namedPaths("${where}[${i}]".toString(), item, key) }
        : []
}

def simulationHint(text) {
    return text.endsWith('phantoms') ? "; simulated brains are made by: tlpy simulate ${text}" : ''
}

// A folder that is to be written to: made here, so that a wrong one is told before anything starts.
def folderErrors(name, text, path) {
    if (path.exists() && !path.isDirectory()) {
        return ["${name}: '${text}' is no folder"]
    }
    path.mkdirs()
    return path.isDirectory() && java.nio.file.Files.isWritable(path) ? [] : ["${name}: the folder '${text}' cannot be written to (${path})"]
}

// The folders inside exist before it is staged, so that its own time, which Nextflow hashes, never changes.
def stateFolder(path) {
    ['stages', 'cache', 'checkpoints'].each { name -> path.resolve(name).mkdirs() }
    return path
}

def storedNames(store) {
    return ['stages', 'cache'].collect { kind -> store.resolve(kind).list().findAll { name -> !name.startsWith('.') }.sort().join(' ') }.join(' ').md5()
}

// How many tasks run side by side: the cores of this machine, or 0 (unknown) where a cluster or cloud runs them.
// Read from the config itself: process.executor (or executor.name) and executor.cpus.
def localSlots() {
    def config = runConfig()
    def name = config.process?.executor ?: config.executor?.name ?: 'local'
    if (name != 'local') {
        return 0
    }
    return (config.executor?.cpus ?: config.executor?.get('$local')?.cpus ?: Runtime.runtime.availableProcessors()) as int
}

// A session is not promised to scripts: where a later Nextflow hides it, the machine's own cores are what is known.
def runConfig() {
    try {
        return workflow.session.config
    }
    catch (MissingPropertyException hidden) {
        log.debug("No session to ask for the executor: ${hidden.message}")
        return [:]
    }
}
