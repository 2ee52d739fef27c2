/*
    Software versions, from the topic to the text that MultiQC and pipeline_info show.
*/

// [process, tool, version] triples -> one line of JSON (which is YAML), the same whatever order the tasks ended in.
def versionsText(triples) {
    def tasks = triples
        .collect { process, tool, version -> [process.tokenize(':').last(), tool, version.toString().trim()] }
        .unique()
        .sort { triple -> triple.join(' ') }
        .groupBy { triple -> triple[0] }
        .collectEntries { process, rows -> [process, rows.collectEntries { row -> [row[1], row[2]] }] }
    def run = [Workflow: [(workflow.manifest.name): workflow.manifest.version, Nextflow: workflow.nextflow.version.toString()]]
    return groovy.json.JsonOutput.toJson(tasks + run)
}
