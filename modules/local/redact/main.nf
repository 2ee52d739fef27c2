// What is published of a run that is de-identified, or whose pictures stay here: nothing else of these folders is.
process REDACT {
    tag 'published'
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container 'tlimb/report:0.1.0'

    input:
    path plan, stageAs: 'given/plan/*'
    path splits, stageAs: 'given/splits'
    path covariates, stageAs: 'given/covariates'
    path stages, stageAs: 'given/stages/*'
    path plain, stageAs: 'given/plain/*'
    path prepared, stageAs: 'given/prepared/*'
    path external, stageAs: 'given/external/*'
    path people
    path key, stageAs: 'key/*'
    val pictures
    path code

    output:
    path 'published/*', emit: published, type: 'dir'
    tuple val("${task.process}"), val('python'), eval("python3 -c 'import platform; print(platform.python_version())'"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def private_args = key ? "--people ${people} --key ${key}" : ''
    def pictures_arg = pictures ? '' : '--no-pictures'
    """
    export PYTHONPATH="\$PWD"
    mkdir -p given

    redact.py \\
        --given given \\
        ${private_args} \\
        ${pictures_arg} \\
        --out published \\
        ${args}
    """

    stub:
    """
    mkdir -p published/plan published/prepared
    touch published/plan/plan.json
    """
}
