// verify-log checks a ledger's logs, from an exported folder or over HTTP, with Go's own log libraries.
//
//	verify-log [-vkeys FILE] [-against FILE]... [-policy FILE] [-token-file FILE] DIR-or-URL
//
// For each journal that entry 0 names: the checkpoint opened by its Ed25519 key and again by its ML-DSA-44 key; every
// tile against the root; every entry's bytes against the tiles; growth from every earlier checkpoint; inclusion proofs;
// then the entries added up. Findings are printed in order, then the verdict as the last line; exit 0 only if all holds.
//
// Without -vkeys the keys are the export's own: then whoever made the export may have chosen them, and it says so.
// -against names checkpoints or receipts held elsewhere, which the logs must contain. -policy is a c2sp.org/tlog-policy
// file with the witnesses' addresses in it, whose quorum each checkpoint must have reached.
package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/formats/witness"

	"iuran.invalid/foreign/internal/book"
	"iuran.invalid/foreign/internal/finding"
	"iuran.invalid/foreign/internal/keys"
	"iuran.invalid/foreign/internal/source"
	"iuran.invalid/foreign/internal/tree"
)

const inclusionsMax = 1000

type audit struct {
	files   source.Source
	trusted map[string][]string // verifier keys by name; nil: take the log's own
	against []keys.Checkpoint   // not opened yet: whose they are is read from the text
	quorum  *witness.Group
	found   []finding.Finding
	entries int64
}

func main() {
	var a audit
	var against list
	vkeys := flag.String("vkeys", "", "file of trusted verifier keys, one a line")
	policy := flag.String("policy", "", "tlog-policy file whose quorum each checkpoint must have reached")
	token := flag.String("token-file", "", "file with a bearer token for entry bundles")
	flag.Var(&against, "against", "checkpoint or receipt held elsewhere; may be repeated")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	a.files = source.Open(flag.Arg(0), strings.TrimSpace(read(*token)))
	a.trust(read(*vkeys))
	for _, path := range against {
		a.hold(path, []byte(read(path)))
	}
	if *policy != "" {
		group, err := witness.ParsePolicy([]byte(read(*policy)))
		fail(err)
		a.quorum = &group
	}
	journals := a.all()
	for _, f := range a.found {
		fmt.Println(f)
	}
	if a.trusted == nil {
		fmt.Println("keys are the log's own: a log written anew under other keys is not found this way")
	}
	if len(a.found) > 0 {
		fmt.Printf("NOT verified: %d findings, first: %s\n", len(a.found), a.found[0])
		os.Exit(1)
	}
	fmt.Printf("verified: %d journals, %d entries\n", journals, a.entries)
}

// all checks every journal that journal 0 names, and holds what they say of the ledger against each other.
func (a *audit) all() int {
	first := a.journal(0, 0)
	if first == nil {
		return 1
	}
	for n := 1; n < first.Journals; n++ {
		opening := a.journal(n, first.Journals)
		if opening == nil {
			continue
		}
		if opening.Ledger != first.Ledger || opening.Journals != first.Journals || !slices.Equal(opening.VKeys, first.VKeys) {
			a.found = append(a.found, finding.Finding{Law: "L6", Journal: n, Detail: "entry 0: expected the ledger, journals and verifier keys that journal 0 names, got others"})
		}
	}
	for _, held := range a.against {
		if name, number, ok := cutLast(held.Origin, "/log/"); !ok || name != first.Ledger || !isJournal(number, first.Journals) {
			a.found = append(a.found, finding.Finding{Law: "L6", Index: -1, Detail: "held checkpoint: expected one of this ledger, got one of " + held.Origin})
		}
	}
	return first.Journals
}

