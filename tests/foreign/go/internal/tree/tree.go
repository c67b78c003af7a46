// Package tree checks a log's tiles and bundles against a signed root, and makes proofs from what was checked.
//
// All hashing and all arithmetic of trees is golang.org/x/mod/sumdb/tlog's; each proof is checked a second time by
// github.com/transparency-dev/merkle.
package tree

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"iuran.invalid/foreign/internal/source"
)

const height = 8

// Tree is a signed tree whose tiles are read from a source below a prefix (`log/3`).
type Tree struct {
	tlog.Tree
	files  source.Source
	prefix string
	kept   map[tlog.Tile][]byte
}

// New gives the tree of a checkpoint's size and root.
func New(files source.Source, prefix string, size int64, root []byte) *Tree {
	tree := &Tree{tlog.Tree{N: size}, files, prefix, map[tlog.Tile][]byte{}}
	copy(tree.Hash[:], root)
	return tree
}

// Height, ReadTiles and SaveTiles make a Tree a tlog.TileReader.
func (t *Tree) Height() int { return height }

// ReadTiles gives the bytes of tiles, unchecked but for their length: tlog checks them against the root.
func (t *Tree) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		content, ok := t.kept[tile]
		if !ok {
			var err error
			if content, err = t.files.Read(t.path(tile)); err != nil {
				return nil, err
			}
		}
		if len(content) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: expected %d bytes, got %d", t.path(tile), tile.W*tlog.HashSize, len(content))
		}
		all[i] = content
	}
	return all, nil
}

// SaveTiles keeps what tlog has checked, but for full tiles of level 0, of which there are many.
func (t *Tree) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		if tile.L > 0 || tile.W < 1<<height {
			t.kept[tile] = data[i]
		}
	}
}

// Proven gives hashes by storage index, each proven to be in the tree.
func (t *Tree) Proven() tlog.HashReader { return tlog.TileHashReader(t.Tree, t) }

// Tiles gives the tiles that a tree of this size has, one by one: a signed size may be any number.
func (t *Tree) Tiles() iter.Seq[tlog.Tile] {
	return func(yield func(tlog.Tile) bool) {
		for level := 0; t.N>>(height*level) > 0; level++ {
			hashes := t.N >> (height * level)
			for n := int64(0); n<<height < hashes; n++ {
				if !yield(tlog.Tile{H: height, L: level, N: n, W: int(min(hashes-n<<height, 1<<height))}) {
					return
				}
			}
			if level == 7 {
				return
			}
		}
	}
}

// Check checks one tile against the root.
func (t *Tree) Check(tile tlog.Tile) error {
	if _, err := tlog.ReadTileData(tile, t.Proven()); err != nil {
		return fmt.Errorf("%s: %w", t.path(tile), err)
	}
	return nil
}

// Leaves gives the leaves of a tile's bundle, each of which hashes to the tile's hash in its place; with the first that
// does not, as a WrongLeaf, they are given all the same, so that what is wrong with them can be said.
func (t *Tree) Leaves(tile tlog.Tile) ([][]byte, error) {
	hashes, err := t.ReadTiles([]tlog.Tile{tile})
	if err != nil {
		return nil, err
	}
	tile.L = -1
	leaves, err := t.bundle(tile)
	for i, leaf := range leaves {
		hash := tlog.RecordHash(leaf)
		if !bytes.Equal(hash[:], hashes[0][i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			return leaves, WrongLeaf{tile.N<<height + int64(i)}
		}
	}
	return leaves, err
}

// WrongLeaf says that an entry's bytes are not those that the tree holds.
type WrongLeaf struct{ Index int64 }

func (w WrongLeaf) Error() string {
	return fmt.Sprintf("entry %d: expected the bytes that the tree holds, got others", w.Index)
}

func (t *Tree) bundle(tile tlog.Tile) ([][]byte, error) {
	content, err := t.files.Read(t.path(tile))
	if err != nil {
		return nil, err
	}
	leaves := make([][]byte, 0, tile.W)
	for len(content) > 0 && len(leaves) < tile.W {
		if len(content) < 2 {
			return nil, fmt.Errorf("%s: expected a length of two bytes, got one", t.path(tile))
		}
		length := int(binary.BigEndian.Uint16(content))
		if len(content) < 2+length {
			return nil, fmt.Errorf("%s: expected an entry of %d bytes, got %d", t.path(tile), length, len(content)-2)
		}
		leaves = append(leaves, content[2:2+length])
		content = content[2+length:]
	}
	if len(leaves) != tile.W || len(content) > 0 {
		return leaves, fmt.Errorf("%s: expected %d entries and no more, got %d and %d bytes", t.path(tile), tile.W, len(leaves), len(content))
	}
	return leaves, nil
}

func (t *Tree) path(tile tlog.Tile) string {
	// tlog writes the height into the path and calls bundles data; c2sp.org/tlog-tiles does neither
	path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	return t.prefix + "/" + strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

// Includes proves and checks that a leaf is at an index, with both libraries.
func (t *Tree) Includes(index int64, leaf []byte) error {
	path, err := tlog.ProveRecord(t.N, index, t.Proven())
	if err != nil {
		return err
	}
	return CheckInclusion(path, t.N, t.Hash[:], index, leaf)
}

// CheckInclusion checks an inclusion proof with both libraries.
func CheckInclusion(path []tlog.Hash, size int64, root []byte, index int64, leaf []byte) error {
	var hash tlog.Hash
	if copy(hash[:], root) != tlog.HashSize {
		return fmt.Errorf("root: expected 32 bytes, got %d", len(root))
	}
	leafHash := tlog.RecordHash(leaf)
	if err := tlog.CheckRecord(path, size, hash, index, leafHash); err != nil {
		return err
	}
	return proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(size), leafHash[:], slices(path), root)
}

// Contains proves and checks that the tree has grown from an earlier one, with both libraries.
func (t *Tree) Contains(size int64, root []byte) error {
	var old tlog.Hash
	copy(old[:], root)
	if size > t.N {
		return fmt.Errorf("expected the %d entries that were signed, got %d", size, t.N)
	}
	if size == 0 { // nothing to prove; tlog and merkle both refuse the question
		if empty := rfc6962.DefaultHasher.EmptyRoot(); !bytes.Equal(empty, root) {
			return fmt.Errorf("expected the empty tree's root at size 0, got another")
		}
		return nil
	}
	path, err := tlog.ProveTree(t.N, size, t.Proven())
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(path, t.N, t.Hash, size, old); err != nil {
		return fmt.Errorf("expected a tree that this one has grown from, got another")
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(size), uint64(t.N), slices(path), root, t.Hash[:])
}

func slices(path []tlog.Hash) [][]byte {
	all := make([][]byte, len(path))
	for i := range path {
		all[i] = path[i][:]
	}
	return all
}
