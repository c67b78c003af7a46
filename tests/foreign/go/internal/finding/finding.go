// Package finding is what a verifier says when a law does not hold: the law's number, the place, and what was expected.
//
// The numbers are those of ARCHITECTURE.md section 5 of the ledger under audit: L1 balance, L2 append-only, L3 once,
// L4 determinism, L5 density, L6 growth, L10 exact money, L12 nothing dropped.
package finding

import "fmt"

// Finding is one law that does not hold; Index is -1 where no single entry is concerned.
type Finding struct {
	Law     string
	Journal int
	Index   int64
	Detail  string
}

func (f Finding) String() string {
	if f.Index < 0 {
		return fmt.Sprintf("%s journal %d: %s", f.Law, f.Journal, f.Detail)
	}
	return fmt.Sprintf("%s journal %d entry %d: %s", f.Law, f.Journal, f.Index, f.Detail)
}

// List collects the findings of one journal.
type List struct {
	Journal int
	Found   []Finding
}

// Add takes down a finding at an entry (-1: at none in particular).
func (l *List) Add(law string, index int64, format string, values ...any) {
	l.Found = append(l.Found, Finding{law, l.Journal, index, fmt.Sprintf(format, values...)})
}