// journal checks one journal and gives what its entry 0 says, if it says anything.
func (a *audit) journal(number, journals int) *book.Opening {
	prefix := fmt.Sprintf("log/%d", number)
	entries := book.New(number, journals)
	list := entries.List
	defer func() { a.found = append(a.found, list.Found...) }()
	own, known, err := a.keysOf(prefix)
	if err != nil {
		law := "L6"
		if errors.Is(err, source.ErrNone) {
			law = "L2"
		}
		list.Add(law, -1, "%v", err)
		return nil
	}
	note, err := a.files.Read(prefix + "/checkpoint")
	if err != nil {
		list.Add("L2", -1, "%v", err)
		return nil
	}
	checkpoint, err := known.Signers(note).Open(note)
	if err != nil {
		list.Add("L6", -1, "checkpoint: %v", err)
		return nil
	}
	if a.quorum != nil && !a.quorum.Satisfied(note) {
		list.Add("L6", -1, "checkpoint: expected cosignatures that reach the policy's quorum, got too few")
	}
	if checkpoint.Size > 1<<62 {
		list.Add("L6", -1, "checkpoint: expected a size below 2^62, got %d", checkpoint.Size)
		return nil
	}
	log := tree.New(a.files, prefix, int64(checkpoint.Size), checkpoint.Hash)
	if a.walk(log, entries) {
		// the trusted keys vouch for the entries, and these for all keys that the journal ever had
		named, err := keys.Parse(strings.Join(slices.Collect(maps.Keys(entries.Keys)), "\n"))
		if err != nil {
			list.Add("L6", 0, "entry 0: %v", err)
			named = known
		}
		signed(list, named, entries, "checkpoint", checkpoint)
		a.growth(log, entries, named, prefix)
	}
	a.entries += entries.Entries
	if entries.Opening == nil {
		return nil
	}
	if want := fmt.Sprintf("%s/log/%d", entries.Opening.Ledger, number); known.Name != want {
		list.Add("L6", 0, "entry 0: expected the log named %s, got %s", want, known.Name)
	}
	for _, vkey := range append(own.Lines, known.Lines...) {
		if entries.Keys[vkey] == nil {
			list.Add("L6", 0, "entry 0: expected to name the verifier keys that are given or trusted, got others")
		}
	}
	return entries.Opening
}

// keysOf gives the keys of the log's own file, and those that are trusted: the same where the auditor brought none.
func (a *audit) keysOf(prefix string) (own, known keys.Keys, err error) {
	text, err := a.files.Read(prefix + "/vkey")
	if err != nil {
		return own, known, err
	}
	own, err = keys.Parse(string(text))
	if err != nil || a.trusted == nil {
		return own, own, err
	}
	trusted := a.trusted[own.Name]
	if len(trusted) == 0 {
		return own, known, fmt.Errorf("verifier key: expected a trusted one named %s, got none", own.Name)
	}
	known, err = keys.Parse(strings.Join(trusted, "\n"))
	return own, known, err
}

// walk checks each tile and bundle and reads the entries, proven or not: a wrong one may say itself what is wrong with
// it. It tells whether all was proven.
func (a *audit) walk(log *tree.Tree, entries *book.Book) bool {
	step, proven := log.N/inclusionsMax+1, true
	for tile := range log.Tiles() {
		if err := log.Check(tile); err != nil {
			if proven {
				entries.Add("L2", -1, "%v", err)
			}
			proven = false
		}
		if tile.L > 0 {
			continue
		}
		leaves, err := log.Leaves(tile)
		var wrong tree.WrongLeaf
		if errors.As(err, &wrong) {
			entries.Add("L2", wrong.Index, "%v", err)
		} else if err != nil {
			entries.Add("L2", -1, "%v", err)
		}
		proven = proven && err == nil
		for _, leaf := range leaves {
			index := entries.Entries
			entries.Take(leaf)
			if proven && index%step == 0 {
				if err := log.Includes(index, leaf); err != nil {
					entries.Add("L2", index, "inclusion: %v", err)
				}
			}
		}
		if len(leaves) < tile.W {
			break
		}
	}
	entries.Finish()
	return proven
}

