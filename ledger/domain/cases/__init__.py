"""Case files: a story of gigs in a scheme's own words, and the rows of its answer.

`words` reads single values, `file` whole files, `story` tells a case to the engine (the only file here that calls it),
`run` compares what came out with what was expected. Source: the format in contracts/schemes/README.md.
"""
