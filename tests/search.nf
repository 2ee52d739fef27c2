/*
    The whole pipeline on a params file.
*/

include { initialise } from '../subworkflows/local/initialise'
include { TLIMB } from '../workflows/tlimb'

workflow SEARCH {
    take:
    params_file

    main:
    TLIMB(initialise(readParams(params_file)))
    leaderboard = TLIMB.out.leaderboard
    report = TLIMB.out.report

    emit:
    leaderboard
    report
}

def readParams(params_file) {
    return new groovy.json.JsonSlurper().parseText(file(params_file).text)
}
