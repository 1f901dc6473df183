// Package policy holds the rules of residency as data, by the day they came into
// force, and the pure functions that read them. It decides nothing: a consumer
// asks it for a limit, a price or a window and draws the conclusion. It takes no
// time from a clock; every question names its day.
package policy

import "tajdeed/schema"

// Case is what the price and the limits of a renewal depend on.
type Case struct {
	Article        schema.Article
	SponsorKind    schema.SponsorKind
	SponsorArticle schema.Article // 0 where the sponsor is not a resident
	Relation       schema.Relation
}
