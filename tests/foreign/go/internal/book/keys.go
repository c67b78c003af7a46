package book

import (
	"encoding/json"
	"math"
)

const noEnd = math.MaxUint64

// Key says which checkpoints one of the journal's keys signs, by the journal's own entries: those of sizes above Since
// and up to Until. What a revoked key signed above Trusted proves nothing.
type Key struct{ Since, Until, Trusted uint64 }

// Root is a checkpoint that an act which revokes a key states: the tree must contain it.
type Root struct {
	Index int64
	Size  uint64
	Hash  string // hexadecimal
}

// Signing gives the keys that sign a checkpoint of a size; Vouching those of them whose signature proves something.
func (b *Book) Signing(size uint64) map[string]bool {
	return b.keys(func(key *Key) bool { return key.Since < size && size <= key.Until })
}

// Vouching: see Signing.
func (b *Book) Vouching(size uint64) map[string]bool {
	return b.keys(func(key *Key) bool { return key.Since < size && size <= key.Until && size <= key.Trusted })
}

func (b *Book) keys(which func(*Key) bool) map[string]bool {
	lines := map[string]bool{}
	for line, key := range b.Keys {
		if which(key) {
			lines[line] = true
		}
	}
	return lines
}

// change takes an act that adds, retires or revokes keys. It stands alone in its commit: the checkpoint of the size that
// it makes is still signed by the keys from before.
func (b *Book) change(index int64, entry *Entry) {
	var act struct {
		Change      string
		Journal     int
		VKeys       []string `json:"vkeys"`
		TrustedSize uint64   `json:"trusted_size"`
		TrustedRoot string   `json:"trusted_root"`
	}
	if err := json.Unmarshal(entry.Event.Data, &act); err != nil || act.Journal != b.Journal {
		b.Add("L4", index, "key: expected an act about this journal's keys, got another")
		return
	}
	size := uint64(index) + 1
	for _, vkey := range act.VKeys {
		key, known := b.Keys[vkey]
		switch {
		case act.Change == "added" && !known:
			b.Keys[vkey] = &Key{Since: size, Until: noEnd, Trusted: noEnd}
		case act.Change == "retired" && known && key.Until == noEnd:
			key.Until = size
		case act.Change == "revoked" && known && key.Trusted == noEnd && act.TrustedSize < size:
			key.Until, key.Trusted = min(key.Until, size), act.TrustedSize
			b.Roots = append(b.Roots, Root{index, act.TrustedSize, act.TrustedRoot})
		default:
			b.Add("L4", index, "key: expected a new key added, or a known one retired or revoked, got another change")
		}
	}
}
