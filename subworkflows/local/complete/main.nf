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

// The first rows of a TSV as aligned columns; a wide cell is cut.
def topOf(text, count) {
    def rows = text.readLines().take(count + 1).collect { line -> line.split(/\t/, -1).toList().collect { cell -> cell.take(28) } }
    def size = rows.collect { row -> row.size() }.max() ?: 0
    def widths = (0..<size).collect { i -> rows.collect { row -> (row[i] ?: '').size() }.max() }
    return rows
        .collect { row -> '  ' + row.withIndex().collect { cell, i -> cell.padRight(widths[i]) }.join('  ') }
        .join('\n')
}
