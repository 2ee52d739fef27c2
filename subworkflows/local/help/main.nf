/*
    --help, --help_full, --help PARAM, --version and the run's summary: all of their text comes from nextflow_schema.json.
*/

include { nearest ; show ; typesOf } from '../schema'

// One line a param, by group; hidden ones, and the keys of nested params, only when asked for.
def helpText(definitions, full, hidden, bold) {
    def shown = definitions.findAll { _name, definition -> full || hidden || !definition.hidden }
    def width = shown.keySet().collect { name -> name.size() }.max() + 2
    def groups = shown.groupBy { _name, definition -> definition.group }.collect { title, members ->
        def lines = members.collectMany { name, definition ->
            def line = "  --${name.padRight(width)}${facts(definition)} ${definition.description}"
            full ? [line.toString()] + nestedLines(definition, ' ' * 8) : [line.toString()]
        }
        ([bold ? "\033[1m${title}\033[0m" : title] + lines).join('\n')
    }
    def head = [
        "${workflow.manifest.name} ${workflow.manifest.version}: ${workflow.manifest.description}",
        '',
        'Usage: nextflow run . -params-file params.yaml [-profile docker] [-resume]',
    ]
    def foot = full || hidden ? [] : ['Less common params: --show_hidden. Nested keys too: --help_full. One param: --help NAME.']
    return (head + [''] + groups.join('\n\n') + [''] + foot).join('\n')
}

// All that the schema says of one param.
def paramHelp(name, definitions) {
    def definition = definitions[name]
    if (!definition) {
        error("--help ${name}: unknown param${nearest(name, definitions.keySet())}")
    }
    def lines = ["--${name} ${facts(definition)}", "    ${definition.description}"]
    lines += definition.help_text ? ["    ${definition.help_text}"] : []
    return (lines + nestedLines(definition, ' ' * 4)).join('\n')
}

def facts(definition) {
    def bounds = [minimum: '>=', exclusiveMinimum: '>', maximum: '<=', exclusiveMaximum: '<']
        .findAll { key, _sign -> definition[key] != null }
        .collect { key, sign -> "${sign} ${definition[key]}" }
    def said = [typesOf(definition).findAll { type -> type != 'null' }.join(' or ')]
    said += definition['enum'] ? ["one of ${definition['enum'].join(', ')}"] : []
    said += bounds
    said += definition.required == true ? ['required'] : []
    said += definition.default != null ? ["default ${show(definition.default)}"] : []
    return "[${said.findAll { part -> part }.join('; ')}]"
}

def nestedLines(definition, indent) {
    def nested = definition.items instanceof Map ? definition.items.properties : definition.properties
    def named = definition.additionalProperties instanceof Map ? definition.additionalProperties.properties : null
    return ((nested ?: [:]) + (named ?: [:])).collectMany { name, inner ->
        def text = inner.description ? ["${indent}${name} ${facts(inner)} ${inner.description}".toString()] : []
        text + nestedLines(inner, indent + '    ')
    }
}

// What was set, by group, against the schema's defaults.
def summaryText(given, definitions, bold) {
    def width = (given.keySet().collect { name -> name.size() } + [10]).max() + 2
    def groups = given.groupBy { name, _value -> definitions[name]?.group ?: 'Other' }.collect { title, members ->
        def lines = members.collect { name, value -> "  ${name.padRight(width)}${shorten(show(value))}" }
        ([bold ? "\033[1m${title}\033[0m" : title] + lines).join('\n')
    }
    return (["${workflow.manifest.name} ${workflow.manifest.version}"] + groups).join('\n')
}

def shorten(text) {
    return text.size() > 160 ? "${text.take(157)}..." : text
}
