package extract

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

// Digest returns the SHA-256 of the extract's bytes: of the one file, or of the
// lines that sha256sum prints for the three files of a directory, in the order
// sponsors, residents, residencies. It is what `sha256sum FILE` prints, or
// `sha256sum sponsors.csv residents.csv residencies.csv | sha256sum`. It reads the
// extract once; later passes are compared with it.
func (e *Extract) Digest() ([sha256.Size]byte, error) {
	if e.digest != nil {
		return *e.digest, nil
	}
	s := newSum()
	for _, p := range e.parts {
		if err := e.sumFile(s, p); err != nil {
			return [sha256.Size]byte{}, fmt.Errorf("digest extract: %w", err)
		}
	}
	digest := s.digest(e)
	e.digest = &digest
	return digest, nil
}

func (e *Extract) sumFile(s *sum, p part) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	// With io.Copy alone io.Discard would choose the buffer, and the hash would get small
	// pieces.
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, &teeReader{f, s.file, e.observe}, make([]byte, readBytes))
	s.endFile()
	return err
}

// sum is the digest of the files read so far.
type sum struct {
	file  hash.Hash // of the file that is being read
	files [][sha256.Size]byte
}

func newSum() *sum { return &sum{file: sha256.New()} }

func (s *sum) endFile() {
	s.files = append(s.files, [sha256.Size]byte(s.file.Sum(nil)))
	s.file.Reset()
}

// digest returns the digest of all files of an extract.
func (s *sum) digest(e *Extract) [sha256.Size]byte {
	if len(e.parts) == 1 {
		return s.files[0]
	}
	var listing []byte
	for i, p := range e.parts {
		listing = hex.AppendEncode(listing, s.files[i][:])
		listing = append(listing, "  "+p.name+"\n"...)
	}
	return sha256.Sum256(listing)
}

// teeReader adds what is read to the sum and tells how much it was.
type teeReader struct {
	from    io.Reader
	sum     hash.Hash
	observe func(bytes int) // nil where nobody counts
}

func (t *teeReader) Read(b []byte) (int, error) {
	n, err := t.from.Read(b)
	t.sum.Write(b[:n])
	if t.observe != nil {
		t.observe(n)
	}
	return n, err
}
