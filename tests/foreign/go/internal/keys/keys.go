// Package keys reads verifier keys, one a line, and opens checkpoints with them, one algorithm at a time.
//
// Ed25519 (0x01) is golang.org/x/mod/sumdb/note's own; ML-DSA-44 (0x06) is github.com/transparency-dev/formats/note's.
// Each alone must do: whoever knows one of the keys needs nothing of the other.
package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Keys are the verifier keys of one log, in their order in the file.
type Keys struct {
	Name  string
	Lines []string
	known []known
}

type known struct {
	algorithm byte
	line      string
	note.Verifier
}

// Parse reads verifier keys, one a line, all of one name.
func Parse(text string) (Keys, error) {
	var keys Keys
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		algorithm, verifier, err := parse(line)
		if err != nil {
			return Keys{}, fmt.Errorf("verifier key %.40q: %w", line, err)
		}
		if keys.Name == "" {
			keys.Name = verifier.Name()
		}
		if verifier.Name() != keys.Name {
			return Keys{}, fmt.Errorf("verifier keys: expected all of %s, got one of %s", keys.Name, verifier.Name())
		}
		keys.Lines = append(keys.Lines, line)
		keys.known = append(keys.known, known{algorithm, line, verifier})
	}
	return keys, nil
}

// Only gives those of the keys that stand in a set of lines.
func (k Keys) Only(lines map[string]bool) Keys {
	some := Keys{Name: k.Name}
	for _, one := range k.known {
		if lines[one.line] {
			some.Lines, some.known = append(some.Lines, one.line), append(some.known, one)
		}
	}
	return some
}

// Signers gives the keys whose signatures a note has, verified or not.
func (k Keys) Signers(signed []byte) Keys {
	signers := map[string]bool{}
	for _, line := range bytes.Split(signed, []byte("\n")) {
		parts := bytes.SplitN(line, []byte(" "), 3)
		for _, one := range k.known {
			id := binary.BigEndian.AppendUint32(nil, one.KeyHash())
			if len(parts) == 3 && string(parts[1]) == one.Name() {
				if content, err := base64.StdEncoding.DecodeString(string(parts[2])); err == nil && bytes.HasPrefix(content, id) {
					signers[one.line] = true
				}
			}
		}
	}
	return k.Only(signers)
}

func parse(line string) (byte, note.Verifier, error) {
	parts := strings.SplitN(line, "+", 3)
	if len(parts) != 3 {
		return 0, nil, fmt.Errorf("expected name+id+key, got another form")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(key) == 0 {
		return 0, nil, fmt.Errorf("expected base64, got another text")
	}
	if key[0] != 6 {
		verifier, err := note.NewVerifier(line)
		return key[0], verifier, err
	}
	verifier, err := fnote.NewMLDSAVerifier(line)
	if err != nil {
		return 0, nil, err
	}
	// the library works the id out by itself and does not look at the written one
	if id := fmt.Sprintf("%08x", verifier.KeyHash()); id != parts[1] {
		return 0, nil, fmt.Errorf("expected id %s, got %s", id, parts[1])
	}
	return 6, verifier, nil
}

// Checkpoint is what a log signed, and the note that says so.
type Checkpoint struct {
	log.Checkpoint
	Note []byte
}

// Open gives the checkpoint that the keys' log signed: by its Ed25519 keys alone, and again by its ML-DSA-44 keys
// alone, as far as it has either. Cosignatures and keys not known are left unread, as c2sp.org/signed-note asks.
func (k Keys) Open(signed []byte) (Checkpoint, error) {
	var opened Checkpoint
	found := false
	for algorithm, called := range [...]string{1: "Ed25519", 6: "ML-DSA-44"} {
		var verifiers []note.Verifier
		for _, one := range k.known {
			if int(one.algorithm) == algorithm {
				verifiers = append(verifiers, one.Verifier)
			}
		}
		if len(verifiers) == 0 {
			continue
		}
		text, err := note.Open(signed, note.VerifierList(verifiers...))
		if err != nil {
			return Checkpoint{}, fmt.Errorf("%s: %w", called, err)
		}
		var checkpoint log.Checkpoint
		rest, err := checkpoint.Unmarshal([]byte(text.Text))
		if err != nil {
			return Checkpoint{}, err
		}
		if len(rest) > 0 || !bytes.Equal(checkpoint.Marshal(), []byte(text.Text)) || len(checkpoint.Hash) != 32 {
			return Checkpoint{}, fmt.Errorf("checkpoint: expected origin, size and root in their one spelling, got another text")
		}
		if checkpoint.Origin != k.Name {
			return Checkpoint{}, fmt.Errorf("origin: expected %s, the key's name, got %s", k.Name, checkpoint.Origin)
		}
		opened, found = Checkpoint{checkpoint, signed}, true
	}
	if !found {
		return Checkpoint{}, fmt.Errorf("signatures: expected one of a key that is known, got none")
	}
	return opened, nil
}

// Split cuts notes that stand one after the other: a note ends before the first line that is no signature.
func Split(notes []byte) [][]byte {
	var all [][]byte
	for len(notes) > 0 {
		end := bytes.Index(notes, []byte("\n\n"))
		if end < 0 {
			return append(all, notes)
		}
		end += 2
		for bytes.HasPrefix(notes[end:], []byte("— ")) {
			line := bytes.IndexByte(notes[end:], '\n')
			if line < 0 {
				end = len(notes)
				break
			}
			end += line + 1
		}
		all, notes = append(all, notes[:end]), notes[end:]
	}
	return all
}
