package schema

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// MaxMessageBytes is the largest data of a message, in bytes. An application is
// about 700; a larger one is not one.
const MaxMessageBytes = 16 << 10

// Article is the article of the executive regulations that a residency rests on:
// 17 government and missions, 18 private sector, 20 domestic workers, 22 family.
// Which ones can be renewed is a matter of policy, not of form.
type Article uint8

// MaxArticle is the largest number of an article that is read.
const MaxArticle = 99

// SponsorID is the nine-digit number of a sponsor's file in the register.
type SponsorID uint32

// ParseSponsorID reads nine ASCII digits, the first not 0.
func ParseSponsorID(s string) (SponsorID, error) {
	n, ok := digits(s)
	if !ok || len(s) != 9 || s[0] == '0' {
		return 0, errors.New("a sponsor's number is nine digits, the first not 0")
	}
	return SponsorID(n), nil
}

// Application asks for one thing for one resident. Every field is what the
// channel stated; what the register knows is compared with it by the rules.
type Application struct {
	ID          uuid.UUID
	Kind        Kind
	CivilID     CivilID
	Article     Article
	SponsorID   SponsorID
	Months      int // how long the residency is to be extended
	Passport    Passport
	SubmittedBy string // the account or delegate at the channel
	SubmittedAt time.Time
	Fee         Payment   // zero where none was stated
	Insurance   Insurance // zero where none was stated
}

// Passport is the travel document that the application was made with.
type Passport struct {
	Number    string // capital letters and digits
	Country   string // ISO 3166-1 alpha-3, or the codes of ICAO 9303 for documents without a state
	ExpiresOn Date
}

// IsPassportNumber says whether s is 5 to 20 capital letters and digits.
func IsPassportNumber(s string) bool { return passportNumberPattern.match(s) }

// IsCountry says whether s is three capital letters.
func IsCountry(s string) bool { return countryPattern.match(s) }

// Payment is a fee paid online before the application was submitted.
type Payment struct {
	Receipt string // the payment provider's receipt number
	Amount  Fils
	PaidAt  time.Time
}

// Stated says whether the application named a payment.
func (p Payment) Stated() bool { return p.Receipt != "" }

// Insurance is the health insurance's cover, both days included.
type Insurance struct {
	Policy string
	From   Date
	To     Date
}

// Stated says whether the application named a cover.
func (i Insurance) Stated() bool { return i.Policy != "" }

// Kind is what an application asks for.
type Kind string

// The kinds of application.
const (
	KindRenewal Kind = "renewal"
)

// Kinds returns all kinds, in their order.
func Kinds() []Kind { return []Kind{KindRenewal} }

// String returns the kind as a message names it.
func (k Kind) String() string { return string(k) }

// ParseKind returns the kind that a message names.
func ParseKind(s string) (Kind, bool) { return parseName(Kinds(), s) }
