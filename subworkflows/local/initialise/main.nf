/*
    From params to the one options map that the rest of the pipeline uses.
*/

include { helpText ; paramHelp ; summaryText                      } from '../help'
include { finishedPlace ; stateFolder                              } from '../finished'
include { isLocal ; moveOnce ; placeOf ; snapshot                 } from '../files'
include { pathsOf                                                 } from '../paths'
include { castParams ; nearest ; noValues ; paramDefinitions ; paramErrors ; parseYaml } from '../schema'

/*
    given: params as Nextflow has them.
    Returns [run: false] after --help or --version; else everything a run needs. All faults are collected into one error().
*/
def initialise(given) {
    def schema_path = file("${projectDir}/nextflow_schema.json", checkIfExists: true)
    def schema = new groovy.json.JsonSlurper().parseText(schema_path.text)
    def definitions = paramDefinitions(schema)
    def values = castParams(given, definitions)
    def colour = !values.monochrome_logs && !System.getenv('NO_COLOR') && System.console() != null

    if (values.version || values.help || values.help_full) {
        println(informationText(values, definitions, colour))
        return [run: false]
    }

    // An institution's config describes itself, and is steered, by params of its own: told, not refused.
    def foreign = values.custom_config_base ? values.keySet().findAll { name -> !definitions.containsKey(name) } : []
    values = values.findAll { name, _value -> !(name in foreign) && !name.startsWith('config_profile_') && name != 'custom_config_base' }
    def empty = values.collectMany { name, value -> noValues(name, value) }
    def said = empty.collect { place, _message -> place }
    def errors = values.validate_params ? paramErrors(values.findAll { name, _value -> !(name in said) }, definitions, said) : []
    values = values.collectEntries { name, value -> [name, isNested(definitions[name], value) ? nestedValue(name, value, errors) : value] }
    empty = (empty + values.collectMany { name, value -> noValues(name, value) }).unique()
    errors += empty.collect { place, message -> "${place}: ${message}" }

    def named = values.collectMany { name, value -> pathsOf(name, value, definitions[name], schema) } // [ place, text, definition ]
        .findAll { _place, text, _definition -> text.trim() }
    errors += named.collectMany { place, text, _definition -> controlErrors(place, text) }
    named = named.findAll { place, text, _definition -> !controlErrors(place, text) }
    def paths = named
        .findAll { place, _text, _definition -> place in values.keySet() }
        .collectEntries { name, text, _definition -> [name, file(text, glob: false)] }
    def data = dataOf(named.findAll { place, _text, definition -> definition.exists && !(place in values.keySet()) })
    if (!workflow.stubRun) {
        errors += data
            .findAll { entry -> !entry.path.exists() }
            .collect { entry -> "${entry.places.join(', ')}: '${entry.text}' does not exist (looked for ${entry.path})${simulationHint(entry.text)}" }
    }
    def present = data.findAll { entry -> entry.path.exists() }
    errors += paths
        .findAll { name, _path -> definitions[name].format == 'directory-path' && !definitions[name].exists }
        .collectMany { name, path -> folderErrors(name, values[name], path) }
    errors += values.deidentify && paths.outdir ? publishedBefore(values.outdir, paths.outdir) : []
    errors += configErrors(given)
    if (errors) {
        def total = errors.size() == 1 ? 'One param is' : "${errors.size()} params are"
        error("${total} not right:\n\n${errors.collect { line -> "  * ${line}" }.join('\n')}\n\nAll params: nextflow run ${workflow.projectDir} --help\n")
    }

    def own = values.findAll { name, value -> value != definitions[name]?.default && name != 'trace_report_suffix' }
    log.info(summaryText(own, definitions, colour))
    def left = foreign.findAll { name -> !name.startsWith('config_profile_') }.sort()
    if (left) {
        log.warn("Left to the profiles of custom_config_base: ${left.collect { name -> name + nearest(name, definitions.keySet()) }.join(', ')}")
    }
    def info = paths.outdir.resolve('pipeline_info')
    info.mkdirs()
    // De-identified, they stand in plan.json: ids in them are not known yet.
    if (!values.deidentify) {
        info.resolve("params_${values.trace_report_suffix}.json").text = groovy.json.JsonOutput.prettyPrint(toJson(values)) + '\n'
    }

    def state = stateFolder(paths.store ?: workflow.workDir.resolve('state'))
    def key = paths.deidentify_key ?: (values.deidentify ? keptKey(state) : null)
    def code = workflow.workDir.resolve('code')
    def tlpy = file("${projectDir}/tlpy", checkIfExists: true)
    return [
        run: true,
        schema: schema_path,
        outdir: paths.outdir,
        monochrome: !colour,
        // As the user gave them: what equals a default is left out, so that writing a default out changes nothing; and so is
        // what only shows or places results, so that a title or another outdir plans nothing anew.
        params_json: toJson(own.findAll { name, _value -> !(name in shownBy()) } + [outdir: 'results']),
        data: present.collectEntries { entry -> [entry.text, placeOf(entry.path)] } + contractsOf(present) + (key ? ['(deidentify_key)': key] : [:]),
        // Who is in the data goes by pseudonyms under `key` in all that is published; pictures of images are published.
        deidentify: values.deidentify as boolean,
        key: key,
        pictures: values.report_pictures != false,
        // A training writes checkpoints into `state`, and below `finished` what it has done.
        state: state,
        finished: finishedPlace(paths.store, values),
        store: paths.store,
        plans: workflow.workDir.resolve('plans'),
        // Tables of subjects, by content: a plan made anew leaves the paths as they were.
        subjects: workflow.workDir.resolve('subjects'),
        code: snapshot(tlpy, code, { name -> name.endsWith('.py') }),
        // What cannot change a result is left out, so that an edit of the report trains nothing anew.
        core: snapshot(tlpy, code, { name -> name.endsWith('.py') && !(name ==~ /(privacy|report|simulate)\/.*|cli\.py/) }),
        components: paths.components ? snapshot(paths.components, code, { _name -> true }) : [],
        slots: localSlots(),
        depth: values.stages instanceof List ? values.stages.size() : 1,
        multiqc_title: values.multiqc_title ?: '',
        multiqc_configs: [file("${projectDir}/assets/multiqc_config.yml")] + [paths.multiqc_config].findAll { path -> path },
    ]
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

// A config runs commands, which a params file must not bring about: nextflow.config reads it by the same rule.
def configErrors(given) {
    def said = (System.getenv('NXF_CLI') ?: '').contains('--custom_config_base')
    return given.custom_config_base && !said
        ? ["custom_config_base: is taken from the command line only (--custom_config_base ${given.custom_config_base}), as a config can run commands"]
        : []
}

// A param with an inner structure may be given as the path of a YAML file that holds it.
def isNested(definition, value) {
    return value instanceof String && value.trim() && definition?.mimetype == 'application/yaml'
}

def nestedValue(name, text, errors) {
    def path = file(text, glob: false)
    if (path.isFile()) {
        return parseYaml(path.text)
    }
    errors << "${name}: '${text}' is no file (looked for ${path}); expected the path of a YAML file or the values themselves"
    return text
}

// A path goes into the scripts of tasks, where a line break would start a command of its own.
def controlErrors(place, text) {
    def odd = (file(text, glob: false).toUriString() =~ /\p{Cntrl}/).find() || (text =~ /\p{Cntrl}/).find()
    def shown = text.replace('\n', '\\n').replaceAll(/\p{Cntrl}/, '?')
    return odd ? ["${place}: '${shown}' holds a line break or another control character; rename it, or link to it under another name"] : []
}

// [ { text, path, places } ]: each path to data as written, once, with all params that name it.
def dataOf(named) {
    return named
        .groupBy { _place, text, _definition -> text }
        .sort()
        .collect { text, found -> [text: text, path: file(text, glob: false), places: found.collect { place, _text, _definition -> place }] }
}

// What weights were trained under, as TRAIN wrote it beside them: known by the path of the weights, with another name.
def contractsOf(data) {
    return data
        .findAll { entry -> entry.path.isFile() && entry.places.any { place -> place =~ /\bweights(\[\d+\])?(\.file)?$/ } }
        .collectEntries { entry -> [entry.text.replaceAll(/[^\/]+$/, 'contract.json'), entry.path.resolveSibling('contract.json')] }
        .findAll { _text, path -> path.exists() }
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

// Params that change how and where results are shown, and none of them.
def shownBy() {
    return ['multiqc_title', 'multiqc_config', 'publish_dir_mode', 'monochrome_logs', 'validate_params', 'report_pictures']
}

// What an earlier run published with ids would stay beside the pseudonyms.
def publishedBefore(text, outdir) {
    def plan = outdir.resolve('plan').resolve('plan.json')
    def named = plan.exists() && !(plan.text =~ /"deidentify": true/).find()
    def params = outdir.resolve('pipeline_info').exists() && outdir.resolve('pipeline_info').list().any { name -> name.startsWith('params_') }
    return named || params ? ["outdir: '${text}' holds results of a run without deidentify; name another folder, or remove it first"] : []
}

// The key of the pseudonyms, made once. The folder that it is in keeps its time, which Nextflow hashes.
def keptKey(state) {
    def key = state.resolve('deidentify.key')
    if (!key.exists()) {
        def time = java.nio.file.Files.getLastModifiedTime(state)
        def bytes = new java.security.SecureRandom().generateSeed(32)
        def draft = state.resolve(".deidentify.key-${UUID.randomUUID()}")
        java.nio.file.Files.createFile(draft)
        if (isLocal(draft)) {
            draft.setPermissions('rw-------')
        }
        draft.text = bytes.encodeHex().toString() + '\n'
        moveOnce(draft, key)
        if (isLocal(state)) {
            java.nio.file.Files.setLastModifiedTime(state, time)
        }
    }
    return key
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
