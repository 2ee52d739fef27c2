// The report. Sends nothing to the topic of versions, which it reads: it would wait for itself.
process MULTIQC {
    tag 'report'
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container 'tlimb/report:0.1.0'

    input:
    path report, stageAs: 'report'
    path configs, stageAs: 'config/?/*'
    val title
    val versions_yaml

    output:
    path 'multiqc_report.html', emit: report
    path 'multiqc_data'       , emit: data, optional: true

    script:
    def args = task.ext.args ?: ''
    def config_args = [configs].flatten().collect { path -> "--config ${path}" }.join(' ')
    def title_arg = title ? "--title='${harmless(title)}'" : ''
    """
    cat > tlimb_mqc_versions.yml <<'END_OF_YAML'
    ${versions_yaml}
    END_OF_YAML

    multiqc \\
        --force \\
        --filename multiqc_report.html \\
        --outdir . \\
        ${config_args} \\
        ${title_arg} \\
        ${args} \\
        report tlimb_mqc_versions.yml
    """

    stub:
    """
    mkdir multiqc_data
    touch multiqc_report.html
    """
}

// MultiQC puts the title into its page as it is, in HTML and in a JavaScript text: each mark as what HTML calls it.
def harmless(title) {
    def marks = ['&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '\\': '&#92;', '`': '&#96;']
    return title.replaceAll(/[\p{Cntrl}\u2028\u2029]+/, ' ').toList().collect { mark -> marks[mark] ?: mark }.join('')
}
