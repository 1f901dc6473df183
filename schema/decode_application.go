package schema

// maxMonths is 15 years, the longest residency of any article. Which periods there are is
// a matter of policy.
const maxMonths = 180

// The forms of an application's strings.
var (
	passportNumberPattern = newPattern("A-Z0-9", 5, 20)
	countryPattern        = newPattern("A-Z", 3, 3)
	submittedByPattern    = newPattern("A-Za-z0-9._@-", 1, 64)
	receiptPattern        = newPattern("A-Z0-9-", 6, 32)
	insurancePattern      = newPattern("A-Z0-9-", 4, 32)
)

var (
	applicationMembers = newMembers(
		"application_id", "kind", "civil_id", "article", "sponsor_id", "months",
		"passport", "submitted_by", "submitted_at", "fee?", "insurance?",
	)
	passportMembers  = newMembers("number", "country", "expires_on")
	feeMembers       = newMembers("receipt", "amount_fils", "paid_at")
	insuranceMembers = newMembers("policy", "from", "to")
)

// DecodeApplication reads the data of an event [TypeApplicationSubmitted]. Any
// error is an [*Error]. The caller may use the data's bytes again: the application has
// copies.
func DecodeApplication(data []byte) (Application, error) {
	c := newCursor(data)
	a := c.application()
	if err := c.end(); err != nil {
		return Application{}, err
	}
	return a, nil
}

func (c *cursor) application() (a Application) {
	o := c.object(&applicationMembers)
	for c.member(&o) {
		switch o.name() {
		case "application_id":
			a.ID = c.uuid()
		case "kind":
			a.Kind = named(c, ParseKind)
		case "civil_id":
			a.CivilID = c.civilID()
		case "article":
			a.Article = c.article()
		case "sponsor_id":
			a.SponsorID = c.sponsorID()
		case "months":
			a.Months = c.months()
		case "passport":
			a.Passport = c.passport()
		case "submitted_by":
			a.SubmittedBy = c.code(submittedByPattern)
		case "submitted_at":
			a.SubmittedAt = c.dateTime()
		case "fee":
			a.Fee = c.fee()
		case "insurance":
			a.Insurance = c.insurance()
		}
	}
	return a
}

func (c *cursor) months() int { return int(c.integer(1, maxMonths)) }

func (c *cursor) passport() (p Passport) {
	o := c.object(&passportMembers)
	for c.member(&o) {
		switch o.name() {
		case "number":
			p.Number = c.code(passportNumberPattern)
		case "country":
			p.Country = c.code(countryPattern)
		case "expires_on":
			p.ExpiresOn = c.date()
		}
	}
	return p
}

func (c *cursor) fee() (p Payment) {
	o := c.object(&feeMembers)
	for c.member(&o) {
		switch o.name() {
		case "receipt":
			p.Receipt = c.code(receiptPattern)
		case "amount_fils":
			p.Amount = c.fils()
		case "paid_at":
			p.PaidAt = c.dateTime()
		}
	}
	return p
}

func (c *cursor) insurance() (i Insurance) {
	o := c.object(&insuranceMembers)
	for c.member(&o) {
		switch o.name() {
		case "policy":
			i.Policy = c.code(insurancePattern)
		case "from":
			i.From = c.date()
		case "to":
			i.To = c.date()
		}
	}
	return i
}
