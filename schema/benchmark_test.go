package schema

import (
	"testing"
	"time"
)

// BenchmarkDecodeApplication reads an application by our decoder and by the library's.
func BenchmarkDecodeApplication(b *testing.B) {
	var r libraryReader
	data := []byte(applicationJSON)
	b.Run("own", func(b *testing.B) { benchmarkDecode(b, data, DecodeApplication) })
	b.Run("library", func(b *testing.B) { benchmarkDecode(b, data, r.decodeApplication) })
}

// BenchmarkDecodeDecision reads a decision by our decoder and by the library's.
func BenchmarkDecodeDecision(b *testing.B) {
	var r libraryReader
	data := []byte(decisionJSON)
	b.Run("own", func(b *testing.B) { benchmarkDecode(b, data, DecodeDecision) })
	b.Run("library", func(b *testing.B) { benchmarkDecode(b, data, r.decodeDecision) })
}

// BenchmarkDecodeLater reads a decision of a later edition, with fields that are passed over.
func BenchmarkDecodeLater(b *testing.B) {
	var r libraryReader
	data := goldenFiles(b, "decision", "later")["12_more_fields"]
	b.Run("own", func(b *testing.B) { benchmarkDecode(b, data, DecodeDecision) })
	b.Run("library", func(b *testing.B) { benchmarkDecode(b, data, r.decodeDecision) })
}

func benchmarkDecode[T any](b *testing.B, data []byte, decode func([]byte) (T, error)) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadApplication(b *testing.B) {
	key, data, h := []byte("291030104196"), []byte(applicationJSON), headers(TypeApplicationSubmitted)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadApplication(key, data, h); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadAnswer reads an approval as the stage before publishes it.
func BenchmarkReadAnswer(b *testing.B) {
	d := decision()
	d.Outcome, d.Reasons, d.NewExpiry = OutcomeApproved, 0, NewDate(2027, time.February, 19)
	key, data := []byte("291030104196"), d.AppendJSON(nil)
	h := Envelope{ID: "tajdeed.submissions.company_portal/7/118204", Type: TypeDecision, Source: "/tajdeed/renewals", Time: d.DecidedAt}.Headers()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadAnswer(key, data, h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendApplication(b *testing.B) {
	a := application()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = a.AppendJSON(dst[:0])
	}
}

func BenchmarkAppendDecision(b *testing.B) {
	d := decision()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = d.AppendJSON(dst[:0])
	}
}

func BenchmarkDigest(b *testing.B) {
	a := application()
	b.ReportAllocs()
	for b.Loop() {
		a.Digest()
	}
}
