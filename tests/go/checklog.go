// Checks a log made by Rogatory with golang.org/x/mod/sumdb/{note,tlog}, which share no code with it.
//
//	checklog FOLDER KEYS [OLDER-CHECKPOINT [PROOF]]
//
// FOLDER is a served log, KEYS what `rogatory record keys` prints: the log's verifier key, then the witnesses'.
// OLDER-CHECKPOINT is a checkpoint that was served before; PROOF is a .tlog-proof of any entry.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := check(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: checklog FOLDER KEYS [OLDER-CHECKPOINT [PROOF]]")
	}
	log, known, err := readKeys(args[1])
	if err != nil {
		return err
	}
	tree, cosigned, err := readCheckpoint(filepath.Join(args[0], "checkpoint"), log, known)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, folder(args[0]))
	if err := checkEntries(args[0], tree, reader); err != nil {
		return err
	}
	fmt.Printf("inclusion: %d entries in the tree with root %v\n", tree.N, tree.Hash)
	fmt.Printf("signatures: the log's and %d of %d witnesses'\n", cosigned, len(known)-1)
	if len(args) > 2 {
		older, _, err := readCheckpoint(args[2], log, known)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, older.N, reader)
		if err != nil {
			return fmt.Errorf("consistency: %w", err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
			return fmt.Errorf("consistency: %w", err)
		}
		fmt.Printf("consistency: from %d to %d entries\n", older.N, tree.N)
	}
	if len(args) > 3 {
		index, err := checkProof(args[3], log, known)
		if err != nil {
			return err
		}
		fmt.Printf("proof: of entry %d\n", index)
	}
	return nil
}

// folder reads tiles from the files of tlog-tiles, whose paths do not name the height.
type folder string

func (f folder) Height() int { return height }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

// checkEntries checks every entry against the tree, and proves some of them one by one.
func checkEntries(root string, tree tlog.Tree, reader tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << height {
		tile := tlog.Tile{H: height, L: 0, N: first >> height, W: 1 << height}
		if tree.N-first < 1<<height {
			tile.W = int(tree.N - first)
		}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return err
		}
		var indexes []int64
		for place := 0; place < tile.W; place++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+int64(place)))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return fmt.Errorf("tiles: %w", err)
		}
		for place := 0; place < tile.W; place++ {
			index := first + int64(place)
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("%s ends within entry %d", path, index)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			leaf := tlog.RecordHash(bundle[2 : 2+length])
			bundle = bundle[2+length:]
			if leaf != hashes[place] {
				return fmt.Errorf("%s: entry %d is not what the tree holds", path, index)
			}
			if index%37 != 0 && index != tree.N-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, index, reader)
			if err != nil {
				return fmt.Errorf("inclusion: %w", err)
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf); err != nil {
				return fmt.Errorf("inclusion of entry %d: %w", index, err)
			}
		}
		if len(bundle) != 0 {
			return fmt.Errorf("%s has bytes behind its last entry", path)
		}
	}
	return nil
}

func checkProof(path string, log note.Verifier, known []note.Verifier) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	head, checkpoint, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, errors.New("proof: not a c2sp.org/tlog-proof@v1")
	}
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return 0, fmt.Errorf("proof: %w", err)
	}
	var ours struct{ Leaf []byte }
	if err := json.Unmarshal(extra, &ours); err != nil {
		return 0, fmt.Errorf("proof: %w", err)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("proof: %w", err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, fmt.Errorf("proof: %w", err)
		}
		proof = append(proof, hash)
	}
	tree, _, err := parseCheckpoint([]byte(checkpoint), log, known)
	if err != nil {
		return 0, fmt.Errorf("proof: %w", err)
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(ours.Leaf)); err != nil {
		return 0, fmt.Errorf("proof of entry %d: %w", index, err)
	}
	return index, nil
}

func readCheckpoint(path string, log note.Verifier, known []note.Verifier) (tlog.Tree, int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, 0, err
	}
	return parseCheckpoint(text, log, known)
}

// parseCheckpoint gives the tree and how many witnesses cosigned it. A signature that claims to be by a known key and does
// not verify is an error of note.Open.
func parseCheckpoint(text []byte, log note.Verifier, known []note.Verifier) (tlog.Tree, int, error) {
	signed, err := note.Open(text, note.VerifierList(known...))
	if err != nil {
		return tlog.Tree{}, 0, fmt.Errorf("checkpoint: %w", err)
	}
	byLog := false
	for _, signature := range signed.Sigs {
		byLog = byLog || (signature.Name == log.Name() && signature.Hash == log.KeyHash())
	}
	lines := strings.Split(signed.Text, "\n")
	if !byLog || len(lines) != 4 || lines[0] != log.Name() {
		return tlog.Tree{}, 0, fmt.Errorf("checkpoint: not signed by %s", log.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, 0, fmt.Errorf("checkpoint: %w", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, 0, fmt.Errorf("checkpoint: %w", err)
	}
	return tlog.Tree{N: size, Hash: root}, len(signed.Sigs) - 1, nil
}

func readKeys(path string) (note.Verifier, []note.Verifier, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	lines := strings.Fields(string(text))
	if len(lines) == 0 {
		return nil, nil, errors.New("no keys")
	}
	log, err := note.NewVerifier(lines[0])
	if err != nil {
		return nil, nil, fmt.Errorf("the log's key: %w", err)
	}
	known := []note.Verifier{log}
	for _, line := range lines[1:] {
		cosigner, err := newCosigner(line)
		if err != nil {
			return nil, nil, fmt.Errorf("a witness's key: %w", err)
		}
		known = append(known, cosigner)
	}
	return log, known, nil
}
