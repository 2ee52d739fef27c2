process LIST {
    tag 'data'
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container 'tlimb/report:0.1.0'

    input:
    val params_json
    tuple val(data_json), path(data, stageAs: 'data/?/*')
    path schema
    path code
    path components, stageAs: 'components'

    output:
    path 'files.txt', emit: files
    tuple val("${task.process}"), val('python'), eval("python3 -c 'import platform; print(platform.python_version())'"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def components_arg = components ? "--components ${components}" : ''
    """
    export PYTHONPATH="\$PWD"
    cat > params.json <<'END_OF_JSON'
    ${params_json}
    END_OF_JSON
    cat > data.json <<'END_OF_JSON'
    ${data_json}
    END_OF_JSON

    list.py \\
        --params params.json \\
        --schema ${schema} \\
        --data data.json \\
        --out files.txt \\
        ${components_arg} \\
        ${args}
    """

    stub:
    """
    touch files.txt
    """
}
