/*
    The end of a run: the top of the leaderboard and where the report lies.
*/

def complete(options) {
    if (!options.run || workflow.preview || workflow.stubRun) {
        return
    }
    def board = options.outdir.resolve('ranking').resolve('leaderboard.tsv')
    if (!workflow.success || !board.exists()) {
        log.info("The run did not finish. Once the cause is removed, the same command with -resume goes on from here.")
        return
    }
    def best = options.outdir.resolve('ranking').resolve('best_params.yaml')
    def files = ["Leaderboard  ${board}", "Report       ${options.outdir.resolve('multiqc').resolve('multiqc_report.html')}"]
    files += best.exists() ? ["Best params  ${best}"] : []
    log.info((['', 'Best variants', topOf(board.text, 5), ''] + files).join('\n'))
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
