// oracle answers questions with Go's log libraries, one JSON object a line: what ours says is held against it.
//
//	{"ask": "root", "leaves": ["...", ...]}  ->  {"root": "..."}
//
// Bytes travel in base64. A question that a library refuses has the answer {"error": "..."}.
package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/formats/witness"
	mproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"iuran.invalid/foreign/internal/canon"
)

// question has what any question may need; bytes are base64 in JSON.
type question struct {
	Ask      string
	VKeys    []string
	SKey     string
	Name     string
	Note     []byte
	Text     string
	Leaves   [][]byte
	Leaf     []byte
	LeafHash []byte `json:"leaf_hash"`
	Path     [][]byte
	Root     []byte
	OldRoot  []byte `json:"old_root"`
	Size     int64
	Old      int64
	Index    int64
	Tile     string
	Policy   string
	Key      []byte
	Message  []byte
	Signed   []byte
	Document []byte
}

type answer map[string]any

// tlogSizeMax is the largest size that tlog can be asked about: beyond it its search for a power of two never ends.
const tlogSizeMax = 1 << 62

var asked = map[string]func(question) (answer, error){
	"vkey": vkey, "open": open, "sign": sign, "mldsa": newMLDSA, "checkpoint": checkpoint,
	"root": root, "prove-inclusion": proveInclusion, "prove-consistency": proveConsistency,
	"check-inclusion": checkInclusion, "check-consistency": checkConsistency, "reference": reference,
	"tile": tile, "receipt": receipt, "policy": policy, "ed25519": verifyEd25519, "canonical": canonical,
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for decoder := json.NewDecoder(in); decoder.More(); {
		var q question
		if err := decoder.Decode(&q); err != nil {
			fmt.Fprintln(os.Stderr, "oracle:", err)
			os.Exit(2)
		}
		ask, ok := asked[q.Ask]
		if !ok {
			fmt.Fprintln(os.Stderr, "oracle: unknown question", q.Ask)
			os.Exit(2)
		}
		told, err := ask(q)
		if err != nil {
			told = answer{"error": err.Error()}
		}
		out.Encode(told)
	}
}

// verifierOf reads a key as its algorithm asks: 0x01 by x/mod, cosigners' and ML-DSA-44 by formats, which takes a 0x01
// key for a cosigner's.
func verifierOf(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if key, err := base64.StdEncoding.DecodeString(parts[len(parts)-1]); err == nil && len(key) > 0 && key[0] > 1 {
		return fnote.NewVerifierForCosignatureV1(vkey)
	}
	return note.NewVerifier(vkey)
}

func vkey(q question) (answer, error) {
	verifier, err := verifierOf(q.VKeys[0])
	if err != nil {
		return nil, err
	}
	return answer{"name": verifier.Name(), "id": fmt.Sprintf("%08x", verifier.KeyHash())}, nil
}

func open(q question) (answer, error) {
	var known []note.Verifier
	for _, vkey := range q.VKeys {
		verifier, err := verifierOf(vkey)
		if err != nil {
			return nil, err
		}
		known = append(known, verifier)
	}
	opened, err := note.Open(q.Note, note.VerifierList(known...))
	if err != nil {
		return nil, err
	}
	signers, times := []string{}, []int64{}
	for _, signature := range opened.Sigs {
		signers = append(signers, fmt.Sprintf("%s+%08x", signature.Name, signature.Hash))
		if at, err := fnote.CoSigV1Timestamp(signature); err == nil {
			times = append(times, at.Unix())
		} else {
			times = append(times, -1)
		}
	}
	return answer{"text": opened.Text, "signers": signers, "times": times, "unknown": len(opened.UnverifiedSigs)}, nil
}

// sign signs a text: a plain Ed25519 key (0x01) with x/mod, all others as formats' cosigners do, with the time of day.
func sign(q question) (answer, error) {
	signer, err := note.NewSigner(q.SKey)
	if err != nil {
		if signer, err = fnote.NewSignerForCosignatureV1(q.SKey); err != nil {
			return nil, err
		}
	}
	signed, err := note.Sign(&note.Note{Text: q.Text}, signer)
	return answer{"note": signed}, err
}

func newMLDSA(q question) (answer, error) {
	skey, vkey, err := fnote.GenerateMLDSAKey(q.Name)
	return answer{"skey": skey, "vkey": vkey}, err
}

func checkpoint(q question) (answer, error) {
	var read log.Checkpoint
	rest, err := read.Unmarshal([]byte(q.Text))
	return answer{"origin": read.Origin, "size": read.Size, "root": read.Hash, "rest": string(rest), "written": string(read.Marshal())}, err
}

