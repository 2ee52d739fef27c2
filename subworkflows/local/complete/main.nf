/*
    The end of a run: the top of the leaderboard and where the report lies.
*/

def complete(options) {
    if (!options.run || workflow.preview || workflow.stubRun) {
        return
    }
    def board = options.outdir.resolve('ranking').resolve('leaderboard.tsv')
    def full = fullFolders(options)
    if (full) {
        // A file that could not be published fails a run that otherwise succeeded.
        log.warn((['Hardly any space is left:'] + full).join('\n'))
    }
    if (!workflow.success || !board.exists()) {
        log.info("The run did not finish. Once the cause is removed, the same command with -resume goes on from here.")
        return
    }
    def halves = halfPublished(options.outdir)
    if (halves) {
        log.warn((['Not whole, since an earlier run ended while it was written:'] + halves).join('\n'))
    }
    def verdict = verdictOf(board.text)
    def best = options.outdir.resolve('ranking').resolve('best_params.yaml')
    def files = ["Leaderboard  ${board}", "Report       ${options.outdir.resolve('multiqc').resolve('multiqc_report.html')}"]
    files += best.exists() ? ["Best params  ${best}"] : []
    if (!verdict.ranked) {
        log.error((["No variant could be ranked: all ${verdict.all} failed."] + verdict.reasons + [''] + files).join('\n'))
        failRun("none of ${verdict.all} variants could be ranked")
        return
    }
    log.info((['', 'Best variants', topOf(board.text, 5), ''] + files).join('\n'))
    if (verdict.failed || verdict.partial) {
        def partial = verdict.partial ? ", ${verdict.partial} finished in part" : ''
        log.warn((["${verdict.failed} of ${verdict.all} variants failed${partial}."] + verdict.reasons).join('\n'))
    }
}

// Published files that are missing or cut off, by the checksums beside them: of stages that are in the store, and so were not
// published again.
def halfPublished(outdir) {
    def folders = ['stages', 'plain'].collectMany { kind -> outdir.resolve(kind).isDirectory() ? outdir.resolve(kind).listFiles().toList() : [] }
    def sums = folders.collect { folder -> folder.resolve('checksums.json') }.findAll { file_ -> file_.exists() && file_.size() > 0 }
    return sums
        .collectMany { file_ ->
            sizesIn(file_)
                .findAll { name, bytes -> !file_.resolveSibling(name).exists() || file_.resolveSibling(name).size() != bytes }
                .collect { name, _bytes -> "  ${file_.resolveSibling(name)}".toString() }
        }
        .sort()
}

// The sizes of a folder's files by name, as its checksums.json tells; where that is cut off, of itself alone.
def sizesIn(sums) {
    try {
        return new groovy.json.JsonSlurper().parseText(sums.text).files.collectEntries { name, entry -> [name, entry.bytes] }
    }
    catch (groovy.json.JsonException cut) {
        log.debug("${sums}: ${cut.message}")
        return [(sums.name): -1]
    }
}

// Where it is written to and less than 100 MB are free: a task on a full disk may have had no room for its last words.
def fullFolders(options) {
    def folders = ['work folder': workflow.workDir, outdir: options.outdir, store: options.store]
    return folders
        .findAll { _name, path -> path && path.toUri().scheme == 'file' && path.exists() }
        .collect { name, path -> [name, path, java.nio.file.Files.getFileStore(path)] }
        .findAll { _name, _path, disk -> disk.totalSpace > 0 && disk.usableSpace < 100 * 1000 * 1000 }
        .collect { name, path, disk ->
            def free = [disk.usableSpace, disk.totalSpace].collect { bytes -> String.format(Locale.ROOT, '%.1f MB', bytes / 1e6 as double) }
            "  ${name} ${path}: ${free[0]} free of ${free[1]}".toString()
        }
}

// How many variants were trained, ranked, failed; and why, what is behind most of them first.
def verdictOf(text) {
    def lines = text.readLines().collect { line -> line.split(/\t/, -1).toList() }
    def rows = lines.tail()
        .collect { cells -> [lines[0], cells].transpose().collectEntries { name, cell -> [name, cell] } }
        .findAll { row -> row.kind != 'plain' }
    def troubled = rows.findAll { row -> row.status != 'done' }
    // That a stage never finished says nothing of the cause: after all that do.
    def causes = troubled
        .countBy { row -> row.reason }
        .sort { left, right -> left.key.contains('never finished') <=> right.key.contains('never finished') ?: right.value <=> left.value }
        .collect { reason, count -> "  ${count} x  ${reason.take(300)}" }
    return [
        all: rows.size(),
        ranked: rows.count { row -> row.rank },
        failed: rows.count { row -> row.status == 'failed' },
        partial: rows.count { row -> row.status == 'partial' },
        reasons: causes.take(5) + (causes.size() > 5 ? ["  and ${causes.size() - 5} more reasons, in the leaderboard"] : []),
    ]
}

// The exit status of a run that ended well is not 0 then. Not error() in the workflow: it would cut off what is being published.
def failRun(cause) {
    try {
        workflow.session.abort(new IllegalStateException(cause))
    }
    catch (MissingPropertyException hidden) {
        log.debug("No session to end with another status: ${hidden.message}")
    }
}

// The first rows of each target in the leaderboard as aligned columns: what a terminal has room for.
def topOf(text, count) {
    def wanted = ['rank', 'label', 'target', 'metric', 'validation', 'test', 'test_low', 'test_high', 'gain', 'status']
    def lines = text.readLines().collect { line -> line.split(/\t/, -1).toList() }
    def target = lines[0].indexOf('target')
    def tops = lines.tail().groupBy { cells -> cells[target] }.collectMany { _name, members -> members.take(count) }
    def places = wanted.collect { name -> lines[0].indexOf(name) }.findAll { place -> place >= 0 }
    def rows = ([lines[0]] + tops).collect { cells -> places.collect { place -> (cells[place] ?: '').take(60) } }
    def widths = rows.transpose().collect { column -> column.collect { cell -> cell.size() }.max() }
    return rows
        .collect { row -> '  ' + row.withIndex().collect { cell, i -> cell.padRight(widths[i]) }.join('  ') }
        .join('\n')
}
