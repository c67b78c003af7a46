// Package book adds up one journal's entries: what an auditor asks of them beyond their hashes.
//
// By encoding/json over the leaf bytes: the written form and platforms' signatures (L4), indexes (L5), offsets (L12), parts and event keys (L3),
// each worker's balances as the sums of contributions (L1). What a scheme asks for is not worked out again here. After a wrong number it goes on from what the entry says, so that one wrong entry makes few
// findings.
package book

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"iuran.invalid/foreign/internal/canon"
	"iuran.invalid/foreign/internal/finding"
)

const integerEnd = 1 << 53

type fund struct{ scheme, fund, unit, state string }

func (f fund) String() string {
	return fmt.Sprintf("%s/%s in %s (%s)", f.scheme, f.fund, f.unit, f.state)
}

type position struct {
	index, offset int64
	part, parts   int
	sha256        string
}

// Book is one journal while it is read.
type Book struct {
	*finding.List
	Opening   *Opening
	Keys      map[string]*Key // verifier keys that entry 0 or a later act of the journal names as its own
	Roots     []Root
	Entries   int64
	Refused   int64
	Signed    int64
	next      int64 // the index that the next entry must say, and the journal
	says      int
	journals  int
	positions map[string]position
	balances  map[string]map[fund]int64
	events    map[[2]string]int64
	platforms map[string]platform
}

// New gives the book of a journal; `journals` is how many the ledger has, 0 if not known yet.
func New(journal, journals int) *Book {
	return &Book{
		List: &finding.List{Journal: journal}, Keys: map[string]*Key{}, says: journal, journals: journals,
		positions: map[string]position{}, balances: map[string]map[fund]int64{},
		events: map[[2]string]int64{}, platforms: map[string]platform{},
	}
}

// Take reads the leaf at the next index.
func (b *Book) Take(leaf []byte) {
	index := b.Entries
	b.Entries++
	if err := canon.Check(leaf); err != nil {
		b.Add("L4", index, "entry: %v", err)
		return
	}
	var entry Entry
	if err := json.Unmarshal(leaf, &entry); err != nil {
		b.Add("L4", index, "entry: %v", err)
		return
	}
	if entry.Format != "iuran-entry/v1" {
		b.Add("L4", index, "entry: expected format iuran-entry/v1, got %.40q", entry.Format)
	}
	if entry.Index != b.next || entry.Journal != b.says {
		b.Add("L5", index, "entry: expected entry %d of journal %d, got entry %d of journal %d", b.next, b.says, entry.Index, entry.Journal)
	}
	b.next, b.says = entry.Index+1, entry.Journal
	for _, other := range entry.RefersTo {
		if other < 0 || other >= index {
			b.Add("L4", index, "refers_to: expected earlier entries, got %d", other)
		}
	}
	if index == 0 {
		b.open(&entry)
	}
	b.cause(index, &entry)
	if entry.Event != nil {
		b.event(index, &entry)
	}
	if entry.Kind == "key" && entry.Event != nil {
		b.change(index, &entry)
	}
	if entry.Rejection != nil {
		b.Refused++
	}
	if worker := entry.worker(); worker != "" {
		b.add(index, worker, &entry)
	}
}

// Finish says what only the end can tell.
func (b *Book) Finish() {
	if b.Entries == 0 {
		b.Add("L2", -1, "entry 0: expected the entry that opens the journal, got none")
	}
	for topic, seen := range b.positions {
		if seen.part != seen.parts && seen.index != b.Entries-1 {
			b.Add("L3", seen.index, "cause: expected %d parts of the record at offset %d of %s, got %d", seen.parts, seen.offset, topic, seen.part)
		}
	}
}

func (b *Book) open(entry *Entry) {
	var opening Opening
	if entry.Kind != "ledger" || entry.Event == nil || json.Unmarshal(entry.Event.Data, &opening) != nil {
		b.Add("L4", 0, "entry 0: expected kind ledger, got %.40q", entry.Kind)
		return
	}
	if opening.Journal != b.Journal || opening.Journals <= b.Journal || len(opening.VKeys) != opening.Journals {
		b.Add("L4", 0, "entry 0: expected to open journal %d and to name a key of each journal, got another opening", b.Journal)
		return
	}
	b.Opening, b.journals = &opening, opening.Journals
	for _, vkey := range append(opening.Own, opening.VKeys[b.Journal]) {
		b.Keys[vkey] = &Key{Until: noEnd, Trusted: noEnd}
	}
}

