process PLAN {
    tag 'search'
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container 'tlimb/train:0.1.0'

    input:
    val params_json
    tuple val(data_json), path(data, stageAs: 'data/?/*'), val(stamp)
    path schema
    path store, stageAs: 'store'
    val slots
    path code
    path components, stageAs: 'components'

    output:
    path 'plan.json'     , emit: plan
    path 'variants.tsv'  , emit: variants
    path 'tasks.json'    , emit: tasks
    path 'subjects/*.tsv', emit: subjects, optional: true
    path 'splits'        , emit: splits, optional: true
    path 'covariates'    , emit: covariates, optional: true
    path 'people.json'   , emit: people, optional: true
    tuple val("${task.process}"), val('python'), eval("python3 -c 'import platform; print(platform.python_version())'"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def store_arg = store ? "--store ${store}" : ''
    def components_arg = components ? "--components ${components}" : ''
    """
    # data as of ${stamp}
    # Not the own components: a file of theirs that hides one of Python's is told, not imported.
    export PYTHONPATH="\$PWD"
    cat > params.json <<'END_OF_JSON'
    ${params_json}
    END_OF_JSON
    cat > data.json <<'END_OF_JSON'
    ${data_json}
    END_OF_JSON

    plan.py \\
        --params params.json \\
        --schema ${schema} \\
        --data data.json \\
        --slots ${slots} \\
        ${store_arg} \\
        ${components_arg} \\
        ${args}
    """

    stub:
    def source = new groovy.json.JsonSlurper().parseText(data_json).keySet().find { text -> text } ?: ''
    def pack = { name, role, depth, parents ->
        [id: "pack-${name}", role: role, depth: depth, cpus: 1, caches: ['cache'], prepared: ['cache-1of1'], subjects: ['subjects'],
            parents: parents, stored_parents: [], weights: [], pack: [id: "pack-${name}", role: role, cpus: 1, stages: [[id: name]]]]
    }
    def tasks = groovy.json.JsonOutput.toJson([
        problems: [],
        prepare: [[id: 'cache-1of1', source: source, beside: [], request: [id: 'cache-1of1']]],
        packs: [
            pack.call('first', 'pretrain', 0, []),
            pack.call('scratch', 'finetune', 0, []),
            pack.call('middle', 'adapt', 1, ['first']),
            pack.call('last', 'finetune', 2, ['middle']),
        ],
        plain: [[id: 'data', prepared: ['cache-1of1'], subjects: ['subjects'], pack: [id: 'data', fits: [[id: 'mean']]]]],
        stored_stages: [],
        stored_prepared: [],
        external: [[id: 'far', cpus: 1, prepared: ['cache-1of1'], subjects: 'subjects']],
    ])
    """
    mkdir subjects splits covariates
    touch people.json plan.json variants.tsv subjects/subjects.tsv splits/data.tsv covariates/data.tsv
    cat > tasks.json <<'END_OF_JSON'
    ${tasks}
    END_OF_JSON
    """
}
