// verify-receipt checks that an entry lies in a signed log: two files and a key, and nothing else.
//
//	verify-receipt [-policy FILE] ENTRY PROOF VKEY
//
// ENTRY is the entry's exact bytes, PROOF its c2sp.org/tlog-proof, VKEY a verifier key or a file with one a line.
// The last line says what is proven; exit 0 only if it is.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/tlog"

	"iuran.invalid/foreign/internal/book"
	"iuran.invalid/foreign/internal/canon"
	"iuran.invalid/foreign/internal/keys"
	"iuran.invalid/foreign/internal/tree"
)

func main() {
	policy := flag.String("policy", "", "tlog-policy file whose quorum the checkpoint must have reached")
	flag.Parse()
	if flag.NArg() != 3 {
		flag.Usage()
		os.Exit(2)
	}
	verdict, err := verify(flag.Arg(0), flag.Arg(1), flag.Arg(2), *policy)
	if err != nil {
		fmt.Println("NOT verified:", err)
		os.Exit(1)
	}
	fmt.Println(verdict)
}

func verify(entryFile, proofFile, vkey, policy string) (string, error) {
	leaf, err := os.ReadFile(entryFile)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(proofFile)
	if err != nil {
		return "", err
	}
	if lines, err := os.ReadFile(vkey); err == nil {
		vkey = string(lines)
	}
	known, err := keys.Parse(strings.TrimSpace(vkey))
	if err != nil {
		return "", err
	}
	var receipt proof.TLogProof
	if err := receipt.Unmarshal(content); err != nil {
		return "", err
	}
	checkpoint, err := known.Open(receipt.Checkpoint)
	if err != nil {
		return "", err
	}
	path := make([]tlog.Hash, len(receipt.Hashes))
	for i, hash := range receipt.Hashes {
		path[i] = hash
	}
	if receipt.Index >= checkpoint.Size || checkpoint.Size > 1<<62 {
		return "", fmt.Errorf("index: expected one below the size %d, got %d", checkpoint.Size, receipt.Index)
	}
	if err := tree.CheckInclusion(path, int64(checkpoint.Size), checkpoint.Hash, int64(receipt.Index), leaf); err != nil {
		return "", err
	}
	if policy != "" {
		text, err := os.ReadFile(policy)
		if err != nil {
			return "", err
		}
		group, err := witness.ParsePolicy(text)
		if err != nil {
			return "", err
		}
		if !group.Satisfied(receipt.Checkpoint) {
			return "", fmt.Errorf("checkpoint: expected cosignatures that reach the policy's quorum, got too few")
		}
	}
	if err := own(leaf, known.Name, int64(receipt.Index)); err != nil {
		return "", err
	}
	return fmt.Sprintf("verified: entry %d of %s, under its checkpoint of size %d", receipt.Index, known.Name, checkpoint.Size), nil
}

// own holds what the entry says of its own place against the receipt's.
func own(leaf []byte, origin string, index int64) error {
	if err := canon.Check(leaf); err != nil {
		return err
	}
	var entry book.Entry
	if err := json.Unmarshal(leaf, &entry); err != nil {
		return err
	}
	if entry.Index != index || !strings.HasSuffix(origin, fmt.Sprintf("/log/%d", entry.Journal)) {
		return fmt.Errorf("entry: expected its own place to be %d of %s, got %d of journal %d", index, origin, entry.Index, entry.Journal)
	}
	return nil
}
