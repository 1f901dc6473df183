package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// lines are where the values of a JSON text begin, by their paths: "fees[17].rule".
type lines map[string]int

// at is the line of a value, or of what holds it.
func (l lines) at(path string) int {
	for path != "" {
		if line, found := l[path]; found {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return l[""]
}

// linesOf reads where the values of a text begin. The text must be JSON.
func linesOf(raw []byte) (lines, error) {
	l, decoder := lines{}, json.NewDecoder(bytes.NewReader(raw))
	if err := l.value(raw, decoder, ""); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return l, nil
}

// value notes a value, and those in it.
func (l lines) value(raw []byte, decoder *json.Decoder, path string) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	l[path] = lineAt(raw, decoder.InputOffset())
	opening, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	for i := 0; decoder.More(); i++ {
		child := path + "[" + strconv.Itoa(i) + "]"
		if opening == '{' {
			name, err := decoder.Token()
			if err != nil {
				return err
			}
			child = strings.TrimPrefix(fmt.Sprint(path, ".", name), ".")
		}
		if err := l.value(raw, decoder, child); err != nil {
			return err
		}
	}
	_, err = decoder.Token() // the closing one
	return err
}

// lineAt is the line of an offset, from 1.
func lineAt(raw []byte, offset int64) int {
	return 1 + bytes.Count(raw[:min(offset, int64(len(raw)))], []byte("\n"))
}

// lineOfField is the line of the field that the decoder does not know. The library has no type
// for that error: its text ends with the name. Where no field is called so, it is line 1.
func lineOfField(raw []byte, err error) int {
	_, name, _ := strings.Cut(err.Error(), `"`)
	name = strings.TrimSuffix(name, `"`)
	all, failed := linesOf(raw)
	line := 0
	for path, at := range all {
		if failed == nil && (path == name || strings.HasSuffix(path, "."+name)) && (line == 0 || at < line) {
			line = at
		}
	}
	return max(line, 1)
}
