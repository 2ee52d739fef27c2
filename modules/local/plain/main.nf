// The plain baselines of one target: what a mean, a ridge or a logistic regression reaches on its splits.
process PLAIN {
    tag "$meta.id"
    label 'process_plain'

    conda "${moduleDir}/environment.yml"
    container 'tlimb/report:0.1.0'

    input:
    tuple val(meta), val(pack_json), path(prepared, stageAs: 'caches/*'), path(subjects, stageAs: 'subjects/*'), path(covariates, stageAs: 'covariates')
    path state, stageAs: 'state'
    val keep
    path code
    path components, stageAs: 'components'

    output:
    tuple val(meta), path('plain/*', type: 'dir'), emit: fits
    tuple val("${task.process}"), val('scikit-learn'), eval("python3 -c 'import importlib.metadata as m; print(m.version(\"scikit-learn\"))' 2>/dev/null || echo absent"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def store_arg = keep ? "--store ${state}" : ''
    """
    export PYTHONPATH="\$PWD:\$PWD/components" TLPY_COMPONENTS="\$PWD/components"
    export OMP_NUM_THREADS=${task.cpus} OPENBLAS_NUM_THREADS=${task.cpus} MKL_NUM_THREADS=${task.cpus}
    cat > pack.json <<'END_OF_JSON'
    ${pack_json}
    END_OF_JSON

    plain.py \\
        --pack pack.json \\
        --caches caches \\
        --subjects subjects \\
        --covariates covariates \\
        ${store_arg} \\
        --out plain \\
        ${args}
    """

    stub:
    """
    for fit in ${meta.fits.join(' ')}; do
        mkdir -p plain/\$fit
        touch plain/\$fit/fit.json plain/\$fit/metrics.json plain/\$fit/predictions.csv
    done
    """
}
