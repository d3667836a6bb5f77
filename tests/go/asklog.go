// A log, made with golang.org/x/mod/sumdb/{note,tlog}, that asks a witness of Rogatory for its cosignatures.
//
//	asklog key                           makes a log, and prints its signing key and its verifier key
//	asklog ask URL SIGNER WITNESS-KEY    grows a tree and has each checkpoint of it cosigned
//
// C2SP tlog-witness says what has to come of each request.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "log.example/asks"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "key":
		signer, verifier, err := note.GenerateKey(rand.Reader, origin)
		if err != nil {
			return err
		}
		fmt.Println(signer)
		fmt.Println(verifier)
		return nil
	case len(args) == 4 && args[0] == "ask":
		signer, err := note.NewSigner(args[2])
		if err != nil {
			return err
		}
		witness, err := newCosigner(args[3])
		if err != nil {
			return err
		}
		return ask(strings.TrimSuffix(args[1], "/"), signer, witness)
	}
	return errors.New("usage: asklog key | asklog ask URL SIGNER WITNESS-KEY")
}

// history is a tree in memory, with every hash that tlog stores of it.
type history []tlog.Hash

func (h *history) grow(entry string, index int64) error {
	hashes, err := tlog.StoredHashes(index, []byte(entry), h)
	*h = append(*h, hashes...)
	return err
}

func (h *history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, (*h)[index])
	}
	return hashes, nil
}

// checkpoint is what the log signs of its first size entries.
func (h *history) checkpoint(size int64, signer note.Signer) ([]byte, error) {
	root, err := tlog.TreeHash(size, h)
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
	return note.Sign(&note.Note{Text: text}, signer)
}

func (h *history) request(old, size int64, signer note.Signer) (string, []byte, error) {
	signed, err := h.checkpoint(size, signer)
	if err != nil {
		return "", nil, err
	}
	body := fmt.Sprintf("old %d\n", old)
	if old > 0 {
		proof, err := tlog.ProveTree(size, old, h)
		if err != nil {
			return "", nil, err
		}
		for _, hash := range proof {
			body += hash.String() + "\n"
		}
	}
	return body + "\n" + string(signed), signed, nil
}

func ask(url string, signer note.Signer, witness note.Verifier) error {
	var ours, forked history
	for index := int64(0); index < 700; index++ {
		entry := fmt.Sprintf("entry %d", index)
		if err := ours.grow(entry, index); err != nil {
			return err
		}
		if index == 400 {
			entry = "another entry"
		}
		if err := forked.grow(entry, index); err != nil {
			return err
		}
	}
	sizes := []int64{1, 2, 255, 256, 257, 512, 699, 700}
	old := int64(0)
	for _, size := range sizes {
		body, signed, err := ours.request(old, size, signer)
		if err != nil {
			return err
		}
		status, _, answer, err := post(url, body)
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("size %d: status %d: %s", size, status, answer)
		}
		// As tlog-witness says: the checkpoint with the answer behind it is a note.
		if _, err := note.Open(append(signed, answer...), note.VerifierList(witness)); err != nil {
			return fmt.Errorf("size %d: %w", size, err)
		}
		old = size
	}
	fmt.Printf("cosigned: %d checkpoints, up to %d entries\n", len(sizes), old)

	for _, refused := range []struct {
		what      string
		tree      *history
		old, size int64
		status    int
	}{
		{"a size it has left behind", &ours, 257, 512, http.StatusConflict},
		{"a fork", &forked, 256, 700, http.StatusConflict},
		{"a fork of its own size", &forked, 700, 700, http.StatusUnprocessableEntity},
	} {
		body, _, err := refused.tree.request(refused.old, refused.size, signer)
		if err != nil {
			return err
		}
		status, kind, answer, err := post(url, body)
		if err != nil {
			return err
		}
		if status != refused.status {
			return fmt.Errorf("%s: status %d: %s", refused.what, status, answer)
		}
		if status == http.StatusConflict && (kind != "text/x.tlog.size" || string(answer) != "700\n") {
			return fmt.Errorf("%s: conflict of type %q: %q", refused.what, kind, answer)
		}
	}
	fmt.Println("refused: an old size and two forks")

	newest, err := http.Get(fmt.Sprintf("%s/%x/checkpoint", url, sha256.Sum256([]byte(origin))))
	if err != nil {
		return err
	}
	defer newest.Body.Close()
	text, err := io.ReadAll(newest.Body)
	if err != nil {
		return err
	}
	shown, err := note.Open(text, note.VerifierList(witness))
	if err != nil {
		return fmt.Errorf("the newest checkpoint: %w", err)
	}
	if !strings.HasPrefix(shown.Text, origin+"\n700\n") || len(shown.UnverifiedSigs) != 1 {
		return fmt.Errorf("the newest checkpoint is %q", text)
	}
	fmt.Println("shown: the newest checkpoint, signed by both")
	return nil
}

func post(url, body string) (int, string, []byte, error) {
	response, err := http.Post(url+"/add-checkpoint", "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header.Get("Content-Type"), answer, err
}