// cause holds an entry's record against the one before of its topic: every offset is an entry, a duplicate or a gap.
func (b *Book) cause(index int64, entry *Entry) {
	cause := entry.Cause
	seen, ok := b.positions[cause.Topic]
	if !ok {
		seen = position{-1, -1, 1, 1, ""}
	}
	part, parts := cause.Part[0], cause.Part[1]
	if cause.Partition != b.Journal {
		b.Add("L12", index, "cause: expected partition %d, which feeds this journal, got %d", b.Journal, cause.Partition)
	}
	if part < 1 || part > parts {
		b.Add("L3", index, "cause: expected part k of m, got %d of %d", part, parts)
	}
	expected := seen.offset + 1 + cause.Since.Duplicates + cause.Since.Gap
	switch {
	case part > 1:
		if part != seen.part+1 || parts != seen.parts || cause.Offset != seen.offset || cause.SHA256 != seen.sha256 {
			b.Add("L3", index, "cause: expected part %d of %d of the record at offset %d of %s, got another", seen.part+1, seen.parts, seen.offset, cause.Topic)
		}
		if cause.Since.Duplicates != 0 || cause.Since.Gap != 0 {
			b.Add("L12", index, "since: expected nothing between two parts of one record, got a count")
		}
	case seen.part != seen.parts:
		b.Add("L3", seen.index, "cause: expected %d parts of the record at offset %d of %s, got %d", seen.parts, seen.offset, cause.Topic, seen.part)
	case cause.Offset <= seen.offset:
		b.Add("L3", index, "cause: expected an offset of %s after %d, got %d, used before", cause.Topic, seen.offset, cause.Offset)
	case cause.Offset != expected || cause.Since.Duplicates < 0 || cause.Since.Gap < 0:
		b.Add("L12", index, "since: expected offset %d of %s, the one before + 1 with %d duplicates and gap %d, got %d", expected, cause.Topic, cause.Since.Duplicates, cause.Since.Gap, cause.Offset)
	}
	b.positions[cause.Topic] = position{index, cause.Offset, part, parts, cause.SHA256}
}

func (b *Book) event(index int64, entry *Entry) {
	cause := entry.Cause
	if cause.Source == "" || cause.ID == "" {
		b.Add("L3", index, "cause: expected source and id of the accepted event, got none")
		return
	}
	key := [2]string{cause.Source, cause.ID}
	if first, ok := b.events[key]; ok {
		b.Add("L3", index, "event: expected one not entered before, got that of entry %d again", first)
	} else {
		b.events[key] = index
	}
	name, of := strings.CutPrefix(cause.Source, "urn:iuran:platform:")
	if own := "iuran.control"; of && !topicIs(cause.Topic, "gigs."+name) || !of && !topicIs(cause.Topic, own) {
		b.Add("L3", index, "cause: expected the topic on which %s speaks, got %s", cause.Source, cause.Topic)
	}
	b.signature(index, entry, name)
}

// topicIs tells whether a topic has this name, under any prefix of the ledger's own.
func topicIs(topic, name string) bool { return topic == name || strings.HasSuffix(topic, "."+name) }

func (b *Book) add(index int64, worker string, entry *Entry) {
	if b.journals > 0 {
		if partition := partitionOf(worker, b.journals); partition != b.Journal {
			b.Add("L3", index, "subject: expected a worker of journal %d, got one of %d", b.Journal, partition)
		}
	}
	totals := map[fund]int64{}
	for key, amount := range b.balances[worker] {
		totals[key] = amount
	}
	for _, row := range entry.Contributions {
		key := fund{row.Scheme, row.Fund, row.Unit, row.State}
		if key.state == "" {
			key.state = "accrued"
		}
		totals[key] += row.Amount
		if row.Amount <= -integerEnd || row.Amount >= integerEnd || row.Amount == 0 {
			b.Add("L10", index, "contribution: expected an amount within 2^53 and not 0, got %d", row.Amount)
		}
		if kind, name, _ := strings.Cut(row.Payer, ":"); name == "" || kind == "worker" && name != worker {
			b.Add("L1", index, "contribution: expected a payer that the event names, got another")
		}
	}
	stated, sorted := map[fund]int64{}, true
	for i, row := range entry.Balances {
		for _, state := range []struct {
			name   string
			amount int64
		}{
			{"accrued", row.Accrued}, {"credit", row.Credit}, {"drawn", row.Drawn},
			{"remitted", row.Remitted}, {"returned", row.Returned}, {"withheld", row.Withheld},
		} {
			stated[fund{row.Scheme, row.Fund, row.Unit, state.name}] = state.amount
		}
		if i > 0 {
			before := entry.Balances[i-1]
			sorted = sorted && bytes.Compare(key(before.Scheme, before.Fund, before.Unit), key(row.Scheme, row.Fund, row.Unit)) < 0
		}
	}
	if !sorted {
		b.Add("L4", index, "balances: expected each fund once, by scheme, fund and unit, got another order")
	}
	b.compare(index, totals, stated)
	b.balances[worker] = stated
}

func key(parts ...string) []byte { return []byte(strings.Join(parts, "\x00")) }

func (b *Book) compare(index int64, totals, stated map[fund]int64) {
	var wrong []fund
	for key, amount := range totals {
		if stated[key] != amount {
			wrong = append(wrong, key)
		}
	}
	for key, amount := range stated {
		if _, ok := totals[key]; !ok && amount != 0 {
			wrong = append(wrong, key)
		}
	}
	sort.Slice(wrong, func(i, j int) bool { return wrong[i].String() < wrong[j].String() })
	for _, key := range wrong {
		b.Add("L1", index, "balance of %s: expected %d, the balance before plus contributions, got %d", key, totals[key], stated[key])
	}
}
