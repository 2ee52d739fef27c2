/*
    Params against nextflow_schema.json, without a plugin. A value from the command line is a string on Nextflow 26,
    so every value is cast to the type that the schema declares before anything uses it. Nested parts (datasets,
    stages, search) pass through: PLAN checks them in depth.
*/

// The schema's params in order: name -> its definition, with `group` and `required` added.
def paramDefinitions(schema) {
    def groups = schema.allOf.collect { entry -> schema['$defs'][entry['$ref'].tokenize('/').last()] }
    return groups.collectEntries { group ->
        group.properties.collectEntries { name, definition ->
            [name, definition + [group: group.title, required: name in (group.required ?: [])]]
        }
    }
}

// Params as given -> a plain map: no nulls, each value of a type the schema allows wherever it can be read as one.
def castParams(given, definitions) {
    return given
        .findAll { _name, value -> value != null }
        .collectEntries { name, value -> [name.toString(), castValue(plain(value), typesOf(definitions[name]))] }
        .findAll { _name, value -> value != null }
}

// Every fault of the params the schema can name, as lines of text. `given`: names that are there with a value told elsewhere.
def paramErrors(values, definitions, given = []) {
    def known = definitions.keySet()
    def unknown = values.keySet().findAll { name -> !(name in known) && !(name in aliases(values.keySet())) }
    def errors = unknown.sort().collect { name -> "${name}: unknown param${nearest(name, known)}" }
    errors += definitions
        .findAll { name, definition -> definition.required && !values.containsKey(name) && !(name in given) }
        .collect { name, definition -> "${name}: is required (${definition.description})" }
    errors += values
        .findAll { name, _value -> name in known }
        .collectMany { name, value -> valueErrors(name, value, definitions[name]) }
    return errors
}

// What no param may be, at any depth: a number that is not finite, or empty text. [place, message] of each.
def noValues(place, value) {
    if (value instanceof Map) {
        return value.collectMany { key, item -> noValues("${place}.${key}".toString(), item) }
    }
    if (value instanceof Collection) {
        return value.withIndex().collectMany { item, i -> noValues("${place}[${i}]".toString(), item) }
    }
    if (isEndless(value)) {
        def name = Double.isNaN(value.doubleValue()) ? '.nan' : value > 0 ? '.inf' : '-.inf'
        return [[place, "is ${name}, expected a number that is finite".toString()]]
    }
    return value instanceof CharSequence && !value.toString().trim() ? [[place, 'is empty text (leave it out, or say null)']] : []
}

def isEndless(value) {
    return (value instanceof Double || value instanceof Float) && !Double.isFinite(value.doubleValue())
}

def typesOf(definition) {
    return definition ? [definition.type].flatten() : []
}

// Nextflow's own maps, lists and GStrings as ordinary ones, so that JSON and equality see only what was given.
def plain(value) {
    if (value instanceof Map) {
        return value.collectEntries { key, item -> [key.toString(), plain(item)] }
    }
    if (value instanceof Collection) {
        return value.collect { item -> plain(item) }
    }
    if (value == null || value instanceof Number || value instanceof Boolean) {
        return value
    }
    return value.toString()
}

def castValue(value, types) {
    if (value instanceof String) {
        return castText(value, types)
    }
    def whole = value instanceof Number && !isEndless(value) && value == Math.floor(value.doubleValue())
    if (whole && 'integer' in types) {
        return value.longValue()
    }
    // precision: 32 and multiqc_title: 2026 are numbers to YAML.
    if (value instanceof Number && types && !('number' in types) && !('integer' in types) && 'string' in types) {
        return value.toString()
    }
    return value
}

