#!/usr/bin/env nextflow
/*
    TLIMB: transfer learning for brain and medical images.
    One params file in, a ranked report out.
*/

include { complete   } from './subworkflows/local/complete'
include { initialise } from './subworkflows/local/initialise'
include { TLIMB      } from './workflows/tlimb'

workflow {

    main:
    // The only place that reads params: checked, cast to the schema's types, and handed on as a map.
    def options = initialise(params)

    // --help and --version leave nothing to run.
    if (options.run) {
        TLIMB(options)
    }

    workflow.onComplete = {
        complete(options)
    }
}
