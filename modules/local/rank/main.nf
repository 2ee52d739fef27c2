process RANK {
    tag 'variants'
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container 'tlimb/report:0.1.0'

    input:
    path plan
    path covariates, stageAs: 'covariates'
    path stages, stageAs: 'stages/*'
    path plain, stageAs: 'plain/*'
    path prepared, stageAs: 'prepared/*'
    path external, stageAs: 'external/*'
    path people
    path key, stageAs: 'key/*'
    val pictures
    path code
    path components, stageAs: 'components'

    output:
    path 'ranking'                 , emit: ranking
    path 'ranking/leaderboard.tsv' , emit: leaderboard
    path 'ranking/best_params.yaml', emit: best_params, optional: true
    path 'report'                  , emit: report
    tuple val("${task.process}"), val('numpy'), eval("python3 -c 'import importlib.metadata as m; print(m.version(\"numpy\"))' 2>/dev/null || echo absent"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def private_args = key ? "--people ${people} --key ${key}" : ''
    def pictures_arg = pictures ? '' : '--no-pictures'
    """
    export PYTHONPATH="\$PWD:\$PWD/components" TLPY_COMPONENTS="\$PWD/components"
    mkdir -p stages plain prepared external

    rank.py \\
        --plan ${plan} \\
        --covariates covariates \\
        --stages stages \\
        --plain plain \\
        --prepared prepared \\
        --external external \\
        --out ranking \\
        ${private_args} \\
        ${pictures_arg} \\
        ${args}
    """

    stub:
    """
    mkdir ranking report
    touch ranking/leaderboard.tsv ranking/replicates.tsv ranking/best_params.yaml ranking/best_variants.json
    touch report/leaderboard_mqc.json
    """
}