def castText(text, types) {
    if ('boolean' in types && text.toLowerCase() in ['true', 'false']) {
        return text.toLowerCase() == 'true'
    }
    if (('integer' in types || 'number' in types) && text ==~ /[+-]?\d+/) {
        return text.toLong()
    }
    if ('number' in types && text ==~ /[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?/) {
        return text.toBigDecimal()
    }
    if ('null' in types && text == 'null') {
        return null
    }
    // --optimizer '{name: sgd, momentum: 0.9}'
    def nested = 'object' in types && text.startsWith('{') || 'array' in types && text.startsWith('[')
    return nested ? parseYaml(text) : text
}

def parseYaml(text) {
    def loader = new org.yaml.snakeyaml.constructor.SafeConstructor(new org.yaml.snakeyaml.LoaderOptions())
    return numbers(plain(new org.yaml.snakeyaml.Yaml(loader).load(text)))
}

// YAML 1.1 takes 1e-4 for text; everybody means the number.
def numbers(value) {
    if (value instanceof Map) {
        return value.collectEntries { key, item -> [key, numbers(item)] }
    }
    if (value instanceof List) {
        return value.collect { item -> numbers(item) }
    }
    return value instanceof String && value ==~ /[+-]?\d+(\.\d*)?[eE][+-]?\d+/ ? value.toBigDecimal() : value
}

def valueErrors(name, value, definition) {
    def types = typesOf(definition)
    if (!types.any { type -> isOfType(value, type) }) {
        def missing = value == true ? ' (was its value forgotten?)' : ''
        return ["${name}: expected ${types.join(' or ')}, found ${show(value)}${missing}"]
    }
    def errors = []
    if (definition['enum'] && !(value in definition['enum'])) {
        def why = definition.errorMessage ? "; ${definition.errorMessage}" : ''
        errors << "${name}: ${show(value)} is not one of ${definition['enum'].join(', ')}${nearest(value, definition['enum'])}${why}"
    }
    if (value instanceof Number) {
        errors += boundErrors(name, value, definition)
    }
    if (value instanceof String && definition.pattern && !(value ==~ definition.pattern)) {
        errors << "${name}: ${show(value)} does not match ${definition.pattern}"
    }
    if (value instanceof String && definition.exists && !file(value, glob: false).exists()) {
        errors << "${name}: '${value}' does not exist (looked for ${file(value, glob: false)})"
    }
    return errors
}

def isOfType(value, type) {
    return [
        object: value instanceof Map,
        array: value instanceof List,
        boolean: value instanceof Boolean,
        integer: value instanceof Long || value instanceof Integer,
        number: value instanceof Number,
        string: value instanceof String,
    ][type]
}

def boundErrors(name, value, definition) {
    def checks = [
        minimum: ['at least', { bound -> value >= bound }],
        maximum: ['at most', { bound -> value <= bound }],
        exclusiveMinimum: ['above', { bound -> value > bound }],
        exclusiveMaximum: ['below', { bound -> value < bound }],
    ]
    return checks
        .findAll { key, check -> definition[key] != null && !check[1].call(definition[key]) }
        .collect { key, check -> "${name}: ${value} must be ${check[0]} ${definition[key]}" }
}

def show(value) {
    return value instanceof String ? "'${value}'" : groovy.json.JsonOutput.toJson(value)
}

// --batch-size gives Nextflow two params, batch-size and batchSize: one message is enough.
def aliases(names) {
    return names
        .findAll { name -> name.contains('-') }
        .collect { name -> name.tokenize('-').withIndex().collect { part, i -> i ? part.capitalize() : part }.join('') }
}

// " (did you mean 'x'?)" for the nearest of the valid names, or nothing where none is near.
def nearest(name, valid) {
    def word = name.toString().toLowerCase().replace('-', '_')
    def ranked = valid.findAll { candidate -> candidate != null }.sort { candidate -> distance(word, candidate.toString().toLowerCase()) }
    def close = ranked && distance(word, ranked[0].toString().toLowerCase()) <= Math.max(1, Math.min(3, word.size().intdiv(2)))
    return close ? " (did you mean '${ranked[0]}'?)" : ''
}

// Levenshtein's distance, a row at a time.
def distance(left, right) {
    def first = (0..right.size()).toList()
    def last = left.toList().inject(first) { row, letter ->
        right.toList().withIndex().inject([row[0] + 1]) { next, pair ->
            def (other, i) = [pair[0], pair[1]]
            next + [[next[i] + 1, row[i + 1] + 1, row[i] + (letter == other ? 0 : 1)].min()]
        }
    }
    return last[right.size()]
}
