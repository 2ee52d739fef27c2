// Which variants are scored on external data sets: the same order as RANK's, before any of these images is looked at.
process CHOOSE {
    tag 'validation'
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container 'tlimb/report:0.1.0'

    input:
    path plan
    path stages, stageAs: 'stages/*'
    path code
    path components, stageAs: 'components'

    output:
    path 'chosen.json', emit: chosen
    tuple val("${task.process}"), val('numpy'), eval("python3 -c 'import importlib.metadata as m; print(m.version(\"numpy\"))' 2>/dev/null || echo absent"), topic: versions

    script:
    def args = task.ext.args ?: ''
    """
    export PYTHONPATH="\$PWD:\$PWD/components" TLPY_COMPONENTS="\$PWD/components"
    mkdir -p stages

    choose.py \\
        --plan ${plan} \\
        --stages stages \\
        --out chosen.json \\
        ${args}
    """

    stub:
    """
    echo '{"variants": [], "requests": [{"name": "far", "stages": [{"id": "last"}, {"id": "scratch"}]}]}' > chosen.json
    """
}
