package schema

import (
	"encoding/hex"
	"testing"
	"time"
)

// The same values have the same digest, however they are spelled.
func TestDigestDoesNotSeeTheSpelling(t *testing.T) {
	accepted := goldenFiles(t, "application", "accepted")
	plain := decodeGolden(t, accepted["full"]).Digest()
	for _, name := range []string{
		"one_line", "fields_in_reverse", "white_space_of_every_kind", "size_at_limit",
		"escapes_in_values", "escapes_in_names", "application_id_in_capitals", "time_utc",
		"integer_spelled_1_0", "integer_spelled_0_12e2", "integer_spelled_120e-1",
	} {
		if decodeGolden(t, accepted[name]).Digest() != plain {
			t.Errorf("%s has another digest", name)
		}
	}
}

func decodeGolden(t *testing.T, data []byte) *Application {
	t.Helper()
	a, err := DecodeApplication(data)
	if err != nil {
		t.Fatal(err)
	}
	return &a
}

// Any other value has another digest, also where the bytes of one field could be
// those of the next.
func TestDigestSeesEveryField(t *testing.T) {
	seen := map[[32]byte]string{}
	for name, change := range map[string]func(*Application){
		"nothing":         func(*Application) {},
		"application_id":  func(a *Application) { a.ID[15]++ },
		"kind":            func(a *Application) { a.Kind = "" },
		"civil_id":        func(a *Application) { a.CivilID++ },
		"article":         func(a *Application) { a.Article = 22 },
		"sponsor_id":      func(a *Application) { a.SponsorID++ },
		"months":          func(a *Application) { a.Months++ },
		"number":          func(a *Application) { a.Passport.Number += "0" },
		"country":         func(a *Application) { a.Passport.Country = "PAK" },
		"shifted":         func(a *Application) { a.Passport.Number += "I"; a.Passport.Country = "ND" },
		"expires_on":      func(a *Application) { a.Passport.ExpiresOn++ },
		"submitted_by":    func(a *Application) { a.SubmittedBy += "." },
		"submitted_at":    func(a *Application) { a.SubmittedAt = a.SubmittedAt.Add(time.Nanosecond) },
		"receipt":         func(a *Application) { a.Fee.Receipt += "0" },
		"amount":          func(a *Application) { a.Fee.Amount++ },
		"paid_at":         func(a *Application) { a.Fee.PaidAt = a.Fee.PaidAt.Add(time.Second) },
		"no fee":          func(a *Application) { a.Fee = Payment{} },
		"policy":          func(a *Application) { a.Insurance.Policy += "0" },
		"from":            func(a *Application) { a.Insurance.From++ },
		"to":              func(a *Application) { a.Insurance.To++ },
		"no insurance":    func(a *Application) { a.Insurance = Insurance{} },
		"neither of both": func(a *Application) { a.Fee, a.Insurance = Payment{}, Insurance{} },
	} {
		a := application()
		change(&a)
		if other, ok := seen[a.Digest()]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[a.Digest()] = name
	}
}

func TestDigestDoesNotSeeTheZone(t *testing.T) {
	here, there := application(), application()
	there.SubmittedAt, there.Fee.PaidAt = there.SubmittedAt.In(Kuwait), there.Fee.PaidAt.In(Kuwait)
	if here.Digest() != there.Digest() {
		t.Error("the same instants in Kuwait have another digest")
	}
}

// The digest is stored beside every application. If this fails, resends of
// applications that are already in a record would look like conflicts.
func TestDigestIsStable(t *testing.T) {
	a := application()
	digest := a.Digest()
	const want = "2ecbc1c05dea5b7082ab0cafe355a7caed642ddac0611001f0b120777f98504c" // computed from the form's description
	if got := hex.EncodeToString(digest[:]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
