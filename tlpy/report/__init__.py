"""Report: the sections of the MultiQC report."""