func root(q question) (answer, error) {
	hash, err := tlog.TreeHash(int64(len(q.Leaves)), stored(q.Leaves))
	if err != nil {
		return nil, err
	}
	other := testonly.New(rfc6962.DefaultHasher)
	other.AppendData(q.Leaves...)
	return answer{"tlog": hash[:], "merkle": other.Hash()}, nil
}

// stored gives the hashes of a tree over these leaves, as tlog stores them.
func stored(leaves [][]byte) tlog.HashReader {
	var all []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = all[index]
		}
		return found, nil
	})
	for n, leaf := range leaves {
		more, err := tlog.StoredHashes(int64(n), leaf, reader)
		if err != nil {
			panic(err)
		}
		all = append(all, more...)
	}
	return reader
}

func proveInclusion(q question) (answer, error) {
	path, err := tlog.ProveRecord(q.Size, q.Index, stored(q.Leaves[:q.Size]))
	if err != nil {
		return nil, err
	}
	return answer{"path": bytesOf(path)}, nil
}

func proveConsistency(q question) (answer, error) {
	path, err := tlog.ProveTree(q.Size, q.Old, stored(q.Leaves[:q.Size]))
	if err != nil {
		return nil, err
	}
	return answer{"path": bytesOf(path)}, nil
}

func checkInclusion(q question) (answer, error) {
	leaf := tlog.RecordHash(q.Leaf)
	if q.LeafHash != nil {
		leaf = hashOf(q.LeafHash)
	}
	other := mproof.VerifyInclusion(rfc6962.DefaultHasher, uint64(q.Index), uint64(q.Size), leaf[:], q.Path, q.Root)
	if q.Size > tlogSizeMax {
		return answer{"merkle": other == nil}, nil
	}
	one := tlog.CheckRecord(hashesOf(q.Path), q.Size, hashOf(q.Root), q.Index, leaf)
	return answer{"tlog": one == nil, "merkle": other == nil}, nil
}

func checkConsistency(q question) (answer, error) {
	other := mproof.VerifyConsistency(rfc6962.DefaultHasher, uint64(q.Old), uint64(q.Size), q.Path, q.OldRoot, q.Root)
	if q.Size > tlogSizeMax {
		return answer{"merkle": other == nil}, nil
	}
	one := tlog.CheckTree(hashesOf(q.Path), q.Size, hashOf(q.Root), q.Old, hashOf(q.OldRoot))
	return answer{"tlog": one == nil, "merkle": other == nil}, nil
}

// reference gives the reference tree that transparency-dev/merkle ships.
func reference(question) (answer, error) {
	return answer{"leaves": testonly.LeafInputs(), "roots": testonly.RootHashes(), "nodes": testonly.NodeHashes()}, nil
}

func tile(q question) (answer, error) {
	read, err := tlog.ParseTilePath(q.Tile)
	if err != nil {
		return nil, err
	}
	return answer{"level": read.L, "number": read.N, "width": read.W}, nil
}

func receipt(q question) (answer, error) {
	var read proof.TLogProof
	if err := read.Unmarshal(q.Document); err != nil {
		return nil, err
	}
	path := make([][]byte, len(read.Hashes))
	for i := range read.Hashes {
		path[i] = read.Hashes[i][:]
	}
	return answer{"index": read.Index, "path": path, "checkpoint": read.Checkpoint, "extra": read.ExtraData, "written": read.Marshal()}, nil
}

func policy(q question) (answer, error) {
	group, err := witness.ParsePolicy([]byte(q.Policy))
	if err != nil {
		return nil, err
	}
	return answer{"reached": group.Satisfied(q.Note)}, nil
}

func verifyEd25519(q question) (answer, error) {
	return answer{"valid": len(q.Key) == ed25519.PublicKeySize && ed25519.Verify(q.Key, q.Message, q.Signed)}, nil
}

func canonical(q question) (answer, error) {
	value, err := canon.Read(q.Document)
	if err != nil {
		return nil, err
	}
	written, err := canon.Write(value)
	return answer{"written": written}, err
}

func hashOf(content []byte) (hash tlog.Hash) {
	copy(hash[:], content)
	return hash
}

func hashesOf(path [][]byte) []tlog.Hash {
	all := make([]tlog.Hash, len(path))
	for i, content := range path {
		all[i] = hashOf(content)
	}
	return all
}

func bytesOf(path []tlog.Hash) [][]byte {
	all := make([][]byte, len(path))
	for i := range path {
		all[i] = path[i][:]
	}
	return all
}
