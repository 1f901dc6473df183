package submit

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// Every line of a file that isn't empty is either good or refused, in the order of the
// file, and what is good is published as it stands there.
func FuzzRead(f *testing.F) {
	s, err := simulate.New(simulate.Config{Residents: 1_000, Rejected: -1, Duplicates: -1, Conflicts: -1, Reused: -1, Unreadable: -1})
	if err != nil {
		f.Fatal(err)
	}
	m, _ := s.Next()
	f.Add(append(m.Value, '\n'), uint8(0), []byte("\r\n\n{}\n\xff"))
	f.Add([]byte(" \t"), uint8(2), append([]byte("\n"), m.Value...))
	f.Add([]byte("{"), uint8(1), m.Value)
	f.Fuzz(func(t *testing.T, head []byte, longer uint8, tail []byte) {
		// A line of about the longest that may be, of white space as JSON allows it.
		padding := bytes.Repeat([]byte(" "), int(longer%3)*(schema.MaxMessageBytes/2+1))
		input := bytes.Join([][]byte{head, padding, tail}, nil)
		batch, err := Read(bytes.NewReader(input))
		if err != nil {
			t.Fatal(err)
		}
		good, refused := batch.Good, batch.Refused
		for i, line := range bytes.Split(input, []byte("\n")) {
			text := bytes.TrimSpace(line)
			switch {
			case len(refused) > 0 && refused[0].Line == i+1:
				refused = refused[1:]
			case len(text) == 0:
			case len(good) > 0 && bytes.Equal(good[0].Data, text):
				if _, err := schema.DecodeApplication(text); err != nil {
					t.Errorf("line %d is good, and the contract says %v", i+1, err)
				}
				good = good[1:]
			default:
				t.Errorf("line %d is neither good nor refused", i+1)
			}
		}
		if len(good)+len(refused) > 0 {
			t.Errorf("%d good and %d refused of no line", len(good), len(refused))
		}
		for _, r := range batch.Refused {
			if r.Rule == "" || strings.Contains(r.String(), "\n") || !utf8.ValidString(r.String()) {
				t.Errorf("refused as %q", r)
			}
		}
	})
}
