// A pack of trainings that share a data set, one after another. Included as PRETRAIN, ADAPT and FINETUNE.
process TRAIN {
    tag "$meta.id"
    label 'process_train'
    label 'process_gpu'
    cpus { meta.cpus }

    conda "${moduleDir}/environment.yml"
    container 'tlimb/train:0.1.0'

    input:
    tuple val(meta), val(pack_json), path(prepared, stageAs: 'caches/*'), path(subjects, stageAs: 'subjects/*'), path(parents, stageAs: 'parents/*'), path(weights, stageAs: 'weights/?/*')
    path state, stageAs: 'state'
    val finished
    path code
    path components, stageAs: 'components'

    output:
    tuple val(meta), path('stages/*', type: 'dir'), emit: stages
    tuple val("${task.process}"), val('torch'), eval("python3 -c 'import importlib.metadata as m; print(m.version(\"torch\"))' 2>/dev/null || echo absent"), topic: versions
    tuple val("${task.process}"), val('lightning'), eval("python3 -c 'import importlib.metadata as m; print(m.version(\"lightning\"))' 2>/dev/null || echo absent"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def store_arg = finished ? "--store ${state}/${finished}" : ''
    // Not an input: where a stage is trained is no reason to train it anew.
    def device = task.accelerator ? 'gpu' : 'auto'
    """
    export PYTHONPATH="\$PWD:\$PWD/components" TLPY_COMPONENTS="\$PWD/components"
    accelerator="\${TLPY_ACCELERATOR:-auto}"
    export OMP_NUM_THREADS=${task.cpus} MKL_NUM_THREADS=${task.cpus} OMP_WAIT_POLICY=PASSIVE
    mkdir -p caches subjects parents
    cat > pack.json <<'END_OF_JSON'
    ${pack_json}
    END_OF_JSON

    train.py \\
        --pack pack.json \\
        --caches caches \\
        --subjects subjects \\
        --parents parents \\
        --checkpoints ${state}/checkpoints \\
        ${store_arg} \\
        --out stages \\
        --accelerator "\${accelerator/auto/${device}}" \\
        --attempt ${task.attempt} \\
        ${args}
    """

    stub:
    """
    for stage in ${meta.stages.join(' ')}; do
        mkdir -p stages/\$stage
        cd stages/\$stage
        touch stage.json weights.safetensors contract.json metrics.json history.csv predictions.csv learning_rates.csv load_report.json
        cd ../..
    done
    """
}
