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
    log.info(
        [
            '',
            'Best variants',
            topOf(board.text, 5),
            '',
            "Leaderboard  ${board}",
            "Report       ${options.outdir.resolve('multiqc').resolve('multiqc_report.html')}",
            "Best params  ${options.outdir.resolve('ranking').resolve('best_params.yaml')}",
        ].join('\n')
    )
}

// The first rows of the leaderboard as aligned columns: what a terminal has room for.
def topOf(text, count) {
    def wanted = ['rank', 'label', 'target', 'metric', 'validation', 'test', 'test_low', 'test_high', 'gain', 'status']
    def lines = text.readLines().take(count + 1).collect { line -> line.split(/\t/, -1).toList() }
    def places = wanted.collect { name -> lines[0].indexOf(name) }.findAll { place -> place >= 0 }
    def rows = lines.collect { cells -> places.collect { place -> (cells[place] ?: '').take(60) } }
    def widths = rows.transpose().collect { column -> column.collect { cell -> cell.size() }.max() }
    return rows
        .collect { row -> '  ' + row.withIndex().collect { cell, i -> cell.padRight(widths[i]) }.join('  ') }
        .join('\n')
}
