package extract

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxLineBytes is the longest line, its end not counted. A record is about 150
// bytes; a longer line is not one.
const MaxLineBytes = 4 << 10

// readBytes is how much of a file is read at a time.
const readBytes = 256 << 10

// lines reads a file line by line. It knows how to go on after a line that is too long,
// which [bufio.Scanner] does not.
type lines struct{ *bufio.Reader }

func newLines(from io.Reader) *lines { return &lines{bufio.NewReaderSize(from, readBytes)} }

// next puts the next line, without its end, and its number into the record. Of a
// line that is too long it keeps the beginning.
func (l *lines) next(r *Record) (*fault, error) {
	line, err := l.ReadSlice('\n')
	length := len(line)
	if errors.Is(err, bufio.ErrBufferFull) {
		line = bytes.Clone(line[:MaxLineBytes])
		length, err = l.skipRest(length)
	}
	if err != nil && (!errors.Is(err, io.EOF) || length == 0) { // the last line may lack its end
		return nil, err
	}
	r.Line++
	if length > MaxLineBytes+len("\r\n") {
		r.Raw = line[:MaxLineBytes]
		return tooLong(length), nil
	}
	r.Raw = trimEnd(line)
	return checkLine(r.Raw), nil
}

// skipRest reads to the end of a line that fills the buffer, and returns the line's
// length.
func (l *lines) skipRest(length int) (int, error) {
	for {
		more, err := l.ReadSlice('\n')
		length += len(more)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return length, err
		}
	}
}

func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// checkLine checks what every line must be.
func checkLine(line []byte) *fault {
	switch {
	case len(line) == 0:
		return &fault{"", RuleEmpty, "an empty line"}
	case len(line) > MaxLineBytes:
		return tooLong(len(line))
	case !utf8.Valid(line):
		return &fault{"", RuleBadUTF8, "bytes that are not UTF-8"}
	}
	return nil
}

func tooLong(length int) *fault {
	return &fault{"", RuleOversize, fmt.Sprintf("%d bytes, at most %d", length, MaxLineBytes)}
}
