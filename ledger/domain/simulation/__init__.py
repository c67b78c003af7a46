"""What a scheme would do to real gigs, beside the scheme in force: pure folding, from one worker's facts to a report.

`trial` says what is compared, `course` takes one worker through both sides, `counting` counts what comes of it, `tally`
adds workers up (in any order, in any number of parts), `deciles` ranks them by what they earned, `result` is the whole
answer as a value, `figures` reads schemes' texts for what changed and what is unverified. Opens no file and knows no
process.
"""
