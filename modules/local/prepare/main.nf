process PREPARE {
    tag "$meta.id"
    label 'process_low'

    conda "${moduleDir}/environment.yml"
    container 'tlimb/report:0.1.0'

    input:
    tuple val(meta), val(request_json), path(data, stageAs: 'data/?/*'), path(images, stageAs: 'images/?/*')
    path state, stageAs: 'state'
    val keep
    path code
    path components, stageAs: 'components'

    output:
    tuple val(meta), path("${meta.id}")         , emit: images
    tuple val(meta), path("prepared/${meta.id}"), emit: summary
    tuple val("${task.process}"), val('nibabel'), eval("python3 -c 'import importlib.metadata as m; print(m.version(\"nibabel\"))' 2>/dev/null || echo absent"), topic: versions
    tuple val("${task.process}"), val('numpy'), eval("python3 -c 'import importlib.metadata as m; print(m.version(\"numpy\"))' 2>/dev/null || echo absent"), topic: versions

    script:
    def args = task.ext.args ?: ''
    def store_arg = keep ? "--store ${state}" : ''
    """
    export PYTHONPATH="\$PWD:\$PWD/components" TLPY_COMPONENTS="\$PWD/components"
    export OMP_NUM_THREADS=${task.cpus}
    cat > request.json <<'END_OF_JSON'
    ${request_json}
    END_OF_JSON

    prepare.py \\
        --request request.json \\
        --data ${data} \\
        ${store_arg} \\
        --out ${meta.id} \\
        --threads ${task.cpus} \\
        ${args}

    # What people and the report read, without the arrays.
    mkdir -p prepared/${meta.id}
    find ${meta.id} -mindepth 1 -maxdepth 1 ! -name '*.npy' -exec cp -r {} prepared/${meta.id} \\;
    """

    stub:
    """
    mkdir -p ${meta.id}/pictures prepared
    touch ${meta.id}/images.tsv ${meta.id}/contract.json ${meta.id}/pictures/one.png
    echo '[]' > ${meta.id}/problems.json
    cp -r ${meta.id} prepared
    touch ${meta.id}/images.npy
    """
}