// growth checks that the tree, which was proven, contains every earlier checkpoint that the log kept, and those held
// elsewhere.
func (a *audit) growth(log *tree.Tree, entries *book.Book, known keys.Keys, prefix string) {
	list := entries.List
	kept, err := a.files.Read(prefix + "/checkpoints")
	if err != nil && !errors.Is(err, source.ErrNone) {
		list.Add("L6", -1, "%v", err)
	}
	before := uint64(0)
	for number, note := range keys.Split(kept) {
		checkpoint, err := known.Signers(note).Open(note)
		if err != nil {
			list.Add("L6", -1, "checkpoint %d of those kept: %v", number, err)
			continue
		}
		if checkpoint.Size <= before {
			list.Add("L6", -1, "checkpoint of size %d: expected a size above %d, got no growth", checkpoint.Size, before)
		}
		before = checkpoint.Size
		contained(log, list, "checkpoint", checkpoint)
		signed(list, known, entries, "checkpoint", checkpoint)
	}
	for _, held := range a.against {
		if held.Origin != known.Name {
			continue
		}
		checkpoint, err := known.Signers(held.Note).Open(held.Note)
		if err != nil {
			list.Add("L6", -1, "held checkpoint of size %d: %v", held.Size, err)
		} else if !provesNothing(known, entries, checkpoint) {
			contained(log, list, "held checkpoint", checkpoint)
			signed(list, known, entries, "held checkpoint", checkpoint)
		} else if a.quorum != nil && a.quorum.N > 0 && a.quorum.Satisfied(held.Note) {
			// a quorum's word holds whatever became of the log's key
			contained(log, list, "held checkpoint", checkpoint)
		}
	}
	for _, root := range entries.Roots {
		if hash, err := hex.DecodeString(root.Hash); err != nil || log.Contains(int64(root.Size), hash) != nil {
			list.Add("L6", root.Index, "key: expected the checkpoint up to which it is trusted to be of this tree, got another")
		}
	}
}

// contained checks that an earlier checkpoint is of this tree.
func contained(log *tree.Tree, list *finding.List, what string, checkpoint keys.Checkpoint) {
	if err := log.Contains(int64(checkpoint.Size), checkpoint.Hash); err != nil {
		list.Add("L6", -1, "%s of size %d: %v", what, checkpoint.Size, err)
	}
}

// provesNothing tells whether none but revoked keys signed a checkpoint, above the size up to which they are trusted:
// whoever holds them may have signed it over any tree.
func provesNothing(known keys.Keys, entries *book.Book, checkpoint keys.Checkpoint) bool {
	signers := known.Signers(checkpoint.Note)
	signing := signers.Only(entries.Signing(checkpoint.Size))
	return len(signing.Lines) == len(signers.Lines) && len(signers.Only(entries.Vouching(checkpoint.Size)).Lines) == 0
}

// signed checks who signed a checkpoint, by the journal's own word: keys that sign at its size and no others, and of
// each algorithm that is known, one whose signature proves something, unless all that sign there were revoked later.
func signed(list *finding.List, known keys.Keys, entries *book.Book, what string, checkpoint keys.Checkpoint) {
	signing := entries.Signing(checkpoint.Size)
	for _, line := range known.Signers(checkpoint.Note).Lines {
		if !signing[line] {
			list.Add("L6", -1, "%s of size %d: expected signatures of keys that sign at that size, got another's", what, checkpoint.Size)
		}
	}
	vouching := known.Only(entries.Vouching(checkpoint.Size))
	if len(vouching.Lines) == 0 && len(known.Signers(checkpoint.Note).Only(signing).Lines) > 0 {
		return
	}
	if _, err := vouching.Open(checkpoint.Note); err != nil {
		list.Add("L6", -1, "%s of size %d: expected the keys that vouch for that size: %v", what, checkpoint.Size, err)
	}
}

func (a *audit) trust(vkeys string) {
	if vkeys == "" {
		return
	}
	a.trusted = map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(vkeys), "\n") {
		name, _, _ := strings.Cut(line, "+")
		a.trusted[name] = append(a.trusted[name], line)
	}
}

// hold takes down a checkpoint, or the one in a receipt, that was seen elsewhere.
func (a *audit) hold(path string, content []byte) {
	if strings.HasPrefix(string(content), "c2sp.org/tlog-proof@v1\n") {
		var receipt proof.TLogProof
		fail(receipt.Unmarshal(content))
		content = receipt.Checkpoint
	}
	held := keys.Checkpoint{Note: content}
	if _, err := held.Unmarshal(content); err != nil {
		fail(fmt.Errorf("%s: %w", path, err))
	}
	a.against = append(a.against, held)
}

func cutLast(text, separator string) (string, string, bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return "", "", false
	}
	return text[:at], text[at+len(separator):], true
}

func isJournal(number string, journals int) bool {
	for n := range journals {
		if fmt.Sprint(n) == number {
			return true
		}
	}
	return false
}

type list []string

func (l *list) String() string { return strings.Join(*l, " ") }
func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func read(path string) string {
	if path == "" {
		return ""
	}
	content, err := os.ReadFile(path)
	fail(err)
	return string(content)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify-log:", err)
		os.Exit(2)
	}
}
