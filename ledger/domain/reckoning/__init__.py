"""What a version's rules come to: the cumulative functions f, compiled for a window of a platform and worked out.

`plan` groups what shares a window and binds it; `lines` reckons a form's lines in fractions, `fixed`, `compiling` the
same in whole numbers where all denominators are known; `totals` (or `amounts`, in fractions) end in one rounding;
`shapes` says what a gig brings a measure, `foreign` what pay in another currency is worth, `inputs` what went into a
figure. Posts nothing and remembers nothing: that is for accrual and settling.
"""
