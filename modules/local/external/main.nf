// Chosen stages on one data set that took no part: the test at the end of their training, on its images.
process EXTERNAL {
    tag "$meta.id"
    label 'process_train'
    label 'process_gpu'
    cpus { meta.cpus }

    conda "${moduleDir}/environment.yml"
    container 'tlimb/train:0.1.0'

    input:
    tuple val(meta), val(request_json), path(prepared, stageAs: 'caches/*'), path(subjects, stageAs: 'subjects/*'), path(stages, stageAs: 'stages/*')
    path code
    path components, stageAs: 'components'

    output:
    tuple val(meta), path("external/${meta.id}"), emit: scores
    tuple val("${task.process}"), val('torch'), eval("python3 -c 'import importlib.metadata as m; print(m.version(\"torch\"))' 2>/dev/null || echo absent"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def device = task.accelerator ? 'gpu' : 'auto'
    """
    export PYTHONPATH="\$PWD:\$PWD/components" TLPY_COMPONENTS="\$PWD/components"
    accelerator="\${TLPY_ACCELERATOR:-auto}"
    export OMP_NUM_THREADS=${task.cpus} MKL_NUM_THREADS=${task.cpus} OMP_WAIT_POLICY=PASSIVE
    cat > request.json <<'END_OF_JSON'
    ${request_json}
    END_OF_JSON

    external.py \\
        --request request.json \\
        --caches caches \\
        --subjects subjects \\
        --stages stages \\
        --out external \\
        --accelerator "\${accelerator/auto/${device}}" \\
        --attempt ${task.attempt} \\
        ${args}
    """

    stub:
    """
    for stage in ${meta.stages.join(' ')}; do
        mkdir -p external/${meta.id}/\$stage
        touch external/${meta.id}/\$stage/metrics.json external/${meta.id}/\$stage/predictions.csv
    done
    """
}
