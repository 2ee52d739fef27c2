/*
    Which values of the params are paths: those that nextflow_schema.json gives a path's format, at any depth of data sets and
    stages, and in a search space too, whose dotted paths lead to other places of the schema.
*/

include { paramDefinitions } from '../schema'

// [place, text, definition] of every path in `value`. A place reads as in stages[0].weights.
def pathsOf(place, value, definition, schema) {
    def entry = entryOf(definition, value, schema)
    if (value instanceof String) {
        return entry.format in ['file-path', 'directory-path', 'path'] ? [[place, value, entry]] : []
    }
    if (value instanceof List) {
        return value.withIndex().collectMany { item, i -> pathsOf("${place}[${i}]".toString(), item, entry.items, schema) }
    }
    if (value instanceof Map) {
        return value.collectMany { name, item ->
            def inner = "${place}.${name}".toString()
            entry.propertyNames?.format == 'dotted-path'
                ? searchedPaths(inner, item, leadsTo(name, entry.propertyNames.entry, schema), schema)
                : pathsOf(inner, item, inside(entry, name, schema), schema)
        }
    }
    return []
}

// Those among the values that a search tries at one place.
def searchedPaths(place, values, definition, schema) {
    def tried = values instanceof List ? values : [values]
    return tried.withIndex().collectMany { value, i ->
        pathsOf(value instanceof String ? place : "${place}[${i}]".toString(), value, definition, schema)
    }
}

// The definition at a dotted path, which starts at a param or in an entry that goes by a name; null where it hits nothing.
def leadsTo(path, entry, schema) {
    def (first, rest) = [path.tokenize('.').head(), path.tokenize('.').tail()]
    return rest.inject(paramDefinitions(schema)[first] ?: entry) { definition, name -> inside(definition, name, schema) }
}

def inside(definition, name, schema) {
    def entry = entryOf(definition, null, schema)
    def others = entry.additionalProperties instanceof Map ? entry.additionalProperties : null
    return entry.properties?.get(name) ?: others
}

// A definition without its reference, and with what it asks of this value only ("if" a pattern is found, "then").
def entryOf(definition, value, schema) {
    def reference = definition ? definition['$ref'] : null
    if (reference) {
        return entryOf(reference.tokenize('/').tail().inject(schema) { part, name -> part[name] }, value, schema)
    }
    def pattern = definition ? definition['if']?.pattern : null
    def holds = pattern && value instanceof String && (value =~ pattern).find()
    return holds ? definition + definition.then : definition ?: [:]
}
